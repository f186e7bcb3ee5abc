"""Partitions beside a worker's own: what joining operators read whole, wherever their share lies.

They are read by hand, without the group, each from where its operator's checkpoint has it. Nothing is
stepped silently: a checkpoint goes with all that is published, so what lies behind it is not out yet.

Two readers run at two speeds. So that neither piles up rows for the other, a partition that is ahead is
not read on: one of the share while its rows wait for what lies beside, whether or not that has been
published yet; one beside while rows of it are held for the share, unless something waits for it. What is
not read stays in the log, so nothing is lost, and what is waited for is always read, so nothing stands
still. Holding decides when something is read, and never what is joined.
"""

from collections.abc import Collection, Mapping

from schemas.topics import Topic
from schemas.wire.kafka import Positions, Reader
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.tasks import PendingCommit, Task

#: Taken at once, of either side: what then waits at most stays far within what one commit may hold.
MAX_TAKEN = 256


class CompanionReader:
    """Reads for the tasks of one worker.

    Args:
        group: Names the client; no offsets are committed.
        topic: The first input of the job.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, group: str, topic: Topic) -> None:
        self._reader = Reader(endpoint, group=f"{group}-beside", topics=(), is_fixed=True)
        self._topic = topic
        self._places: frozenset[tuple[str, int]] = frozenset()

    def share(self, tasks: Mapping[int, Task]) -> None:
        """Read on for these tasks, and for no others."""
        starts: Positions = {}
        for task in tasks.values():
            for place in companion_places(task, self._topic):
                starts[place] = min(task.broadcast_offsets.get(place, 0), starts.get(place, 2**62))
        self._places = frozenset(starts)
        self._reader.seek(starts)

    def take(self, tasks: Collection[Task], pending: PendingCommit, *, timeout_s: float) -> int:
        """Step what has arrived of the partitions that are not held; how many messages that were."""
        if not self._places:
            return 0
        self._reader.hold(held_companion_places(tasks, self._topic))
        taken = self._reader.take(max_messages=MAX_TAKEN, timeout_s=timeout_s)
        for run in taken.runs:
            for task in tasks:
                if run.place in companion_places(task, self._topic):
                    task.step_beside(run, pending)
        return len(taken)

    def close(self) -> None:
        """Free the connection."""
        self._reader.close()


def companion_places(task: Task, topic: Topic) -> list[tuple[str, int]]:
    """The partitions that a task reads beside its own."""
    numbers = () if task.joining is None else task.joining.partitions_beside
    return [(topic.name, number) for number in sorted(numbers)]


def held_companion_places(tasks: Collection[Task], topic: Topic) -> set[tuple[str, int]]:
    """The partitions that some task has read far enough ahead, and that no task waits for."""
    joining = [task.joining for task in tasks if task.joining is not None]
    ahead = {number for operator in joining for number in operator.holds_beside}
    needed = {number for operator in joining for number in operator.needs_beside} if ahead else set()
    return {(topic.name, number) for number in ahead - needed}

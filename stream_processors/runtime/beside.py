"""Partitions beside a worker's own: what joining operators read whole, wherever their share lies.

They are read by hand, without the group, each from where its operator's checkpoint has it. Nothing is
stepped silently: a checkpoint goes with all that is published, so what lies behind it is not out yet.

Two readers run at two speeds. So that neither piles up rows for the other, own partitions are not read
on while own rows wait for what lies beside and has not been read to its end, nor the other way round.
"""

from collections.abc import Collection, Mapping, Sequence

from schemas.topics import Topic
from schemas.wire.kafka import Positions, Reader
from schemas.wire.settings import KafkaEndpoint
from stream_processors.operators.protocols import JoiningOperator
from stream_processors.runtime.tasks import Pending, Task

#: Taken at once, of either side: what then waits at most stays far within what one commit may hold.
MAX_TAKEN = 256
_WAIT_S = 0.02


class Beside:
    """Reads for the tasks of one worker.

    Args:
        group: Names the client; no offsets are committed.
        topic: The first input of the job.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, group: str, topic: Topic) -> None:
        self._reader = Reader(endpoint, group=f"{group}-beside", topics=(), is_fixed=True, sees_ends=True)
        self._topic = topic
        self._places: frozenset[tuple[str, int]] = frozenset()
        self._at_end: set[tuple[str, int]] = set()

    def share(self, tasks: Mapping[int, Task]) -> None:
        """Read on for these tasks, and for no others."""
        starts: Positions = {}
        for task in tasks.values():
            for place in places_beside(task, self._topic):
                starts[place] = min(task.broadcast_offsets.get(place, 0), starts.get(place, 2**62))
        self._places = frozenset(starts)
        self._at_end = set()
        self._reader.seek(starts)

    def take(self, tasks: Collection[Task], pending: Pending, *, is_input_idle: bool) -> None:
        """Step what has arrived, unless operators are ahead with it already."""
        joining = [task.joining for task in tasks if task.joining is not None]
        if not self._places or (_are_ahead(joining) and not is_input_idle):
            return
        timeout_s = _WAIT_S if self.holds_up(tasks) else 0
        taken = self._reader.take(max_messages=MAX_TAKEN, timeout_s=timeout_s)
        for run in taken.runs:
            self._at_end.discard(run.place)
            for task in tasks:
                if run.place in places_beside(task, self._topic):
                    task.step_beside(run, pending)
        self._at_end.update(taken.ends)

    def holds_up(self, tasks: Collection[Task]) -> bool:
        """Whether own partitions are not to be read on before what lies beside was."""
        is_waiting = any(task.joining is not None and task.joining.is_waiting for task in tasks)
        return is_waiting and not self._places <= self._at_end

    def close(self) -> None:
        """Free the connection."""
        self._reader.close()


def places_beside(task: Task, topic: Topic) -> list[tuple[str, int]]:
    """The partitions that a task reads beside its own."""
    numbers = () if task.joining is None else task.joining.partitions_beside
    return [(topic.name, number) for number in sorted(numbers)]


def _are_ahead(joining: Sequence[JoiningOperator]) -> bool:
    """A joining operator that waits is never kept from what it waits for."""
    return any(operator.is_ahead for operator in joining) and not any(
        operator.is_waiting for operator in joining
    )

"""Reading the partitions of companions: what joining operators read whole, wherever their share lies.

These partitions are read by hand, without the group, each from the position that its operator's checkpoint
holds. Nothing is stepped silently here: everything that is published goes with a checkpoint, so nothing
after a checkpoint is published yet.

Two readers run at two speeds. A partition that is ahead is not read on, so that neither reader collects
rows for the other:

- A partition of the share is held while its rows wait for a companion, whether or not the companion's row
  has been published yet.
- A companion's partition is held while its rows wait for the share, unless something waits for it.

A record that is not read stays in the log, so nothing is lost. A record that is waited for is always read,
so nothing stands still. Holding decides when something is read, and never what is joined.
"""

from collections.abc import Collection, Mapping

from schemas.wire.kafka import Positions, Reader
from schemas.wire.settings import KafkaEndpoint
from stream_processors.operators.protocols import Place
from stream_processors.runtime.pending import PendingCommit
from stream_processors.runtime.tasks import Task

#: The most messages that are taken at once from either side, so that the rows that then wait stay far below
#: what one commit may hold.
MAX_TAKEN = 256


class CompanionReader:
    """Reads companions' partitions for the tasks of one worker.

    Args:
        endpoint: The broker.
        group: Names the client. No offsets are committed.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, group: str) -> None:
        self._reader = Reader(endpoint, group=f"{group}-beside", topics=(), is_fixed=True)
        self._places: frozenset[Place] = frozenset()

    def share(self, tasks: Mapping[int, Task]) -> None:
        """Read on for these tasks, and for no others."""
        starts: Positions = {}
        for task in tasks.values():
            for place in companion_places(task):
                starts[place] = min(task.broadcast_offsets.get(place, 0), starts.get(place, 2**62))
        self._places = frozenset(starts)
        self._reader.seek(starts)

    def take(self, tasks: Collection[Task], pending: PendingCommit, *, timeout_s: float) -> int:
        """Step what has arrived of the partitions that are not held.

        Args:
            tasks: The worker's tasks.
            pending: Collects what follows from the messages.
            timeout_s: How long to wait for a message.

        Returns:
            How many messages were taken.
        """
        if not self._places:
            return 0
        self._reader.hold(held_companion_places(tasks))
        taken = self._reader.take(max_messages=MAX_TAKEN, timeout_s=timeout_s)
        for run in taken.runs:
            for task in tasks:
                if run.place in companion_places(task):
                    task.step_beside(run, pending)
        return len(taken)

    def close(self) -> None:
        """Close the connection to the broker."""
        self._reader.close()


def companion_places(task: Task) -> list[Place]:
    """The companions' partitions that a task reads besides its own."""
    return [] if task.joining is None else sorted(task.joining.places_beside)


def held_companion_places(tasks: Collection[Task]) -> set[Place]:
    """The companions' partitions that some task has read far enough ahead, and that no task waits for."""
    joining = [task.joining for task in tasks if task.joining is not None]
    ahead = {place for operator in joining for place in operator.holds_beside}
    needed = {place for operator in joining for place in operator.needs_beside} if ahead else set()
    return ahead - needed

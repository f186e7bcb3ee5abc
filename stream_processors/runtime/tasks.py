"""Tasks, each an operator with its place in the log, and what a batch of messages leads to.

This is the worker without a broker: :class:`Task` steps runs of messages and :class:`Pending`
gathers what follows, until it is committed. The worker and the test driver both run it.
"""

from collections.abc import Iterable
from typing import NamedTuple

from schemas import codec
from schemas.errors import ContractError
from schemas.events import Event
from schemas.topics import BY_NAME, Topic
from schemas.wire.kafka import Positions, Record, Run
from stream_processors.operators.protocols import JoiningOperator, Operator, Output, step_values
from stream_processors.runtime.checkpointing import Snapshot

TRACE = "trace-id"


class Due(NamedTuple):
    """An output on its way.

    Attributes:
        partition: The number of the input's partition.
        trace_id: Of the message that triggered it.
    """

    partition: int
    output: Output
    trace_id: str | None


class Pending:
    """What messages lead to, until it is committed.

    Attributes:
        outputs: To publish, in order.
        dead: Messages that break the contract, and why.
        seen: Events of the inputs, among which are views.
        snapshots: By partition number.
        positions: The offsets to commit.
        needs_snapshot: Whether every task is due for a snapshot with this commit.
        bound_to_snapshot: Tasks, by number, whose outputs here are committed with their state or not at all.
    """

    def __init__(self, *, needs_snapshot: bool = False) -> None:
        self.outputs: list[Due] = []
        self.dead: list[tuple[Record, ContractError]] = []
        self.seen: list[Event] = []
        self.snapshots: dict[int, Snapshot] = {}
        self.positions: Positions = {}
        self.needs_snapshot = needs_snapshot
        self.bound_to_snapshot: set[int] = set()
        self.n_messages = 0

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for it: outputs, dead letters, a snapshot that must not be missed."""
        return bool(self.outputs or self.dead or self.snapshots or self.needs_snapshot)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to commit."""
        return not (self.is_urgent or self.positions)


class Task:
    """One operator, with the same-numbered partition of each input.

    Attributes:
        offsets: The next offset to step, by input topic.
        broadcast_offsets: The next offset to step of each broadcast partition, and of each beside its own.
        joining: The operator, where it also reads partitions beside its own.
        n_since_snapshot: Messages stepped since the last snapshot.
        snapshot_at_s: When that was, by the monotonic clock.
    """

    def __init__(self, operator: Operator, *, partition: int) -> None:
        self.operator = operator
        self.joining = operator if isinstance(operator, JoiningOperator) else None
        self.partition = partition
        self.offsets: dict[str, int] = {}
        self.broadcast_offsets: Positions = {}
        self.n_since_snapshot = 0
        self.snapshot_at_s = 0.0

    def step(self, run: Run, pending: Pending) -> None:
        """Step a run of an input; what was stepped before is passed over."""
        left = run.since(self.offsets.get(run.topic, 0))
        if left is None:
            return
        stepped = step_values(self.operator, BY_NAME[run.topic], left.values(), left.headers_of)
        self.offsets[run.topic] = pending.positions[run.place] = left.next_offset
        self.n_since_snapshot += len(left.messages)
        pending.n_messages += len(left.messages)
        pending.seen.extend(stepped.seen)
        pending.dead.extend((left.record(number), error) for number, error in stepped.rejected)
        if self.joining is not None and (stepped.outputs or stepped.rejected):
            pending.bound_to_snapshot.add(self.partition)
        traces: dict[int, str] = {}
        for number, output in stepped.outputs:
            if number not in traces:
                traces[number] = trace_of(left.headers_of(number), left.messages[number].value())
            pending.outputs.append(Due(self.partition, output, traces[number]))

    def step_beside(self, run: Run, pending: Pending) -> None:
        """Step a run of a partition beside its own; what was stepped before is passed over.

        A message that breaks the contract is put aside by whoever has it as an input.
        """
        left = run.since(self.broadcast_offsets.get(run.place, 0))
        if left is None or self.joining is None:
            return
        self.broadcast_offsets[run.place] = left.next_offset
        self.n_since_snapshot += len(left.messages)
        for number, value in enumerate(left.values()):
            try:
                event: Event = codec.decode(BY_NAME[run.topic], value, left.headers_of(number))
                outputs = list(self.joining.step_beside(run.partition, event))
            except ContractError:
                continue
            if outputs:
                self._bind(pending)
                trace = trace_of(left.headers_of(number), value)
                pending.outputs.extend(Due(self.partition, output, trace) for output in outputs)

    def _bind(self, pending: Pending) -> None:
        """Outputs without an input of its own are committed in the name of its share all the same."""
        pending.bound_to_snapshot.add(self.partition)
        for name, offset in self.offsets.items():
            pending.positions.setdefault((name, self.partition), offset)

    def step_silently(self, run: Run) -> int:
        """Step a run whose outputs are out already; how many messages that were."""
        step_values(self.operator, BY_NAME[run.topic], run.values(), run.headers_of)
        self.offsets[run.topic] = run.next_offset
        return len(run.messages)

    def step_broadcast(self, record: Record, pending: Pending) -> None:
        """Step a record of a broadcast topic; one that was stepped before is passed over.

        Raises:
            ContractError: If it breaks the contract; it counts as stepped.
        """
        place = (record.topic, record.partition)
        if record.offset < self.broadcast_offsets.get(place, 0):
            return
        self.broadcast_offsets[place] = record.offset + 1
        self.n_since_snapshot += 1
        topic: Topic = BY_NAME[record.topic]
        event: Event = codec.decode(topic, record.value, record.headers)
        trace = trace_of(record.headers, record.value)
        outputs = list(self.operator.step(topic, event))
        pending.outputs.extend(Due(self.partition, output, trace) for output in outputs)

    def snapshot(self) -> Snapshot:
        """Its state, with the offsets that it stands for."""
        return Snapshot(
            offsets=dict(self.offsets),
            broadcast_offsets=[(name, number, at) for (name, number), at in self.broadcast_offsets.items()],
            state=self.operator.snapshot(),
        )

    def restore(self, snapshot: Snapshot) -> None:
        """Take over a snapshot.

        Raises:
            SnapshotMismatchError: If it is of another release.
        """
        self.operator.restore(snapshot.state)
        self.offsets = dict(snapshot.offsets)
        self.broadcast_offsets = {(name, number): at for name, number, at in snapshot.broadcast_offsets}


def trace_of(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> str:
    """The trace of a message: what its headers say, else the one that it begins itself."""
    for name, stated in headers:
        if name == TRACE and stated:
            return stated.decode(errors="replace")
    return codec.trace_id(value or b"")


def step_broadcast(tasks: Iterable[Task], record: Record, pending: Pending) -> None:
    """Step a broadcast record into every task; a bad one becomes one dead letter."""
    pending.needs_snapshot = True
    error: ContractError | None = None
    for task in tasks:
        try:
            task.step_broadcast(record, pending)
        except ContractError as found:
            error = found
    if error is not None:
        pending.dead.append((record, error))

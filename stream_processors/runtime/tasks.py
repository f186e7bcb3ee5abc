"""Tasks, each an operator with its place in the log, and what a batch of messages leads to.

This is the worker without a broker: :class:`Task` steps runs of messages and :class:`PendingCommit`
gathers what follows, until it is committed. The worker and the test driver both run it.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple
from uuid import uuid4

import msgspec

from schemas import codec
from schemas.errors import ContractError
from schemas.events import Event
from schemas.topics import BY_NAME, Topic
from schemas.wire.kafka import Positions, Record, Run
from stream_processors.operators.keys import parts_of
from stream_processors.operators.protocols import (
    MOST_OUTPUTS,
    Change,
    HoldingOperator,
    JoiningOperator,
    Operator,
    Output,
    step_values,
)
from stream_processors.runtime.checkpointing import ChangelogState, Checkpoint, CheckpointHead

TRACE = "trace-id"
#: As long as market events are kept in the log.
FORGET_AFTER_MS = 7 * 24 * 3_600_000


class DueOutput(NamedTuple):
    """An output on its way.

    Attributes:
        partition: The number of the input's partition.
        trace_id: Of the message that triggered it.
    """

    partition: int
    output: Output
    trace_id: str | None


class PendingCommit:
    """What messages lead to, until it is committed.

    Attributes:
        outputs: To publish, in order.
        dead: Messages that break the contract, and why.
        seen: Events of the inputs, among which are views.
        checkpoints: By partition number.
        positions: The offsets to commit.
        needs_checkpoint: Whether every task is due for a checkpoint with this commit.
        bound: Tasks, by number, whose outputs here are committed with their state or not at all.
    """

    def __init__(self, *, needs_checkpoint: bool = False) -> None:
        self.outputs: list[DueOutput] = []
        self.dead: list[tuple[Record, ContractError]] = []
        self.seen: list[Event] = []
        self.checkpoints: dict[int, Checkpoint] = {}
        self.positions: Positions = {}
        self.needs_checkpoint = needs_checkpoint
        self.bound: set[int] = set()
        self.n_messages = 0

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for it: outputs, dead letters, a checkpoint that must not be missed."""
        return bool(self.outputs or self.dead or self.checkpoints or self.needs_checkpoint)

    @property
    def has_many_outputs(self) -> bool:
        """Whether nothing more should be stepped into it, for the sake of memory."""
        return len(self.outputs) >= MOST_OUTPUTS

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
        n_since: Messages stepped since the last checkpoint.
        n_changed: Keys that changed between the last two checkpoints.
        checkpoint_at_s: When the last one was made, by the monotonic clock.
        is_new: Whether no checkpoint was made since it began.
        forget_after_ms: A run whose keys have not changed for so long, by the times at which records
            were published, is forgotten.
    """

    def __init__(self, operator: Operator, *, partition: int, forget_after_ms: int = FORGET_AFTER_MS) -> None:
        self.operator = operator
        self.joining = operator if isinstance(operator, JoiningOperator) else None
        self._holding = operator if isinstance(operator, HoldingOperator) else None
        self.partition = partition
        self.offsets: dict[str, int] = {}
        self.broadcast_offsets: Positions = {}
        self.n_since = self.n_changed = 0
        self.checkpoint_at_s = 0.0
        self.is_new = True
        self._last: str | None = None
        self._useless: Collection[bytes] = ()
        self._newest_ms = 0
        self._streams: dict[str, int] = {}
        self._forget_after_ms = forget_after_ms

    @property
    def lost_its_state(self) -> bool:
        """Whether there was a state that it could not take over."""
        return bool(self._useless)

    def holds(self, topic: str) -> bool:
        """Whether an input must not be read on now."""
        return self._holding is not None and topic in self._holding.holds

    def step(self, run: Run, pending: PendingCommit) -> Run | None:
        """Step a run of an input; what was stepped before is passed over.

        Returns:
            What of it is to be stepped later: once the operator no longer holds the topic, or what
            was made of the rest is on its way.
        """
        left = run.since(self.offsets.get(run.topic, 0))
        if left is None:
            return None
        if self.holds(run.topic):
            return left
        stepped = step_values(self.operator, BY_NAME[run.topic], left.values(), left.headers_of)
        rest = left.behind(stepped.n_taken)
        self.offsets[run.topic] = pending.positions[run.place] = (
            left.next_offset if rest is None else rest.first_offset
        )
        self.saw(left, stepped.n_taken)
        pending.n_messages += stepped.n_taken
        pending.seen.extend(stepped.seen)
        pending.dead.extend((left.record(number), error) for number, error in stepped.rejected)
        if self.joining is not None and (stepped.outputs or stepped.rejected):
            pending.bound.add(self.partition)
        traces: dict[int, str] = {}
        for number, output in stepped.outputs:
            if number not in traces:
                traces[number] = trace_of(left.headers_of(number), left.messages[number].value())
            pending.outputs.append(DueOutput(self.partition, output, traces[number]))
        return rest

    def saw(self, run: Run, n_taken: int) -> None:
        """Take note of messages of a run that were stepped, and of when the last of them was published."""
        self.n_since += n_taken
        newest_ms = run.record(n_taken - 1).timestamp_ms
        self._newest_ms = max(self._newest_ms, newest_ms or 0)

    def step_beside(self, run: Run, pending: PendingCommit) -> None:
        """Step a run of a partition beside its own; what was stepped before is passed over.

        A message that breaks the contract is put aside by whoever has it as an input.
        """
        left = run.since(self.broadcast_offsets.get(run.place, 0))
        if left is None or self.joining is None:
            return
        self.broadcast_offsets[run.place] = left.next_offset
        self.saw(left, len(left.messages))
        for number, value in enumerate(left.values()):
            try:
                event: Event = codec.decode(BY_NAME[run.topic], value, left.headers_of(number))
                outputs = list(self.joining.step_beside(run.partition, event))
            except ContractError:
                continue
            if outputs:
                self._bind(pending)
                trace = trace_of(left.headers_of(number), value)
                pending.outputs.extend(DueOutput(self.partition, output, trace) for output in outputs)

    def _bind(self, pending: PendingCommit) -> None:
        """Outputs without an input of its own are committed in the name of its share all the same."""
        pending.bound.add(self.partition)
        for name, offset in self.offsets.items():
            pending.positions.setdefault((name, self.partition), offset)

    def step_silently(self, run: Run) -> int:
        """Step a run whose outputs are out already; how many messages that were."""
        left: Run | None = run
        while left is not None:
            stepped = step_values(self.operator, BY_NAME[run.topic], left.values(), left.headers_of)
            self.saw(left, stepped.n_taken)
            left = left.behind(stepped.n_taken)
        self.offsets[run.topic] = run.next_offset
        return len(run.messages)

    def step_broadcast(self, record: Record, pending: PendingCommit) -> None:
        """Step a record of a broadcast topic; one that was stepped before is passed over.

        Raises:
            ContractError: If it breaks the contract; it counts as stepped.
        """
        place = (record.topic, record.partition)
        if record.offset < self.broadcast_offsets.get(place, 0):
            return
        self.broadcast_offsets[place] = record.offset + 1
        self.n_since += 1
        topic: Topic = BY_NAME[record.topic]
        event: Event = codec.decode(topic, record.value, record.headers)
        trace = trace_of(record.headers, record.value)
        outputs = list(self.operator.step(topic, event))
        pending.outputs.extend(DueOutput(self.partition, output, trace) for output in outputs)

    def checkpoint(self, *, now_s: float = 0.0) -> Checkpoint:
        """What changed since the last one, with the offsets that the state stands for now.

        Runs that ended long ago are forgotten with it.
        """
        changed = dict(self.operator.changes())
        self._note(changed)
        if self._has_forgotten():
            changed |= dict(self.operator.changes())
        changes = [Change(*pair) for pair in (dict.fromkeys(self._useless) | changed).items()]
        head = CheckpointHead(
            checkpoint=uuid4().hex,
            before=self._last,
            offsets=dict(self.offsets),
            broadcast_offsets=[(name, number, at) for (name, number), at in self.broadcast_offsets.items()],
            newest_ms=self._newest_ms,
            streams=dict(self._streams),
        )
        self._last, self._useless, self.is_new = head.checkpoint, (), False
        self.n_since, self.n_changed, self.checkpoint_at_s = 0, len(changes), now_s
        return Checkpoint(head, changes)

    def _note(self, changed: Mapping[bytes, bytes | None]) -> None:
        """Of each run, when a key of its state last changed."""
        for stream in {stream_of(key) for key, value in changed.items() if value is not None}:
            if stream:
                self._streams[stream] = self._newest_ms

    def _has_forgotten(self) -> bool:
        """Let the operator forget runs that have not changed for long; whether there were any."""
        ended = [
            stream
            for stream, changed_ms in self._streams.items()
            if self._newest_ms - changed_ms > self._forget_after_ms
        ]
        for stream in ended:
            self.operator.forget(stream)
            del self._streams[stream]
        return bool(ended)

    def restore(self, found: ChangelogState) -> None:
        """Take over a state.

        Raises:
            SnapshotMismatchError: If it is of another release.
        """
        if found.head is None:
            return
        self.operator.restore(found.entries)
        self.offsets = dict(found.head.offsets)
        self.broadcast_offsets = {(name, number): at for name, number, at in found.head.broadcast_offsets}
        self._last, self._newest_ms = found.head.checkpoint, found.head.newest_ms
        self._streams = dict(found.head.streams)

    def begin_anew(self, useless: Collection[bytes]) -> None:
        """Delete keys with the next checkpoint: of a state that could not be taken over."""
        self._useless = useless


def stream_of(key: bytes) -> str:
    """The run that a key of the state belongs to; empty for none."""
    try:
        _, stream, *_ = parts_of(key)
    except (msgspec.DecodeError, ValueError):
        return ""
    return str(stream)


def trace_of(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> str:
    """The trace of a message: what its headers say, else the one that it begins itself."""
    for name, stated in headers:
        if name == TRACE and stated:
            return stated.decode(errors="replace")
    return codec.trace_id(value or b"")


def step_broadcast(tasks: Iterable[Task], record: Record, pending: PendingCommit) -> None:
    """Step a broadcast record into every task; a bad one becomes one dead letter."""
    pending.needs_checkpoint = True
    error: ContractError | None = None
    for task in tasks:
        try:
            task.step_broadcast(record, pending)
        except ContractError as found:
            error = found
    if error is not None:
        pending.dead.append((record, error))

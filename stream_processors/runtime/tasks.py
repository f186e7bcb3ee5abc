"""Tasks, each an operator with its place in the log.

This is the worker without a broker: :class:`Task` steps runs of messages, and a :class:`PendingCommit`
collects what follows until it is committed. The worker and the test driver both run it.
"""

from collections.abc import Collection, Iterable, Mapping
from uuid import uuid4

import msgspec

from schemas import codec
from schemas.errors import ContractError
from schemas.events import Event
from schemas.topics import BY_NAME, Topic
from schemas.wire.kafka import Positions, Record, Run
from stream_processors.operators.keys import parts_of
from stream_processors.operators.protocols import (
    HoldingOperator,
    JoiningOperator,
    Operator,
    StateChange,
    step_values,
)
from stream_processors.runtime.checkpointing import ChangelogState, Checkpoint, CheckpointHead
from stream_processors.runtime.pending import DueOutput, PendingCommit

TRACE = "trace-id"
#: How long market events are kept in the log.
FORGET_AFTER_MS = 7 * 24 * 3_600_000


class Task:
    """One operator, with the partition of the same number of each input.

    Args:
        operator: The state machine.
        partition: The partition number.
        forget_after_ms: A run is forgotten when none of its keys has changed for this long, by the times at
            which records were published.

    Attributes:
        operator: The state machine.
        partition: The partition number.
        joining: The operator, if it also reads other partitions; otherwise None.
        offsets: The next offset to step, by input topic.
        broadcast_offsets: The next offset to step of each broadcast partition, and of each companion's
            partition.
        n_since: Messages stepped since the last checkpoint.
        n_changed: Keys that the last checkpoint wrote.
        checkpoint_at_s: When the last checkpoint was made, by the monotonic clock.
        is_new: Whether no checkpoint was made since the task began.
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
        """Whether the changelog held a state that could not be restored."""
        return bool(self._useless)

    def holds(self, topic: str) -> bool:
        """Whether the operator holds an input, which must then not be read on now."""
        return self._holding is not None and topic in self._holding.holds

    def step(self, run: Run, pending: PendingCommit) -> Run | None:
        """Step a run of an input; messages that were stepped before are skipped.

        Returns:
            The rest of the run, which is to be stepped later: when the operator no longer holds the topic,
            or when the outputs so far are handed over.
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
        """Count messages of a run that were stepped, and note when the last of them was published."""
        self.n_since += n_taken
        newest_ms = run.record(n_taken - 1).timestamp_ms
        self._newest_ms = max(self._newest_ms, newest_ms or 0)

    def step_beside(self, run: Run, pending: PendingCommit) -> None:
        """Step a run of a companion's partition; messages that were stepped before are skipped.

        A message that breaks the contract is skipped too: the task whose own input it is puts it aside.
        """
        left = run.since(self.broadcast_offsets.get(run.place, 0))
        if left is None or self.joining is None:
            return
        self.broadcast_offsets[run.place] = left.next_offset
        self.saw(left, len(left.messages))
        for number, value in enumerate(left.values()):
            try:
                event: Event = codec.decode(BY_NAME[run.topic], value, left.headers_of(number))
                outputs = list(self.joining.step_beside(run.place, event))
            except ContractError:
                continue
            if outputs:
                self._bind(pending)
                trace = trace_of(left.headers_of(number), value)
                pending.outputs.extend(DueOutput(self.partition, output, trace) for output in outputs)

    def _bind(self, pending: PendingCommit) -> None:
        """Commit outputs that follow from a companion's message together with the offsets of the task's inputs."""
        pending.bound.add(self.partition)
        for name, offset in self.offsets.items():
            pending.positions.setdefault((name, self.partition), offset)

    def step_silently(self, run: Run) -> int:
        """Step a run whose outputs are published already, and return how many messages it had."""
        left: Run | None = run
        while left is not None:
            stepped = step_values(self.operator, BY_NAME[run.topic], left.values(), left.headers_of)
            self.saw(left, stepped.n_taken)
            left = left.behind(stepped.n_taken)
        self.offsets[run.topic] = run.next_offset
        return len(run.messages)

    def step_broadcast(self, record: Record, pending: PendingCommit) -> None:
        """Step a record of a broadcast topic; a record that was stepped before is skipped.

        Raises:
            ContractError: If the record breaks the contract. It counts as stepped.
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
        """Return the keys that changed since the last checkpoint, with the offsets that the state stands for.

        Runs that ended long ago are forgotten with it.
        """
        changed = dict(self.operator.changes())
        self._note(changed)
        if self._has_forgotten():
            changed |= dict(self.operator.changes())
        changes = [StateChange(*pair) for pair in (dict.fromkeys(self._useless) | changed).items()]
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
        """Note for each run when a key of its state last changed."""
        for stream in {stream_of(key) for key, value in changed.items() if value is not None}:
            if stream:
                self._streams[stream] = self._newest_ms

    def _has_forgotten(self) -> bool:
        """Let the operator forget runs that have not changed for long, and tell whether there were any."""
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
        """Restore a state.

        Raises:
            SnapshotMismatchError: If another release wrote it.
        """
        if found.head is None:
            return
        self.operator.restore(found.entries)
        self.offsets = dict(found.head.offsets)
        self.broadcast_offsets = {(name, number): at for name, number, at in found.head.broadcast_offsets}
        self._last, self._newest_ms = found.head.checkpoint, found.head.newest_ms
        self._streams = dict(found.head.streams)

    def begin_anew(self, useless: Collection[bytes]) -> None:
        """Begin with an empty state, and delete the keys of the unusable state with the next checkpoint."""
        self._useless = useless


def stream_of(key: bytes) -> str:
    """Return the run that a key of the state belongs to; empty when it belongs to no run."""
    try:
        _, stream, *_ = parts_of(key)
    except (msgspec.DecodeError, ValueError):
        return ""
    return str(stream)


def trace_of(headers: Iterable[tuple[str, bytes]], value: bytes | None) -> str:
    """Return the trace id in the headers of a message, or else the id of the trace that it begins itself."""
    for name, stated in headers:
        if name == TRACE and stated:
            return stated.decode(errors="replace")
    return codec.trace_id(value or b"")


def step_broadcast(tasks: Iterable[Task], record: Record, pending: PendingCommit) -> None:
    """Step a broadcast record in every task; a record that breaks the contract becomes one dead letter.

    Args:
        tasks: All tasks of the worker.
        record: The broadcast record.
        pending: Collects what follows from it.
    """
    pending.needs_checkpoint = True
    error: ContractError | None = None
    for task in tasks:
        try:
            task.step_broadcast(record, pending)
        except ContractError as found:
            error = found
    if error is not None:
        pending.dead.append((record, error))

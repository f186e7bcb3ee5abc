"""What an operator is to the runtime: events in, outputs out, a state that can be kept."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from schemas import codec
from schemas.errors import ContractError
from schemas.events import Event
from schemas.topics import Topic

#: The headers of the message of a number, read only when they are needed.
HeadersOf = Callable[[int], Iterable[tuple[str, bytes]]]

#: A batch is left off at the message that brings its outputs to this number, so that what one commit
#: holds in memory is bounded: 8,192 features are some 25 MB of JSON and three times that as objects.
MOST_OUTPUTS = 8_192


class Output(NamedTuple):
    """An event to publish.

    Attributes:
        key: The record's key, which decides the partition; None puts the record, keyed by its
            source, into the partition of the same number as the input's, which a watermark needs.
    """

    topic: Topic
    event: Event
    key: str | None


class Change(NamedTuple):
    """A key of an operator's state that changed.

    Attributes:
        key: MessagePack of a tuple: the kind, the stream, and what else names it; the stream is empty
            for what belongs to no run. :func:`.keys.key_of` makes it.
        value: Its value now; None when the key is gone.
    """

    key: bytes
    value: bytes | None


class Stepped(NamedTuple):
    """What a batch of messages led to; the numbers count within the batch.

    Attributes:
        outputs: In order, each with the message that triggered it.
        rejected: Messages that break the contract, and why.
        seen: Events of the inputs that may be views.
        n_taken: How many messages were stepped; what follows them is handed over again.
    """

    outputs: list[tuple[int, Output]]
    rejected: list[tuple[int, ContractError]]
    seen: list[Event]
    n_taken: int


class Operator(Protocol):
    """The state machine of one partition number, over all of a job's inputs.

    ``restore`` is called at most once, before any ``step``. After it the records behind the
    checkpoint are stepped again and what they return is thrown away, so ``step`` must be a function
    of state and event alone. The same record may be stepped twice and must then change nothing.
    Records of different topics come in any order: joins are decided by content.

    The state is kept by key. All changes, applied in their order to an empty mapping, make the entries
    from which ``restore`` gives an operator that behaves the same, whenever they were asked for.
    """

    def step(self, topic: Topic, event: Any) -> Iterable[Output]:
        """Take one event in; return what follows from it.

        Raises:
            ContractError: If the event cannot be processed; the state is as before.
        """

    def changes(self) -> Iterable[Change]:
        """What changed since this was last asked, or since ``restore``; each key once.

        What came and went in between is not said at all.
        """

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Take over a state: every key with its newest value.

        Raises:
            SnapshotMismatchError: If it is not one of this operator and release.
        """

    def forget(self, stream: str) -> None:
        """Drop what is held of a run that ended; its keys are deleted by the next changes.

        A run that comes back begins anew.
        """

    def newest(self) -> Iterable[Event]:
        """The newest event per view, so that views can be written anew at start."""


@runtime_checkable
class BatchOperator(Protocol):
    """An operator that also takes whole batches in, faster than event by event.

    The outcome is that of :func:`step_each`, but that ``seen`` may leave out what a later event
    of the same view replaces.
    """

    def step_values(self, topic: Topic, values: Sequence[bytes | None], headers_of: HeadersOf) -> Stepped:
        """Take messages of one partition in, in the order of the log.

        Args:
            topic: The topic of the partition.
            values: The messages' bytes, at least one.
            headers_of: Reads the headers of the message of a number.
        """


@runtime_checkable
class HoldingOperator(Protocol):
    """An operator that can keep an input from being read on, because another must be read first.

    Nothing needs to be dropped then: what is not read stays in the log.
    """

    @property
    def holds(self) -> Collection[str]:
        """The names of the input topics of which nothing must be stepped now.

        It follows from the state alone, and something that is still to be read must end it. A batch
        is left off at the first message after which its topic is held.
        """


class JoinWait(NamedTuple):
    """Rows of a target that wait for a companion, in the stream's time.

    Attributes:
        n_rows: How many wait, for this companion or another.
        first_ms: When the bar of the first of them ended.
        last_ms: When that of the last did.
    """

    stream: str
    target: str
    companion: str
    n_rows: int
    first_ms: int
    last_ms: int


@runtime_checkable
class JoiningOperator(Protocol):
    """An operator that also reads other partitions of its first input, whole, beside its own.

    What it emits may follow from either, so how far each has got is part of its state: the runtime keeps
    their positions in the checkpoint, makes one with everything it publishes, and steps on from there.
    """

    @property
    def partitions_beside(self) -> frozenset[int]:
        """The numbers of the other partitions; always the same."""

    @property
    def holds(self) -> Collection[str]:
        """As of a :class:`HoldingOperator`: of its own partition, so many rows of which wait for others alone."""

    @property
    def holds_beside(self) -> Collection[int]:
        """The numbers of the other partitions of which enough was read that its own should be read first.

        None of :attr:`needs_beside` is among them, so that what is waited for is always read.
        """

    @property
    def needs_beside(self) -> Collection[int]:
        """The numbers of the other partitions that something waits for."""

    def waits(self) -> Iterable[JoinWait]:
        """For which companions how many rows wait now."""

    def step_beside(self, partition: int, event: Any) -> Iterable[Output]:
        """As ``step``, with an event of another partition."""


def step_values(
    operator: Operator, topic: Topic, values: Sequence[bytes | None], headers_of: HeadersOf
) -> Stepped:
    """Step messages of one partition, as a batch if the operator takes batches.

    Args:
        operator: The operator of the partition.
        topic: The topic of the partition.
        values: The messages' bytes, at least one.
        headers_of: Reads the headers of the message of a number.
    """
    if isinstance(operator, BatchOperator):
        return operator.step_values(topic, values, headers_of)
    return step_each(operator, topic, values, headers_of)


def step_each(
    operator: Operator, topic: Topic, values: Sequence[bytes | None], headers_of: HeadersOf
) -> Stepped:
    """Step messages one by one: each is decoded by the codec, and rejected if it breaks the contract.

    The batch is left off after the first message at which the operator holds the topic or the outputs are
    many.

    Args:
        operator: The operator of the partition.
        topic: The topic of the partition.
        values: The messages' bytes, at least one.
        headers_of: Reads the headers of the message of a number.
    """
    stepped = Stepped([], [], [], len(values))
    holding = operator if isinstance(operator, HoldingOperator) else None
    for i, value in enumerate(values):
        try:
            event: Event = codec.decode(topic, value, headers_of(i))
            outputs = list(operator.step(topic, event))
        except ContractError as error:
            stepped.rejected.append((i, error))
            continue
        stepped.seen.append(event)
        stepped.outputs.extend((i, output) for output in outputs)
        is_held = holding is not None and topic.name in holding.holds
        if is_held or len(stepped.outputs) >= MOST_OUTPUTS:
            return stepped._replace(n_taken=i + 1)
    return stepped

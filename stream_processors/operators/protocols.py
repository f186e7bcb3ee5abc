"""The contract between operators and the runtime: events in, outputs out, and a state that can be kept."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from schemas import codec
from schemas.errors import ContractError
from schemas.events import Event
from schemas.topics import Topic

#: Returns the headers of the message of a number; called only if they are needed.
HeadersOf = Callable[[int], Iterable[tuple[str, bytes]]]

#: A batch ends at the message that brings its outputs to this number. So the memory of one commit is bounded:
#: 8,192 features are some 25 MB of JSON, and three times that as objects.
MOST_OUTPUTS = 8_192


class Output(NamedTuple):
    """An event to publish.

    Attributes:
        topic: The topic to which it is published.
        event: The event.
        key: The key of the record, which decides the partition. None means the partition of the same number as the
            input's, with the source as the key; watermarks need that.
    """

    topic: Topic
    event: Event
    key: str | None


class StateChange(NamedTuple):
    """A key of an operator's state that changed.

    Attributes:
        key: MessagePack of a tuple: the kind, the stream, and further names. The stream is empty if the key belongs
            to no run. :func:`.keys.key_of` makes it.
        value: The new value; None if the key was deleted.
    """

    key: bytes
    value: bytes | None


class Stepped(NamedTuple):
    """The results of a batch of messages. Numbers of messages count within the batch.

    Attributes:
        outputs: The outputs in order, each with the number of the message that triggered it.
        rejected: The messages that break the contract, each with the error.
        seen: The events of the inputs that may be views.
        n_taken: How many messages were stepped. The runtime hands over the others again.
    """

    outputs: list[tuple[int, Output]]
    rejected: list[tuple[int, ContractError]]
    seen: list[Event]
    n_taken: int


class Operator(Protocol):
    """The state machine of one partition number, over all of a job's inputs.

    ``restore`` is called at most once, before any ``step``. After that, the records that follow the checkpoint are
    stepped again and their outputs are discarded, so ``step`` must be a function of state and event alone. The same
    record may be stepped twice, and the second time must change nothing. Records of different topics come in any
    order: joins are decided by content.

    The state is kept by key. If all changes are applied in their order to an empty mapping, ``restore`` makes of the
    entries an operator that behaves the same, however often the changes were asked for.
    """

    def step(self, topic: Topic, event: Any) -> Iterable[Output]:
        """Take one event, and return the outputs that follow from it.

        Raises:
            ContractError: If the event cannot be processed. The state is then unchanged.
        """

    def changes(self) -> Iterable[StateChange]:
        """Return what changed since the last call or since ``restore``, each key once.

        A key that was added and deleted in between is left out.
        """

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Restore a state from every key with its newest value.

        Raises:
            SnapshotMismatchError: If the state is not one of this operator and release.
        """

    def forget(self, stream: str) -> None:
        """Forget a run that ended. The next changes delete its keys.

        If the run comes back, it begins with an empty state.
        """

    def newest(self) -> Iterable[Event]:
        """Return the newest event of each view, so that views can be rewritten at start."""


@runtime_checkable
class BatchOperator(Protocol):
    """An operator that also takes whole batches, which is faster than event by event.

    The result is that of :func:`step_each`, except that ``seen`` may leave out an event that a later event of the
    same view replaces.
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
    """An operator that can stop the reading of one input until another was read.

    Nothing has to be dropped then, because what is not read stays in the log.
    """

    @property
    def holds(self) -> Collection[str]:
        """The names of the input topics of which nothing may be stepped now.

        They follow from the state alone, and a record that is still to be read must end each hold. A batch ends at
        the first message after which its topic is held.
        """


#: A partition: the name of its topic, and its number.
Place = tuple[str, int]


class JoinWait(NamedTuple):
    """The rows of a target that wait for a companion. Times are those of the stream.

    Attributes:
        stream: The run.
        target: The instrument whose rows wait.
        companion: The instrument that they wait for, or ``news``.
        n_rows: How many rows wait, for this companion or another one.
        first_ms: The end of the bar of the first waiting row.
        last_ms: The end of the bar of the last waiting row.
    """

    stream: str
    target: str
    companion: str
    n_rows: int
    first_ms: int
    last_ms: int


@runtime_checkable
class JoiningOperator(Protocol):
    """An operator that reads other partitions as a whole, besides its own partition of its first input.

    Its outputs may follow from any of them, so the position of each is part of its state. The runtime keeps these
    positions in the checkpoint, writes a checkpoint with every publication, and continues from there.
    """

    @property
    def places_beside(self) -> frozenset[Place]:
        """The other partitions; they never change."""

    @property
    def holds(self) -> Collection[str]:
        """As in :class:`HoldingOperator`, for its own partition, while many rows of it wait for other partitions."""

    @property
    def holds_beside(self) -> Collection[Place]:
        """The other partitions that are so far ahead that its own partition should be read first.

        A partition of :attr:`needs_beside` is never among them, so what is waited for is always read.
        """

    @property
    def needs_beside(self) -> Collection[Place]:
        """The other partitions that a row or a watermark waits for."""

    def waits(self) -> Iterable[JoinWait]:
        """Return which companions are waited for now, and by how many rows."""

    def step_beside(self, place: Place, event: Any) -> Iterable[Output]:
        """Take an event of another partition; otherwise as ``step``."""


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

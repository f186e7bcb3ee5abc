"""What an operator is to the runtime: events in, outputs out, a state that can be kept."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from schemas import codec
from schemas.errors import ContractError
from schemas.events import Event
from schemas.topics import Topic

#: The headers of the message of a number, read only when they are needed.
HeadersOf = Callable[[int], Iterable[tuple[str, bytes]]]


class Output(NamedTuple):
    """An event to publish.

    Attributes:
        key: The record's key, which decides the partition; None puts the record, keyed by its
            source, into the partition of the same number as the input's, which a watermark needs.
    """

    topic: Topic
    event: Event
    key: str | None


class Stepped(NamedTuple):
    """What a batch of messages led to; the numbers count within the batch.

    Attributes:
        outputs: In order, each with the message that triggered it.
        rejected: Messages that break the contract, and why.
        seen: Events of the inputs that may be views.
    """

    outputs: list[tuple[int, Output]]
    rejected: list[tuple[int, ContractError]]
    seen: list[Event]


class Operator(Protocol):
    """The state machine of one partition number, over all of a job's inputs.

    ``restore`` is called at most once, before any ``step``. After it the records behind the
    snapshot are stepped again and what they return is thrown away, so ``step`` must be a function
    of state and event alone. The same record may be stepped twice and must then change nothing.
    Records of different topics come in any order: joins are decided by content.
    """

    def step(self, topic: Topic, event: Any) -> Iterable[Output]:
        """Take one event in; return what follows from it.

        Raises:
            ContractError: If the event cannot be processed; the state is as before.
        """

    def snapshot(self) -> bytes:
        """The state, such that ``restore`` of it gives the same later outputs."""

    def restore(self, snapshot: bytes) -> None:
        """Take over a state.

        Raises:
            SnapshotMismatchError: If it is not one of this operator and release.
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
        """Take the messages of one partition in, in the order of the log."""


@runtime_checkable
class JoiningOperator(Protocol):
    """An operator that also reads other partitions of its first input, whole, beside its own.

    What it emits may follow from either, so how far each has got is part of its state: the runtime keeps
    their positions in the snapshot, makes one with everything it publishes, and steps on from there.
    """

    @property
    def partitions_beside(self) -> frozenset[int]:
        """The numbers of the other partitions; always the same."""

    @property
    def is_waiting(self) -> bool:
        """Whether enough of its own partition waits for what lies beside that this should be read first."""

    @property
    def is_ahead(self) -> bool:
        """Whether enough of what lies beside was read that its own partition should be read first."""

    def step_beside(self, partition: int, event: Any) -> Iterable[Output]:
        """As ``step``, with an event of another partition."""


def step_values(
    operator: Operator, topic: Topic, values: Sequence[bytes | None], headers_of: HeadersOf
) -> Stepped:
    """Messages of one partition through an operator, in the way that it takes them."""
    if isinstance(operator, BatchOperator):
        return operator.step_values(topic, values, headers_of)
    return step_each(operator, topic, values, headers_of)


def step_each(
    operator: Operator, topic: Topic, values: Sequence[bytes | None], headers_of: HeadersOf
) -> Stepped:
    """Messages through an operator one by one: decoded by the codec, stepped, put aside if bad."""
    stepped = Stepped([], [], [])
    for i, value in enumerate(values):
        try:
            event: Event = codec.decode(topic, value, headers_of(i))
            outputs = list(operator.step(topic, event))
        except ContractError as error:
            stepped.rejected.append((i, error))
            continue
        stepped.seen.append(event)
        stepped.outputs.extend((i, output) for output in outputs)
    return stepped

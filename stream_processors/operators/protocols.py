"""What an operator is to the runtime: events in, outputs out, a state that can be kept."""

from collections.abc import Iterable
from typing import Any, NamedTuple, Protocol

from schemas.events import Event
from schemas.topics import Topic


class Output(NamedTuple):
    """An event to publish.

    Attributes:
        key: The record's key, which decides the partition; None puts the record, keyed by its
            source, into the partition of the same number as the input's, which a watermark needs.
    """

    topic: Topic
    event: Event
    key: str | None


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

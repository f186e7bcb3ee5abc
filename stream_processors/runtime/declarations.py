"""What a job declares and the runtime drives: topics in, an operator per partition, topics out.

The operator is a pure state machine; the runtime polls, decodes, steps, encodes, publishes and
commits. Whatever an operator needs to know of time it reads in the events.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol

import msgspec

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


class View(NamedTuple):
    """The newest of something, for Redis.

    Attributes:
        order: Its own order, such as an as-of time; an older one never replaces a newer.
    """

    key: str
    order: int
    body: bytes


class Operator(Protocol):
    """The state machine of one partition number, over all of a job's inputs.

    ``restore`` is called at most once, before any ``step``. After it the records behind the
    snapshot are stepped again and what they return is thrown away, so ``step`` must be a function
    of state and event alone. The same record may be stepped twice and must then change nothing.
    Records of different topics come in any order: joins are decided by content.
    """

    def step(self, topic: Topic, event: Any) -> Iterable[Output]:
        """Take one event in; return what follows from it."""

    def snapshot(self) -> bytes:
        """The state, such that ``restore`` of it gives the same later outputs."""

    def restore(self, snapshot: bytes) -> None:
        """Take over a state.

        Raises:
            SnapshotMismatchError: If it is not one of this operator and release.
        """

    def newest(self) -> Iterable[Event]:
        """The newest event per view, so that views can be written anew at start."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A processor.

    Attributes:
        name: Names the consumer group, the changelog and the dead-letter topic.
        inputs: Topics with the same number of partitions; one operator has the same-numbered
            partition of each.
        broadcasts: Low-rate topics that every operator reads whole, such as model switches. They
            are read to their end before any input is.
        make_operator: Builds the operator of a partition number.
        view_of: The view that an output event is, or None.
    """

    name: str
    inputs: tuple[Topic, ...]
    make_operator: Callable[[int], Operator]
    broadcasts: tuple[Topic, ...] = ()
    view_of: Callable[[Event], View | None] = lambda _event: None

"""What a job declares for the runtime: input topics, an operator for each partition, and its views.

The operator is a pure state machine. The runtime polls, decodes, steps, encodes, publishes and commits. An
operator sees no clock and reads all times in the events.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from schemas.events import Event
from schemas.topics import Topic
from stream_processors.operators.protocols import Operator, Output

__all__ = ["Job", "Operator", "Output", "View"]


class View(NamedTuple):
    """A value in Redis that always shows the newest event of its kind.

    Attributes:
        key: Where the value stands in Redis.
        order: The event's own order, such as its as-of time. A value of a lower order never replaces one of
            a higher order.
        body: Makes the bytes. It is called only for the newest view of a batch.
    """

    key: str
    order: int
    body: Callable[[], bytes]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A stream processor.

    Attributes:
        name: Names the consumer group, the changelog and the dead-letter topic.
        inputs: Topics with the same number of partitions. One operator reads the partition of the same
            number in each.
        make_operator: Builds the operator of a partition number.
        broadcasts: Low-rate topics that every operator reads whole, such as model switches. They are read
            to their end before any input is read.
        is_joining: Whether the operators also read other partitions of the first input. They are then
            :class:`~stream_processors.operators.protocols.JoiningOperator`.
        view_of: Returns the view that shows an event, which may be an input or an output; None for an
            event that no view shows.
    """

    name: str
    inputs: tuple[Topic, ...]
    make_operator: Callable[[int], Operator]
    broadcasts: tuple[Topic, ...] = ()
    is_joining: bool = False
    view_of: Callable[[Event], View | None] = lambda _event: None

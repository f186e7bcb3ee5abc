"""What a job declares and the runtime drives: topics in, an operator per partition, topics out.

The operator is a pure state machine; the runtime polls, decodes, steps, encodes, publishes and
commits. Whatever an operator needs to know of time it reads in the events.
"""

from collections.abc import Callable
from typing import NamedTuple

import msgspec

from schemas.events import Event
from schemas.topics import Topic
from stream_processors.operators.protocols import Operator, Output

__all__ = ["Job", "Operator", "Output", "View"]


class View(NamedTuple):
    """The newest of something, for Redis.

    Attributes:
        order: Its own order, such as an as-of time; an older one never replaces a newer.
        body: Makes the bytes; called only for the newest view of a batch.
    """

    key: str
    order: int
    body: Callable[[], bytes]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A processor.

    Attributes:
        name: Names the consumer group, the changelog and the dead-letter topic.
        inputs: Topics with the same number of partitions; one operator has the same-numbered
            partition of each.
        broadcasts: Low-rate topics that every operator reads whole, such as model switches. They
            are read to their end before any input is.
        make_operator: Builds the operator of a partition number.
        is_joining: Whether operators also read other partitions of the first input, beside their own:
            they are then :class:`~stream_processors.operators.protocols.JoiningOperator`.
        view_of: The view that an event is, of inputs and outputs, or None.
    """

    name: str
    inputs: tuple[Topic, ...]
    make_operator: Callable[[int], Operator]
    broadcasts: tuple[Topic, ...] = ()
    is_joining: bool = False
    view_of: Callable[[Event], View | None] = lambda _event: None

"""Runs: consecutive messages of one partition, as the client library handed them over.

Runs split a batch of many thousand messages with a few comparisons, instead of one for
each message. Offsets grow within a partition. So if the message ``n`` places later has an offset
that is greater by ``n``, all messages between are of the same partition, or lie where offsets are missing,
for instance because of a transaction marker. Therefore the messages between are compared at once, by calls of the
library. The cost of a message is the creation of its bytes; keys, headers and times are only read
on demand.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import confluent_kafka as ck

from schemas.wire.connections import translate

Headers = Sequence[tuple[str, bytes]]
Positions = dict[tuple[str, int], int]
_NO_TIMESTAMP = 0
_value = ck.Message.value
_error = ck.Message.error
_topic = ck.Message.topic
_partition = ck.Message.partition


class Record(NamedTuple):
    """One message as it was read. ``timestamp_ms`` is when it was published; None if not stated."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int | None = None


class Run(NamedTuple):
    """Messages of one partition in the order of the log.

    Attributes:
        messages: Messages of the library; there is at least one, and none is an error.
    """

    topic: str
    partition: int
    messages: Sequence[Any]

    @property
    def place(self) -> tuple[str, int]:
        """Its topic and its partition."""
        return self.topic, self.partition

    @property
    def first_offset(self) -> int:
        """The offset of the first message."""
        return int(self.messages[0].offset())

    @property
    def next_offset(self) -> int:
        """The offset after the last message."""
        return int(self.messages[-1].offset()) + 1

    def values(self) -> list[bytes | None]:
        """Return the bytes of the messages."""
        if isinstance(self.messages[0], ck.Message):
            return list(map(_value, self.messages))
        return [message.value() for message in self.messages]

    def headers_of(self, number: int) -> Iterator[tuple[str, bytes]]:
        """Yield the headers of a message; they are read when the first one is asked for."""
        yield from self.messages[number].headers() or ()

    def record(self, number: int) -> Record:
        """Return one of the messages with all its parts."""
        return record_of(self.messages[number])

    def since(self, offset: int) -> "Run | None":
        """Return the part from an offset on; None if there is none."""
        if self.first_offset >= offset:
            return self
        left = [message for message in self.messages if message.offset() >= offset]
        return Run(self.topic, self.partition, left) if left else None

    def behind(self, n: int) -> "Run | None":
        """Return the part after its first ``n`` messages; None if there is none."""
        return Run(self.topic, self.partition, self.messages[n:]) if n < len(self.messages) else None

    def until(self, offset: int) -> "Run | None":
        """Return the part before an offset; None if there is none."""
        if self.next_offset <= offset:
            return self
        left = [message for message in self.messages if message.offset() < offset]
        return Run(self.topic, self.partition, left) if left else None


class Taken(NamedTuple):
    """The result of a poll: runs in the order of arrival, and partitions whose end was reached."""

    runs: list[Run]
    ends: list[tuple[str, int]]

    def __len__(self) -> int:
        return sum(len(run.messages) for run in self.runs)


def record_of(message: Any) -> Record:
    """Return a message of the library with all its parts."""
    kind, timestamp_ms = message.timestamp()
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        message.headers() or (),
        timestamp_ms if kind != _NO_TIMESTAMP else None,
    )


def taken_apart(messages: Sequence[Any]) -> Taken:
    """Split the messages of a poll into runs.

    Raises:
        PlatformError: If the library reports anything but messages and ends of partitions.
    """
    taken = Taken([], [])
    at = 0
    for event in _events(messages):
        _add_runs(taken, messages, at, event)
        error = messages[event].error()
        if error.code() != ck.KafkaError._PARTITION_EOF:
            raise translate(error)
        taken.ends.append((messages[event].topic(), messages[event].partition()))
        at = event + 1
    _add_runs(taken, messages, at, len(messages))
    return taken


def _events(messages: Sequence[Any]) -> list[int]:
    """The places of events that are no messages. Each place is looked at, because a leap may pass over such an event.

    The end of a partition can have exactly the offset that a transaction marker leaves free.
    """
    if messages and isinstance(messages[0], ck.Message):
        return [place for place, error in enumerate(map(_error, messages)) if error is not None]
    return [place for place, message in enumerate(messages) if message.error() is not None]


def _add_runs(taken: Taken, messages: Sequence[Any], at: int, until: int) -> None:
    """Split a stretch of messages without any event between them."""
    while at < until:
        end = _run_end(messages, at, until)
        whole = at == 0 and end == len(messages)
        run = messages if whole else messages[at:end]
        taken.runs.append(Run(messages[at].topic(), messages[at].partition(), run))
        at = end


def _run_end(messages: Sequence[Any], first: int, n: int) -> int:
    """The end of the run that begins at a message, at most ``n``. It is found in leaps that double and then halve."""
    topic, partition, offset = messages[first].topic(), messages[first].partition(), messages[first].offset()

    def belongs(at: int) -> bool:
        message = messages[at]
        place = message.topic(), message.partition(), message.offset()
        return place == (topic, partition, offset + at - first)

    leap, last = 1, first
    while last + leap < n and belongs(last + leap):
        last += leap
        leap *= 2
    while leap:
        if last + leap < n and belongs(last + leap):
            last += leap
        leap //= 2
    if _is_of_one_partition(
        messages if (first, last + 1) == (0, len(messages)) else messages[first : last + 1]
    ):
        return last + 1
    end = first + 1
    while belongs(end):
        end += 1
    return end


def _is_of_one_partition(messages: Sequence[Any]) -> bool:
    """Whether all are of one partition. A leap passes over others if as many offsets are missing."""
    if isinstance(messages[0], ck.Message):
        return len(set(map(_partition, messages))) == 1 and len(set(map(_topic, messages))) == 1
    return len({(message.topic(), message.partition()) for message in messages}) == 1

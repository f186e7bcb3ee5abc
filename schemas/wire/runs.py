"""Runs: messages of one partition, one behind the other, as the client library handed them over.

A run exists so that a batch of many thousand messages is taken apart by a few looks, not by one at
each message: offsets grow within a partition, so when the message ``n`` places on has an offset
greater by ``n``, everything between is of the same partition, or stands where offsets are left out,
as by the mark of a transaction. So what lies between is compared at once, by the library's own
calls. What a message costs here is the making of its bytes; keys, headers and times are only read
when somebody asks.
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
    """One message as it was read; ``timestamp_ms`` is when it was published, None if not stated."""

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
        messages: As the library has them, not empty, none of them an error.
    """

    topic: str
    partition: int
    messages: Sequence[Any]

    @property
    def place(self) -> tuple[str, int]:
        """Its topic and partition."""
        return self.topic, self.partition

    @property
    def first_offset(self) -> int:
        """Of the first message."""
        return int(self.messages[0].offset())

    @property
    def next_offset(self) -> int:
        """Behind the last message."""
        return int(self.messages[-1].offset()) + 1

    def values(self) -> list[bytes | None]:
        """The messages' bytes."""
        if isinstance(self.messages[0], ck.Message):
            return list(map(_value, self.messages))
        return [message.value() for message in self.messages]

    def headers_of(self, number: int) -> Iterator[tuple[str, bytes]]:
        """The headers of a message, read when the first is asked for."""
        yield from self.messages[number].headers() or ()

    def record(self, number: int) -> Record:
        """One of the messages, whole."""
        return record_of(self.messages[number])

    def since(self, offset: int) -> "Run | None":
        """What is left of it from an offset on; None when nothing is."""
        if self.first_offset >= offset:
            return self
        left = [message for message in self.messages if message.offset() >= offset]
        return Run(self.topic, self.partition, left) if left else None

    def behind(self, n: int) -> "Run | None":
        """What of it follows its first messages; None when nothing does."""
        return Run(self.topic, self.partition, self.messages[n:]) if n < len(self.messages) else None

    def until(self, offset: int) -> "Run | None":
        """What of it lies before an offset; None when nothing does."""
        if self.next_offset <= offset:
            return self
        left = [message for message in self.messages if message.offset() < offset]
        return Run(self.topic, self.partition, left) if left else None


class Taken(NamedTuple):
    """What a poll brought: runs in the order of arrival, and partitions whose end was reached."""

    runs: list[Run]
    ends: list[tuple[str, int]]

    def __len__(self) -> int:
        return sum(len(run.messages) for run in self.runs)


def record_of(message: Any) -> Record:
    """A message of the library, whole."""
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
    """The runs of what a poll brought.

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
    """The places of what is no message. Looked at one by one, since a leap may pass over such a place.

    The end of a partition can have just the offset that the gap of a transaction's marker leaves free.
    """
    if messages and isinstance(messages[0], ck.Message):
        return [place for place, error in enumerate(map(_error, messages)) if error is not None]
    return [place for place, message in enumerate(messages) if message.error() is not None]


def _add_runs(taken: Taken, messages: Sequence[Any], at: int, until: int) -> None:
    """Take apart a stretch of messages without any event between."""
    while at < until:
        end = _run_end(messages, at, until)
        whole = at == 0 and end == len(messages)
        run = messages if whole else messages[at:end]
        taken.runs.append(Run(messages[at].topic(), messages[at].partition(), run))
        at = end


def _run_end(messages: Sequence[Any], first: int, n: int) -> int:
    """Where the run that begins at a message ends, ``n`` at most: in leaps that double, then halve."""
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
    """Whether none is of another partition, which a leap passes over where offsets were left out for as many."""
    if isinstance(messages[0], ck.Message):
        return len(set(map(_partition, messages))) == 1 and len(set(map(_topic, messages))) == 1
    return len({(message.topic(), message.partition()) for message in messages}) == 1

"""Which records of a topic a person wants to see, and what each of them is."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from schemas import codec
from schemas.errors import ContractError
from schemas.events import Event
from schemas.topics import Topic
from schemas.wire.administration import Administration
from schemas.wire.following import Where, follow
from schemas.wire.kafka import Positions, Record
from schemas.wire.settings import KafkaEndpoint
from stream_processors.inspection.selecting import time_of

BEGINNING, END = "beginning", "end"


class RecordFilter(NamedTuple):
    """What records must be like; None is any.

    Attributes:
        stream: The run of the events; a record that cannot be decoded belongs to none.
    """

    key: str | None = None
    stream: str | None = None

    def has(self, seen: "ExaminedRecord") -> bool:
        """Whether a record is as asked for."""
        is_key = self.key is None or seen.record.key == self.key.encode()
        return is_key and (
            self.stream is None or (seen.event is not None and seen.event.stream == self.stream)
        )


class ExaminedRecord(NamedTuple):
    """A record with what it holds: an event, or the reason why it is none.

    Attributes:
        problem: None where the record is an event, or its topic holds none.
    """

    record: Record
    event: Event | None
    problem: str | None


def tail(
    endpoint: KafkaEndpoint,
    topic: Topic,
    starts: Positions,
    wanted: RecordFilter,
    *,
    stop: Callable[[], bool],
    is_endless: bool,
) -> Iterator[ExaminedRecord]:
    """The records of a topic that are wanted, in order per partition.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
    """
    for record in follow(endpoint, starts, stop=stop, is_endless=is_endless):
        seen = examined(topic, record)
        if wanted.has(seen):
            yield seen


def starts_of(administration: Administration, topic: Topic, text: str, *, now_ms: int) -> Positions:
    """Where to begin in each partition that the broker has.

    Args:
        text: ``beginning``, ``end``, or a time of publication as :func:`time_of` reads it.

    Raises:
        ConfigurationError: If it is none of these.
    """
    partitions: list[Where] = [(topic.name, n) for n in range(administration.topics().get(topic.name, 0))]
    if text == BEGINNING:
        return administration.beginnings(partitions)
    if text == END:
        return administration.ends(partitions)
    return administration.offsets_at(dict.fromkeys(partitions, time_of(text, now_ms=now_ms)))


def examined(topic: Topic, record: Record) -> ExaminedRecord:
    """A record with the event that it holds, or with why it holds none."""
    if not topic.events:
        return ExaminedRecord(record, None, None)
    try:
        return ExaminedRecord(record, codec.decode(topic, record.value, record.headers), None)
    except ContractError as error:
        return ExaminedRecord(record, None, f"{type(error).__name__}: {error}")

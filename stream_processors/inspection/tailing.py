"""Reading the records of a topic that a person wants to see, with the event that each holds."""

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
    """The conditions that records must meet; None sets no condition.

    Attributes:
        key: The record's key.
        stream: The run of the event. A record that cannot be decoded belongs to no run.
    """

    key: str | None = None
    stream: str | None = None

    def is_met_by(self, seen: "ExaminedRecord") -> bool:
        """Whether a record meets all conditions."""
        is_key = self.key is None or seen.record.key == self.key.encode()
        return is_key and (
            self.stream is None or (seen.event is not None and seen.event.stream == self.stream)
        )


class ExaminedRecord(NamedTuple):
    """A record with the event that it holds, or with the reason why it holds none.

    Attributes:
        record: The record as it was read.
        event: The event; None if it cannot be decoded, or if the topic holds no events.
        problem: Why the event cannot be decoded; None if it can, or if the topic holds no events.
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
    """Yield the records of a topic that meet the conditions, in the order of each partition.

    Args:
        endpoint: The broker.
        topic: The topic to read.
        starts: The first offset to read, by partition.
        wanted: The conditions.
        stop: Asked between records.
        is_endless: Whether to wait for more at the present end of the topic.

    Raises:
        BrokerUnavailableError: If the broker does not answer.
    """
    for record in follow(endpoint, starts, stop=stop, is_endless=is_endless):
        seen = examined(topic, record)
        if wanted.is_met_by(seen):
            yield seen


def starts_of(administration: Administration, topic: Topic, text: str, *, now_ms: int) -> Positions:
    """Return the first offset to read in each partition that the broker has.

    Args:
        administration: Asks the broker for offsets.
        topic: The topic to read.
        text: ``beginning``, ``end``, or a time of publication that :func:`time_of` reads.
        now_ms: The wall clock, UTC milliseconds.

    Raises:
        ConfigurationError: If the text is none of these.
    """
    partitions: list[Where] = [(topic.name, n) for n in range(administration.topics().get(topic.name, 0))]
    if text == BEGINNING:
        return administration.beginnings(partitions)
    if text == END:
        return administration.ends(partitions)
    return administration.offsets_at(dict.fromkeys(partitions, time_of(text, now_ms=now_ms)))


def examined(topic: Topic, record: Record) -> ExaminedRecord:
    """Return a record with the event that it holds, or with the reason why it holds none."""
    if not topic.events:
        return ExaminedRecord(record, None, None)
    try:
        return ExaminedRecord(record, codec.decode(topic, record.value, record.headers), None)
    except ContractError as error:
        return ExaminedRecord(record, None, f"{type(error).__name__}: {error}")

"""The records that the agent publishes, and the port through which it does."""

from collections.abc import Awaitable
from typing import NamedTuple, Protocol

from schemas import codec
from schemas.errors import ContractError
from schemas.events import ABOUT_SOURCES, Event
from schemas.topics import NEWS_SENTIMENT
from schemas.wire.kafka import Record
from stream_processors.runtime.dead_letters import LetterOutlet, publish_dead_letter
from stream_processors.runtime.tasks import trace_of

NAME = "sentiment"


class OutgoingRecord(NamedTuple):
    """A record to publish.

    Attributes:
        topic: Its topic, which has one partition.
        headers: As the client of Faust takes them.
        is_about_source: Whether it says something about all records before it, so that it is only sent when these were
            acknowledged.
    """

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    is_about_source: bool = False


class Outlet(Protocol):
    """Publishes records and commits offsets; the app of Faust implements it."""

    async def send(self, record: OutgoingRecord) -> Awaitable[object]:
        """Hand a record over, in the order of the calls; what is returned is done when the broker has it.

        Raises:
            BrokerUnavailableError: If it cannot be handed over; so may what is returned.
        """

    async def commit(self, offset: int) -> None:
        """Commit the offset of the next article to read, and return when the broker has stored it.

        Raises:
            BrokerUnavailableError: If the broker did not store it.
        """


def record_of_event(event: Event, cause: Record | None = None) -> OutgoingRecord:
    """Return the record of an event on the topic of scores; it has the trace of the record that caused it."""
    value = codec.encode(event)
    trace = codec.trace_id(value) if cause is None else trace_of(cause.headers, cause.value)
    key = "/".join(str(getattr(event, name)) for name in event.key_fields).encode()
    headers = _bytes_of(codec.headers(type(event), trace))
    return OutgoingRecord(NEWS_SENTIMENT.name, key, value, headers, isinstance(event, ABOUT_SOURCES))


class LetterCollector(LetterOutlet):
    """Takes dead letters in the place of a publisher, and keeps their records."""

    def __init__(self) -> None:
        self.records: list[OutgoingRecord] = []

    def publish(
        self, topic: str, value: bytes | None, *, key: bytes | None, headers: codec.Headers | None = None
    ) -> None:
        """Take a record; see the port."""
        self.records.append(OutgoingRecord(topic, key, value, _bytes_of(headers or [])))


def letter_of(record: Record, error: ContractError) -> OutgoingRecord:
    """Return the dead letter of a record."""
    collector = LetterCollector()
    publish_dead_letter(collector, consumer=NAME, record=record, error=error)
    return collector.records[0]


def _bytes_of(headers: codec.Headers) -> list[tuple[str, bytes]]:
    return [
        (name, value.encode() if isinstance(value, str) else value)
        for name, value in headers
        if value is not None
    ]

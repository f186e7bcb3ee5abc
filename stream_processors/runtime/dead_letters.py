"""Putting messages aside that break the contract, and reading the messages that were put aside.

A dead letter holds the whole message, that is its bytes, key and headers, together with the reason, so that
the message can be published again. :mod:`~stream_processors.runtime.letters` describes the form.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

import msgspec

from schemas.artifacts import sha256
from schemas.errors import ContractError
from schemas.topics import CONSUMERS, dead_letters
from schemas.wire.kafka import Publisher, Record, read_range
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.letters import (
    CONSUMER_OF,
    ORIGINAL,
    ConsumerLetters,
    DeadLetter,
    Headers,
    KeptValue,
    ResolutionKind,
    attempts_of,
    letter_id,
    resolution_headers,
)

#: A reason may quote a message, so it is cut at this length.
LONGEST_REASON = 500
#: Of a larger value only this much is kept; the headers state its size and hash.
LARGEST_VALUE_BYTES = 8_000_000
#: A larger key with headers is left out, so that the letter itself can be published.
LARGEST_HEADERS_BYTES = 1_000_000


class _Timed(msgspec.Struct):
    event_time_ms: int


_timed = msgspec.json.Decoder(_Timed)


class LetterOutlet(Protocol):
    """Where a letter is published; :class:`schemas.wire.kafka.Publisher` implements it."""

    def publish(
        self, topic: str, value: bytes | None, *, key: bytes | None, headers: Headers | None = None
    ) -> None:
        """Take a record that is to be published.

        Args:
            topic: The name of the topic.
            value: The bytes; None is a tombstone.
            key: The key.
            headers: The headers; None for none.
        """


def reason_of(error: ContractError) -> str:
    """Return why a message was put aside, short enough for a header and a log line."""
    reason = str(error)
    return reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}..."


def publish_dead_letter(
    publisher: LetterOutlet, *, consumer: str, record: Record, error: ContractError
) -> None:
    """Put a message aside; putting the same message aside twice gives one letter.

    Args:
        publisher: Writes the letter.
        consumer: The consumer that could not process the message. It names the topic.
        record: The message. Its bytes are kept unchanged, up to the first eight million.
        error: Why the consumer could not process it.
    """
    value = record.value
    identity = letter_id(record).encode()
    originals = _originals(record)
    publisher.publish(
        dead_letters(consumer).name,
        None if value is None else value[:LARGEST_VALUE_BYTES],
        key=identity,
        headers=[
            ("letter-id", identity),
            ("consumer", consumer.encode()),
            ("reason", reason_of(error).encode()),
            ("error-class", type(error).__name__.encode()),
            ("topic", record.topic.encode()),
            ("partition", str(record.partition).encode()),
            ("offset", str(record.offset).encode()),
            ("attempts", str(attempts_of(record.headers)).encode()),
            *_times(record),
            ("value-kept", _kept(value, is_whole=originals is not None).encode()),
            ("value-bytes", str(len(value or b"")).encode()),
            ("value-sha256", sha256(value or b"").encode()),
            *(originals or ()),
        ],
    )


def publish_resolution(publisher: Publisher, letter: DeadLetter, how: ResolutionKind, *, reason: str) -> None:
    """Publish that a letter was resolved.

    Args:
        publisher: Writes the resolution.
        letter: The letter that is resolved.
        how: Whether it was replayed or discarded.
        reason: Why, in the words of the person who resolved it; may be empty.
    """
    publisher.publish(
        dead_letters(letter.consumer).name,
        b"",
        key=letter.letter_id.encode(),
        headers=resolution_headers(letter, how, reason=reason),
    )


def read_mailboxes(
    endpoint: KafkaEndpoint, consumers: Sequence[str] = CONSUMERS
) -> dict[str, ConsumerLetters]:
    """Read all letters of some consumers with their resolutions, up to the present end of the log."""
    mailboxes = {consumer: ConsumerLetters() for consumer in consumers}
    for record in read_range(endpoint, {(dead_letters(consumer).name, 0): 0 for consumer in consumers}):
        mailboxes[CONSUMER_OF[record.topic]].take(record)
    return mailboxes


def read_values(
    endpoint: KafkaEndpoint, letters: Iterable[DeadLetter]
) -> Iterator[tuple[DeadLetter, bytes | None]]:
    """Read the messages' bytes of letters, in the order of the log for each consumer."""
    wanted = {((dead_letters(letter.consumer).name, 0), letter.dead_offset): letter for letter in letters}
    starts: dict[tuple[str, int], int] = {}
    ends: dict[tuple[str, int], int] = {}
    for where, offset in wanted:
        starts[where] = min(offset, starts.get(where, offset))
        ends[where] = max(offset + 1, ends.get(where, 0))
    for record in read_range(endpoint, starts, ends):
        letter = wanted.get(((record.topic, record.partition), record.offset))
        if letter is not None:
            yield letter, record.value


def _kept(value: bytes | None, *, is_whole: bool) -> KeptValue:
    if not is_whole or len(value or b"") > LARGEST_VALUE_BYTES:
        return KeptValue.CUT
    return KeptValue.TOMBSTONE if value is None else KeptValue.WHOLE


def _originals(record: Record) -> Headers | None:
    """The message's own key and headers as headers of the letter; None when they are too large to keep."""
    size = len(record.key or b"") + sum(len(name) + len(value or b"") for name, value in record.headers)
    if size > LARGEST_HEADERS_BYTES:
        return None
    key: Headers = [] if record.key is None else [("message-key", record.key)]
    return [*key, *((f"{ORIGINAL}{name}", value) for name, value in record.headers)]


def _times(record: Record) -> Headers:
    """When the message happened and when it was published, where the message tells; no clock is asked."""
    times: Headers = []
    # If the value cannot be read, the letter's reason says why.
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        times.append(("event-time-ms", str(_timed.decode(record.value or b"").event_time_ms).encode()))
    if record.timestamp_ms is not None:
        times.append(("record-time-ms", str(record.timestamp_ms).encode()))
    return times

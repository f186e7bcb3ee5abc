"""Putting messages aside that break the contract, and reading what was put aside.

A letter holds the message whole: bytes, key and headers, with the reason beside them, so that it
can be published again. :mod:`~stream_processors.runtime.letters` describes its form.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

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

#: A reason that quotes a message is cut here.
LONGEST_REASON = 500
#: A larger value is kept in part, with its size and hash in the headers.
LARGEST_VALUE_BYTES = 8_000_000
#: Key and headers that are larger are left out, so that the letter itself can be published.
LARGEST_HEADERS_BYTES = 1_000_000


class _Timed(msgspec.Struct):
    event_time_ms: int


_timed = msgspec.json.Decoder(_Timed)


def reason_of(error: ContractError) -> str:
    """Why a message was put aside, in a length fit for a header and a log line."""
    reason = str(error)
    return reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}..."


def publish_dead_letter(publisher: Publisher, *, consumer: str, record: Record, error: ContractError) -> None:
    """Put a message aside; doing so twice for the same message makes one letter.

    Args:
        consumer: Who could not process it; names the topic.
        record: The message; its bytes are kept as they are, the first eight million of them.
        error: Why.
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
    """Say what became of a letter."""
    publisher.publish(
        dead_letters(letter.consumer).name,
        b"",
        key=letter.letter_id.encode(),
        headers=resolution_headers(letter, how, reason=reason),
    )


def read_mailboxes(
    endpoint: KafkaEndpoint, consumers: Sequence[str] = CONSUMERS
) -> dict[str, ConsumerLetters]:
    """The letters of consumers with what became of them, as of now."""
    mailboxes = {consumer: ConsumerLetters() for consumer in consumers}
    for record in read_range(endpoint, {(dead_letters(consumer).name, 0): 0 for consumer in consumers}):
        mailboxes[CONSUMER_OF[record.topic]].take(record)
    return mailboxes


def read_values(
    endpoint: KafkaEndpoint, letters: Iterable[DeadLetter]
) -> Iterator[tuple[DeadLetter, bytes | None]]:
    """The bytes of letters, in the order of the log per consumer."""
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
    """The message's own key and headers; None when they are too large to be kept."""
    size = len(record.key or b"") + sum(len(name) + len(value or b"") for name, value in record.headers)
    if size > LARGEST_HEADERS_BYTES:
        return None
    key: Headers = [] if record.key is None else [("message-key", record.key)]
    return [*key, *((f"{ORIGINAL}{name}", value) for name, value in record.headers)]


def _times(record: Record) -> Headers:
    """When the message happened and was published, as far as it can be told; no clock is asked."""
    times: Headers = []
    # Why it cannot be read, if so, is the letter's reason.
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        times.append(("event-time-ms", str(_timed.decode(record.value or b"").event_time_ms).encode()))
    if record.timestamp_ms is not None:
        times.append(("record-time-ms", str(record.timestamp_ms).encode()))
    return times

"""The form of a dead letter: a message that was put aside, and the record that resolves it.

It stands apart from publishing and reading so that both follow one description. A letter is known by where
its message lay, ``TOPIC/PARTITION/OFFSET``, so the same message put aside twice is one letter. Nothing is
removed from a dead-letter topic. When a letter is replayed or discarded, another record follows with the
same key and the header ``resolution``. A letter without such a record is open.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from schemas.topics import CONSUMERS, dead_letters
from schemas.wire.kafka import Record

#: The prefix of the message's own headers.
ORIGINAL = "original-"
#: Headers of a message that was published again: the letter that it comes from, and how often it was tried.
REPLAY_OF = "replay-of"
REPLAY_ATTEMPTS = "replay-attempts"
RESOLUTION = "resolution"

Headers = list[tuple[str, str | bytes | None]]
CONSUMER_OF = {dead_letters(consumer).name: consumer for consumer in CONSUMERS}


class KeptValue(StrEnum):
    """How much of a message's value a letter holds; a tombstone has no value, which differs from an empty one."""

    WHOLE = "whole"
    CUT = "cut"
    TOMBSTONE = "tombstone"


class ResolutionKind(StrEnum):
    """How a letter was resolved."""

    REPLAYED = "replayed"
    DISCARDED = "discarded"


_KEPT: dict[bytes | None, KeptValue] = {kept.encode(): kept for kept in KeptValue}
_HOW: dict[bytes | None, ResolutionKind] = {how.encode(): how for how in ResolutionKind}


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A message that was put aside, without its bytes.

    Attributes:
        letter_id: Where the message lay, or which row of a file it was.
        consumer: Who put it aside.
        dead_offset: The letter's own offset in its consumer's dead-letter topic.
        topic: The topic of the message, or the file of the row.
        partition: The partition of the message; None when it did not come from Kafka.
        offset: The offset of the message; None when it did not come from Kafka.
        key: The message's own key.
        headers: The message's own headers.
        reason: Why the consumer could not process it.
        error_class: The class of the error, such as ``DecodeError``.
        attempts: How often the message has been tried, 1 for the first time.
        kept: How much of the value the letter holds.
        value_bytes: The size of the whole value.
        value_sha256: The hash of the whole value.
        event_time_ms: When the message says that it happened; None where it cannot be read.
        record_time_ms: When the message was published; None where the consumer did not know.
        put_aside_ms: When the letter was published.
    """

    letter_id: str
    consumer: str
    dead_offset: int
    topic: str
    partition: int | None
    offset: int | None
    key: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    reason: str
    error_class: str
    attempts: int
    kept: KeptValue
    value_bytes: int
    value_sha256: str
    event_time_ms: int | None
    record_time_ms: int | None
    put_aside_ms: int | None


class LetterResolution(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The fact that a letter was replayed or discarded."""

    letter_id: str
    how: ResolutionKind
    reason: str
    resolved_ms: int | None


def letter_id(record: Record) -> str:
    """Return the id of a message's letter."""
    return f"{record.topic}/{record.partition}/{record.offset}"


def read_letter(record: Record) -> DeadLetter | LetterResolution:
    """Return the letter or the resolution that a record of a dead-letter topic holds.

    Every record can be read. A letter that states no origin in Kafka, such as a row of a file, takes its id
    from what it does state, or else from its own place.
    """
    found = dict(record.headers)
    if RESOLUTION in found:
        return _resolution(record, found)
    return DeadLetter(
        letter_id=_identity(record, found),
        consumer=CONSUMER_OF.get(record.topic, record.topic),
        dead_offset=record.offset,
        topic=_text(found, "topic") or _text(found, "file"),
        partition=_number(found, "partition"),
        offset=_number(found, "offset"),
        key=found.get("message-key"),
        headers=tuple((n.removeprefix(ORIGINAL), v) for n, v in record.headers if n.startswith(ORIGINAL)),
        reason=_text(found, "reason"),
        error_class=_text(found, "error-class") or _text(found, "rule"),
        attempts=_number(found, "attempts") or 1,
        kept=_kept(record, found),
        value_bytes=_number(found, "value-bytes") or len(record.value or b""),
        value_sha256=_text(found, "value-sha256"),
        event_time_ms=_number(found, "event-time-ms"),
        record_time_ms=_number(found, "record-time-ms"),
        put_aside_ms=record.timestamp_ms,
    )


def letter_identity(record: Record) -> tuple[str, bool]:
    """Return the id of a record's letter, and whether the record resolves it; cheaper than :func:`read_letter`."""
    found = dict(record.headers)
    return _identity(record, found), RESOLUTION in found


def resolution_headers(letter: DeadLetter, how: ResolutionKind, *, reason: str) -> Headers:
    """Return the headers of the record that resolves a letter; the record's key is the letter's id.

    Args:
        letter: The letter that is resolved.
        how: Whether it was replayed or discarded.
        reason: Why; may be empty.
    """
    return [
        (RESOLUTION, how.encode()),
        ("resolution-reason", reason.encode()),
        ("letter-id", letter.letter_id.encode()),
        ("consumer", letter.consumer.encode()),
        ("attempts", str(letter.attempts).encode()),
    ]


def replay_headers(letter: DeadLetter) -> Headers:
    """Return the headers for publishing a letter's message again: its own, and those that mark a replay."""
    own: Headers = [
        (name, value) for name, value in letter.headers if name not in {REPLAY_OF, REPLAY_ATTEMPTS}
    ]
    return [
        *own,
        (REPLAY_OF, letter.letter_id.encode()),
        (REPLAY_ATTEMPTS, str(letter.attempts).encode()),
    ]


def attempts_of(headers: Iterable[tuple[str, bytes]]) -> int:
    """Return how often a message has been tried, this time included."""
    return (_number(dict(headers), REPLAY_ATTEMPTS) or 0) + 1


class ConsumerLetters:
    """The letters of one consumer with their resolutions."""

    def __init__(self) -> None:
        self.letters: dict[str, DeadLetter] = {}
        self.resolutions: dict[str, LetterResolution] = {}

    def take(self, record: Record) -> None:
        """Take in a record; a letter or resolution that is there already stays as it is."""
        match read_letter(record):
            case DeadLetter() as letter:
                self.letters.setdefault(letter.letter_id, letter)
            case LetterResolution() as resolution:
                self.resolutions.setdefault(resolution.letter_id, resolution)

    def open(self) -> Sequence[DeadLetter]:
        """Return the letters without a resolution, oldest first."""
        return [letter for name, letter in self.letters.items() if name not in self.resolutions]


def _resolution(record: Record, found: dict[str, bytes]) -> LetterResolution:
    return LetterResolution(
        letter_id=_identity(record, found),
        how=_HOW.get(found[RESOLUTION], ResolutionKind.DISCARDED),
        reason=_text(found, "resolution-reason"),
        resolved_ms=record.timestamp_ms,
    )


def _identity(record: Record, found: dict[str, bytes]) -> str:
    if "letter-id" in found:
        return _text(found, "letter-id")
    if {"file", "row", "column"} <= found.keys():
        return "/".join(_text(found, name) for name in ("file", "row", "column"))
    return letter_id(record)


def _kept(record: Record, found: dict[str, bytes]) -> KeptValue:
    whole = KeptValue.TOMBSTONE if record.value is None else KeptValue.WHOLE
    return _KEPT.get(found.get("value-kept"), whole)


def _text(found: dict[str, bytes], name: str) -> str:
    return (found.get(name) or b"").decode(errors="backslashreplace")


def _number(found: dict[str, bytes], name: str) -> int | None:
    value = found.get(name)
    try:
        return int(value) if value else None
    except ValueError:
        return None

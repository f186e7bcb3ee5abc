"""Encodes events as JSON and decodes them, validated by the structs, with one decoder per topic.

Invariant: ``decode(topic, encode(event)) == event``, and the bytes of an event are a function of
the event alone. NaN exists in arrays only; :func:`null_from_nan` and :func:`nan_from_null` convert
it. Headers name the schema for people and for later versions, and the trace to which an
event belongs. They are read only when decoding fails, because reading the headers of every message costs
40 % of the rate.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import DecodeError, InvariantError, SchemaVersionError
from schemas.events import (
    ArticlePublished,
    BarClosed,
    CandleObserved,
    Event,
    QuoteObserved,
    SentimentScored,
)
from schemas.sources import LARGEST_LEAD_MS
from schemas.topics import Topic

Headers = list[tuple[str, str | bytes | None]]
_encoder = msgspec.json.Encoder()
encode = _encoder.encode
_NUL = b"\\u0000"


def headers(kind: type[Event], trace_id: str | None = None) -> Headers:
    """Return the headers of a message: schema name and version, content type, and its trace if it has one.

    Args:
        kind: The kind of the event. Without a trace each call returns the same list, which must not be changed.
        trace_id: The :func:`trace_id` of the event itself if it is a root event; a derived event carries the id of
            the event that triggered it.
    """
    of_kind = _headers_of(kind)
    return of_kind if trace_id is None else [*of_kind, ("trace-id", trace_id.encode())]


@cache
def _headers_of(kind: type[Event]) -> Headers:
    return [
        ("schema", kind.__name__.encode()),
        ("schema-version", str(kind.schema_version).encode()),
        ("content-type", b"application/json"),
    ]


def trace_id(value: bytes) -> str:
    """Return the id of the trace that an event begins, which is a function of its bytes.

    Args:
        value: The encoded event.

    Returns:
        32 hexadecimal digits: a 128-bit BLAKE2b hash, which is as long as a W3C trace id.
    """
    return hashlib.blake2b(value, digest_size=16).hexdigest()


@cache
def _decoder(topic: Topic) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(topic.event_type)


def decode(topic: Topic, value: bytes | None, message_headers: Iterable[tuple[str, bytes]] = ()) -> Any:
    """Return the event that a message holds.

    Unknown fields are ignored, so that a producer may add fields.

    Args:
        topic: The topic of the message.
        value: The bytes of the message; None is a tombstone, which no event topic has.
        message_headers: The headers, which are read if the bytes do not decode, to say why.

    Returns:
        One of the event structs of the topic.

    Raises:
        DecodeError: If the bytes are not the JSON of an event of the topic.
        SchemaVersionError: If the headers state a version that this release does not know.
        InvariantError: If the event states something impossible.
    """
    if value is None:
        message = f"expected an event of {topic.name}, was a tombstone"
        raise DecodeError(message)
    try:
        event = _decoder(topic).decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _explained(topic, error, dict(message_headers)) from error
    if _NUL in value and _has_nul(msgspec.to_builtins(event)):
        message = f"expected text without the character NUL on {topic.name}, which no database stores"
        raise DecodeError(message)
    check = _CHECKS.get(type(event))
    if check is not None:
        check(event)
    if event.event_time_ms - event.known_time_ms > LARGEST_LEAD_MS:
        message = (
            f"a venue's clock may run {LARGEST_LEAD_MS} ms ahead of ours, event_time_ms {event.event_time_ms} "
            f"was {event.event_time_ms - event.known_time_ms} ms ahead of known_time_ms"
        )
        raise InvariantError(message)
    return event


def _explained(topic: Topic, error: Exception, found: dict[str, bytes]) -> DecodeError | SchemaVersionError:
    known = sorted({kind.schema_version for kind in topic.events})
    stated = found.get("schema-version")
    if stated is not None and stated not in {str(version).encode() for version in known}:
        versions = ", ".join(map(str, known))
        return SchemaVersionError(
            f"{topic.name} is read at schema version {versions}, the message states {stated!r}"
        )
    names = ", ".join(kind.__name__ for kind in topic.events)
    return DecodeError(f"expected {names} on {topic.name}: {error}")


def _has_nul(part: Any) -> bool:
    """Whether a text holds the character: the backslash before ``u0000`` may be an escaped backslash."""
    if isinstance(part, dict):
        return any(_has_nul(key) or _has_nul(value) for key, value in part.items())
    if isinstance(part, list | tuple):
        return any(map(_has_nul, part))
    return isinstance(part, str) and "\0" in part


def _check_candle(event: CandleObserved | BarClosed) -> None:
    if not event.low <= min(event.open, event.close) <= max(event.open, event.close) <= event.high:
        message = (
            "a bar needs low <= open, close <= high, "
            f"was open {event.open}, high {event.high}, low {event.low}, close {event.close}"
        )
        raise InvariantError(message)
    if (
        event.start_ms % event.interval.milliseconds
        or event.event_time_ms != event.start_ms + event.interval.milliseconds
    ):
        message = (
            f"a {event.interval} bar starts on a multiple of its interval and its event time is its end, "
            f"was start_ms {event.start_ms} and event_time_ms {event.event_time_ms}"
        )
        raise InvariantError(message)


def _check_quote(event: QuoteObserved) -> None:
    if event.bid > event.ask:
        message = (
            f"the best bid of {event.instrument} is at most its best ask, was {event.bid} and {event.ask}"
        )
        raise InvariantError(message)


def _check_article(event: ArticlePublished) -> None:
    if event.asset not in event.assets:
        message = (
            f"the asset of a record is one of the article's assets, was {event.asset}, not in {event.assets}"
        )
        raise InvariantError(message)


def _check_sentiment(event: SentimentScored) -> None:
    n_probabilities = sum(each is not None for each in (event.negative, event.neutral, event.positive))
    if n_probabilities not in (0, 3):
        message = f"a score has all three probabilities or none, has {n_probabilities}"
        raise InvariantError(message)
    if (event.score is None) != (event.refusal is not None):
        message = f"a text has a score or a refusal, was {event.score} and {event.refusal!r}"
        raise InvariantError(message)


#: What the types of the fields cannot say, by kind of event.
_CHECKS: Mapping[type[Event], Callable[[Any], None]] = {
    CandleObserved: _check_candle,
    BarClosed: _check_candle,
    QuoteObserved: _check_quote,
    ArticlePublished: _check_article,
    SentimentScored: _check_sentiment,
}


def null_from_nan(values: Iterable[float]) -> list[float | None]:
    """Return numbers for the wire: NaN becomes None."""
    return [None if math.isnan(value) else value for value in values]


def nan_from_null(values: Iterable[float | None]) -> NDArray[np.float64]:
    """Return numbers as an array of shape (n,): None becomes NaN."""
    return np.array([math.nan if value is None else value for value in values], dtype=np.float64)

"""The table of each kind of event in Postgres.

The key of a table is the natural key of its event, so writing an event twice changes nothing.
"""

import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import psycopg
from psycopg.adapt import Dumper
from psycopg.postgres import types as postgres_types
from psycopg.pq import Format

from schemas import events


class EventTable(NamedTuple):
    """The table of one kind of event.

    Attributes:
        key: The columns that identify a row: the natural key of the event.
        values: Returns the values of the columns of an event.
        newest_by: The column of which the largest value holds: a later write with a larger value replaces a
            row. None never replaces it.
        types: The types of the columns, if rows are sent in Postgres's binary form; None sends text.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    newest_by: str | None = None
    types: tuple[str, ...] | None = None


class PackedArray(NamedTuple):
    """An array of numbers in the binary form of Postgres."""

    content: bytes


class PackedArrayDumper(Dumper):
    """Sends a packed array as it is, because psycopg takes ten times as long to pack a list."""

    format = Format.BINARY
    oid = postgres_types["float8"].array_oid

    def dump(self, obj: PackedArray) -> bytes:
        """Return the packed bytes, which are in the form that Postgres takes."""
        return obj.content


#: The head of an array: the number of dimensions (1), whether it has nulls, the type, the length, the first index.
_ARRAY_HEAD = struct.Struct(">iiIii")
_ELEMENT = np.dtype([("n_bytes", ">i4"), ("value", ">f8")])


def packed(values: Iterable[float | None]) -> PackedArray:
    """Return numbers as an array of Postgres, undefined ones as NaN."""
    numbers = np.array(list(values), dtype=np.float64)
    elements = np.empty(len(numbers), dtype=_ELEMENT)
    elements["n_bytes"] = 8
    elements["value"] = numbers
    head = _ARRAY_HEAD.pack(1, 0, postgres_types["float8"].oid, len(numbers), 1)
    return PackedArray(head + elements.tobytes())


def _key(kind: type[events.Event]) -> tuple[str, ...]:
    """The natural key without ``revision``: a table keeps only the newest revision of a candle."""
    return tuple(field for field in kind.natural_key if field != "revision")


def _fields(
    name: str,
    kind: type[events.Event],
    *,
    newest_by: str | None = None,
    key: tuple[str, ...] | None = None,
    without: Collection[str] = (),
) -> EventTable:
    """A table whose columns are the fields of an event; its key is the natural key if no other is stated."""
    columns = tuple(column for column in kind.__struct_fields__ if column not in without)

    def values(event: Any) -> tuple[Any, ...]:
        return tuple(getattr(event, column) for column in columns)

    return EventTable(name, columns, _key(kind) if key is None else key, values, newest_by)


def _articles() -> EventTable:
    """One row for each version of an article, whichever of its records comes first; its lists are arrays."""
    found = _fields(
        "articles", events.ArticlePublished, key=("stream", "article_id", "version"), without={"asset"}
    )

    def values(event: events.ArticlePublished) -> tuple[Any, ...]:
        return tuple(list(value) if isinstance(value, tuple) else value for value in found.values(event))

    return found._replace(values=values)


def _feature_values(event: events.FeaturesComputed) -> tuple[Any, ...]:
    return (
        event.stream,
        event.instrument,
        str(event.interval),
        event.event_time_ms,
        event.feature_spec_hash,
        event.close,
        event.is_warm,
        packed(event.values.values()),
        event.known_time_ms,
        event.source,
    )


_FEATURE_COLUMNS = (
    "stream",
    "instrument",
    "interval",
    "event_time_ms",
    "feature_spec_hash",
    "close",
    "is_warm",
    "feature_values",
    "known_time_ms",
    "source",
)


def _vector_values(event: events.VectorComputed) -> tuple[Any, ...]:
    return (*_feature_values(event), event.joined, event.n_late)


def _news_feature_values(event: events.NewsFeaturesComputed) -> tuple[Any, ...]:
    return (
        event.stream,
        event.asset,
        event.event_time_ms,
        event.feature_spec_hash,
        event.n_articles,
        packed(event.values.values()),
        event.known_time_ms,
        event.source,
    )


_NEWS_FEATURE_COLUMNS = (
    "stream",
    "asset",
    "event_time_ms",
    "feature_spec_hash",
    "n_articles",
    "feature_values",
    "known_time_ms",
    "source",
)
_NEWS_FEATURE_TYPES = ("text", "text", "int8", "text", "int8", "float8[]", "int8", "text")
_FEATURE_TYPES = ("text", "text", "text", "int8", "text", "float8", "bool", "float8[]", "int8", "text")
_VECTOR_COLUMNS = (*_FEATURE_COLUMNS, "joined", "n_late")

TABLES: dict[type[events.Event], EventTable] = {
    events.CandleObserved: _fields("candles", events.CandleObserved, newest_by="revision"),
    events.TickObserved: _fields("ticks", events.TickObserved),
    events.BarClosed: _fields("bars", events.BarClosed),
    events.FeaturesComputed: EventTable(
        "features",
        _FEATURE_COLUMNS,
        _key(events.FeaturesComputed),
        _feature_values,
        types=_FEATURE_TYPES,
    ),
    events.VectorComputed: EventTable(
        "vectors",
        _VECTOR_COLUMNS,
        _key(events.VectorComputed),
        _vector_values,
        types=(*_FEATURE_TYPES, "jsonb", "int8"),
    ),
    events.PredictionMade: _fields("predictions", events.PredictionMade),
    events.OutcomeResolved: _fields("outcomes", events.OutcomeResolved),
    events.ModelPromoted: _fields("promotions", events.ModelPromoted),
    events.PromotionTookEffect: _fields("promotion_effects", events.PromotionTookEffect),
    events.AlertRaised: _fields("alerts", events.AlertRaised),
    events.ArticlePublished: _articles(),
    events.SentimentScored: _fields("sentiments", events.SentimentScored),
    events.NewsFeaturesComputed: EventTable(
        "news_features",
        _NEWS_FEATURE_COLUMNS,
        _key(events.NewsFeaturesComputed),
        _news_feature_values,
        types=_NEWS_FEATURE_TYPES,
    ),
    events.ArticleLinked: _fields("article_links", events.ArticleLinked),
    events.QuoteObserved: _fields("quotes", events.QuoteObserved),
    events.PriceObserved: _fields("prices", events.PriceObserved),
    events.SourceHealthChanged: _fields(
        "source_health", events.SourceHealthChanged, newest_by="event_time_ms", key=("stream", "source")
    ),
}


#: Market features, and vectors of features with companions; each kind has a table of its own.
FEATURE_KINDS = (events.FeaturesComputed, events.VectorComputed)
#: The kinds whose rows hold values in the order of a set of features.
KINDS_WITH_VALUES = (*FEATURE_KINDS, events.NewsFeaturesComputed)


class StoredWatermark(NamedTuple):
    """A watermark of a source in a topic and partition: up to it all events of the source are stored."""

    stream: str
    topic: str
    partition: int
    watermark_ms: int
    source: str


def write_feature_specs(cursor: psycopg.Cursor[Any], rows: Sequence[Any]) -> None:
    """Store the column names of each set of features."""
    specs: Mapping[str, list[str]] = {row.feature_spec_hash: list(row.values) for row in rows}
    for spec_hash, names in specs.items():
        cursor.execute("INSERT INTO feature_specs VALUES (%s, %s) ON CONFLICT DO NOTHING", (spec_hash, names))


def write_progress(cursor: psycopg.Cursor[Any], progress: Sequence[StoredWatermark]) -> None:
    """Move the stored watermarks forward; an older watermark changes nothing."""
    newest: dict[tuple[str, str, int, str], int] = {}
    for row in progress:
        key = (row.stream, row.topic, row.partition, row.source)
        newest[key] = max(newest.get(key, row.watermark_ms), row.watermark_ms)
    if newest:
        columns = [
            list(column) for column in zip(*((*key, at) for key, at in sorted(newest.items())), strict=True)
        ]
        cursor.execute(
            "INSERT INTO stream_progress (stream, topic, partition, source, watermark_ms) "
            "SELECT * FROM unnest(%s::text[], %s::text[], %s::integer[], %s::text[], %s::bigint[]) "
            "ON CONFLICT (stream, topic, partition, source) "
            "DO UPDATE SET watermark_ms = greatest(stream_progress.watermark_ms, excluded.watermark_ms)",
            columns,
        )

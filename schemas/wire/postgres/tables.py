"""Where each kind of event is kept in Postgres, and how a batch gets there.

A batch is staged by COPY and merged by the table's key: the event's natural key, so that writing
an event twice changes nothing.
"""

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import psycopg
from psycopg import sql
from psycopg.adapt import Dumper
from psycopg.postgres import types as postgres_types
from psycopg.pq import Format

from schemas import events


class Table(NamedTuple):
    """Where a kind of event is kept.

    Attributes:
        key: The columns that make a row the same row: the natural key of the event.
        replaced_when: Additional condition under which a later write replaces a row.
        types: Of the columns, where rows are sent in Postgres's binary form; None sends text.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    replaced_when: str | None = None
    types: tuple[str, ...] | None = None


class Packed(NamedTuple):
    """An array of numbers in Postgres's binary form."""

    content: bytes


class PackedDumper(Dumper):
    """Sends what is packed already: psycopg would take ten times as long over the list."""

    format = Format.BINARY
    oid = postgres_types["float8"].array_oid

    def dump(self, obj: Packed) -> bytes:
        """The content itself."""
        return obj.content


#: Of an array with one dimension and no null: both facts, the elements' type, their number, the first's index.
_ARRAY_HEAD = struct.Struct(">iiIii")
_ELEMENT = np.dtype([("n_bytes", ">i4"), ("value", ">f8")])


def packed(values: Iterable[float | None]) -> Packed:
    """Numbers as an array of Postgres, undefined ones as NaN."""
    numbers = np.array(list(values), dtype=np.float64)
    elements = np.empty(len(numbers), dtype=_ELEMENT)
    elements["n_bytes"] = 8
    elements["value"] = numbers
    head = _ARRAY_HEAD.pack(1, 0, postgres_types["float8"].oid, len(numbers), 1)
    return Packed(head + elements.tobytes())


def _key(kind: type[events.Event]) -> tuple[str, ...]:
    """The natural key without ``revision``: a table keeps only the newest revision of a candle."""
    return tuple(field for field in kind.natural_key if field != "revision")


def _fields(name: str, kind: type[events.Event], replaced_when: str | None = None) -> Table:
    columns = tuple(kind.__struct_fields__)

    def values(event: Any) -> tuple[Any, ...]:
        return tuple(getattr(event, column) for column in columns)

    return Table(name, columns, _key(kind), values, replaced_when)


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


_FEATURE_TYPES = ("text", "text", "text", "int8", "text", "float8", "bool", "float8[]", "int8", "text")
_VECTOR_COLUMNS = (*_FEATURE_COLUMNS, "joined", "n_late")

TABLES: dict[type[events.Event], Table] = {
    events.CandleObserved: _fields("candles", events.CandleObserved, "excluded.revision > candles.revision"),
    events.TickObserved: _fields("ticks", events.TickObserved),
    events.BarClosed: _fields("bars", events.BarClosed),
    events.FeaturesComputed: Table(
        "features",
        _FEATURE_COLUMNS,
        _key(events.FeaturesComputed),
        _feature_values,
        types=_FEATURE_TYPES,
    ),
    events.VectorComputed: Table(
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
}


#: Market features, and those with companions' beside them; each has a table of its own.
FEATURE_KINDS = (events.FeaturesComputed, events.VectorComputed)


class Progress(NamedTuple):
    """A watermark that passed, by the topic and partition it vouches for, and by the source that vouches."""

    stream: str
    topic: str
    partition: int
    watermark_ms: int
    source: str


def merge(cursor: psycopg.Cursor[Any], table: Table, rows: Sequence[Any]) -> None:
    """Stage rows and merge them by the table's key; those that are there stay, or are replaced by later ones."""
    columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
    staged = sql.Identifier(f"staged_{table.name}")
    target = sql.Identifier(table.name)
    cursor.execute(
        sql.SQL("CREATE TEMP TABLE IF NOT EXISTS {} (LIKE {}) ON COMMIT DELETE ROWS").format(staged, target)
    )
    form = sql.SQL("" if table.types is None else " (FORMAT BINARY)")
    with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN{}").format(staged, columns, form)) as copy:
        if table.types is not None:
            cursor.adapters.register_dumper(Packed, PackedDumper)
            copy.set_types(table.types)
        for row in rows:
            copy.write_row(table.values(row))
    key = sql.SQL(", ").join(map(sql.Identifier, table.key))
    action: sql.Composable = sql.SQL("DO NOTHING")
    distinct: sql.Composable = sql.SQL("")
    order: sql.Composable = sql.SQL("")
    if table.replaced_when is not None:
        changes = sql.SQL(", ").join(
            sql.SQL("{0} = excluded.{0}").format(sql.Identifier(column))
            for column in table.columns
            if column not in table.key
        )
        action = sql.SQL("DO UPDATE SET {} WHERE ").format(changes) + sql.SQL(table.replaced_when)
        distinct = sql.SQL("DISTINCT ON ({})").format(key)
        order = sql.SQL("ORDER BY {}, revision DESC").format(key)
    cursor.execute(
        sql.SQL("INSERT INTO {} ({}) SELECT {} {} FROM {} {} ON CONFLICT ({}) {}").format(
            target, columns, distinct, columns, staged, order, key, action
        )
    )


def write_feature_specs(cursor: psycopg.Cursor[Any], rows: Sequence[events.FeaturesComputed]) -> None:
    """Remember the column names of each set of features."""
    specs: Mapping[str, list[str]] = {row.feature_spec_hash: list(row.values) for row in rows}
    for spec_hash, names in specs.items():
        cursor.execute("INSERT INTO feature_specs VALUES (%s, %s) ON CONFLICT DO NOTHING", (spec_hash, names))


def write_progress(cursor: psycopg.Cursor[Any], progress: Sequence[Progress]) -> None:
    """Move watermarks forward, and never back."""
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

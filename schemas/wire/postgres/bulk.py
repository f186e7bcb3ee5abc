"""Loads many candles of one instrument at once, such as those of a backfill, by COPY in its binary form.

A load is a transaction for each part of it, so that a load that was interrupted may be repeated: what is stored is
what the event-by-event writer would have stored. A part of which nothing is stored yet is copied into the table
itself. Another is staged and merged by its key, as the batches of the history sink are.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg import sql

from schemas.errors import RowRefusedError
from schemas.events import CandleObserved
from schemas.time import Interval
from schemas.wire.postgres.merging import copy_packed, replacing, staging
from schemas.wire.postgres.packing import Column, packed_rows
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.tables import TABLES

_TABLE = TABLES[CandleObserved]
_OF_SPAN = "stream = %s AND instrument = %s AND interval = %s AND start_ms BETWEEN %s AND %s"
_STARTS = f"SELECT start_ms FROM candles WHERE {_OF_SPAN} UNION SELECT start_ms FROM bars WHERE {_OF_SPAN} ORDER BY 1"
_ROWS = f"SELECT start_ms, open, high, low, close, volume, revision FROM candles WHERE {_OF_SPAN} ORDER BY start_ms"
#: Only what is not stored yet is written: a conflict costs more than a look-up, because it locks the stored row.
_MERGE = sql.SQL(
    "INSERT INTO candles ({columns}) SELECT {staged_columns} FROM {staged} staged LEFT JOIN ("
    "SELECT start_ms, revision FROM candles WHERE stream = %s AND instrument = %s AND interval = %s "
    "AND start_ms BETWEEN %s AND %s) held USING (start_ms) "
    "WHERE held.revision IS NULL OR held.revision < staged.revision ON CONFLICT ({key}) {replacing}"
)
#: Large enough that the cost of a transaction does not count, small enough for some 15 MB of memory.
ROWS_OF_PART = 50_000


class CandleSpan(NamedTuple):
    """Some candles of one instrument: those that start from one time to another, both included."""

    stream: str
    instrument: str
    interval: str
    first_ms: int
    last_ms: int


#: A stored candle: when it starts, open, high, low, close, volume and revision.
CandleRow = tuple[int, float, float, float, float, float, int]


class CandleColumns(msgspec.Struct, frozen=True, kw_only=True):
    """Candles of one instrument and interval as columns, each of shape (n,), oldest first.

    Attributes:
        stream: The run.
        source: The source that the candles name.
        instrument: The instrument.
        interval: The length of the candles.
        start_ms: When each begins, int64, ascending, each once.
        prices: ``open``, ``high``, ``low`` and ``close``, float64.
        volume: In base units, float64.
        n_trades: Float64, NaN where it is not stated; None if it never is.
        taker_buy_volume: Float64, NaN where it is not stated; None if it never is.
        known_time_ms: Int64; None if each candle was known at its end.
        revision: Of all of them.
    """

    stream: str
    source: str
    instrument: str
    interval: Interval
    start_ms: NDArray[np.int64]
    prices: Mapping[str, NDArray[np.float64]]
    volume: NDArray[np.float64]
    n_trades: NDArray[np.float64] | None = None
    taker_buy_volume: NDArray[np.float64] | None = None
    known_time_ms: NDArray[np.int64] | None = None
    revision: int = 0

    def __len__(self) -> int:
        """The number of candles."""
        return len(self.start_ms)


class BulkLoader:
    """Stores candles in large parts."""

    def __init__(self, pool: PostgresPool, *, rows_of_part: int = ROWS_OF_PART) -> None:
        self._pool = pool
        self._rows_of_part = rows_of_part

    def load(self, candles: CandleColumns) -> None:
        """Store candles; a later revision replaces a stored one, an equal or earlier one changes nothing.

        Args:
            candles: The candles, whose prices keep the rules of a candle.

        Raises:
            StoreUnavailableError: If Postgres does not answer; the parts before are stored.
            RowRefusedError: If Postgres refuses a row; the parts before are stored.
        """
        columns = columns_of(candles)
        for begin in range(0, len(candles), self._rows_of_part):
            part = slice(begin, begin + self._rows_of_part)
            starts = candles.start_ms[part]
            body = packed_rows(
                {name: each if isinstance(each, str) else each[part] for name, each in columns.items()},
                len(starts),
            )
            self._load_part(body, _span(candles, starts))

    def _load_part(self, body: bytes, span: CandleSpan) -> None:
        if not self._is_stored_in_part(span):
            try:
                with self._pool.writes() as cursor:
                    copy_packed(cursor, sql.Identifier(_TABLE.name), _TABLE.columns, body)
            except RowRefusedError:
                pass  # another writer was faster, or a row is bad, which the merge says again
            else:
                return
        with self._pool.writes() as cursor:
            _merge(cursor, body, span)

    def _is_stored_in_part(self, span: CandleSpan) -> bool:
        found = self._pool.row(
            "SELECT 1 FROM candles WHERE stream = %s AND instrument = %s AND interval = %s "
            "AND start_ms BETWEEN %s AND %s LIMIT 1",
            span,
        )
        return found is not None


def bar_starts(pool: PostgresPool, span: CandleSpan) -> NDArray[np.int64]:
    """Return when the stored bars start, the platform's own bars included; shape (n,), increasing.

    Raises:
        StoreUnavailableError: If Postgres does not answer.
    """
    return np.array([row[0] for row in pool.rows(_STARTS, [*span, *span])], dtype=np.int64)


def candle_rows(cursor: psycopg.Cursor[Any], span: CandleSpan) -> list[CandleRow]:
    """Return the stored candles, oldest first, as the transaction of the caller sees them."""
    return cursor.execute(_ROWS, span, binary=True).fetchall()


def merge_candles(cursor: psycopg.Cursor[Any], candles: CandleColumns) -> None:
    """Store candles within a transaction of the caller, as :meth:`BulkLoader.load` does.

    Args:
        cursor: A cursor within a transaction.
        candles: Some thousand candles at most.
    """
    _merge(cursor, packed_rows(columns_of(candles), len(candles)), _span(candles, candles.start_ms))


def _merge(cursor: psycopg.Cursor[Any], body: bytes, span: CandleSpan) -> None:
    staged = staging(cursor, _TABLE)
    copy_packed(cursor, staged, _TABLE.columns, body)
    cursor.execute(_merging(staged), span)


def _span(candles: CandleColumns, starts: NDArray[np.int64]) -> CandleSpan:
    return CandleSpan(
        candles.stream, candles.instrument, str(candles.interval), int(starts[0]), int(starts[-1])
    )


def _merging(staged: sql.Identifier) -> sql.Composed:
    return _MERGE.format(
        columns=sql.SQL(", ").join(map(sql.Identifier, _TABLE.columns)),
        staged_columns=sql.SQL(", ").join(sql.Identifier("staged", column) for column in _TABLE.columns),
        staged=staged,
        key=sql.SQL(", ").join(map(sql.Identifier, _TABLE.key)),
        replacing=replacing(_TABLE),
    )


def columns_of(candles: CandleColumns) -> dict[str, Column]:
    """Return the columns of the table of candles, in its order, for :func:`.packing.packed_rows`."""
    n = len(candles)
    ends = candles.start_ms + candles.interval.milliseconds
    columns: dict[str, Column] = {
        "event_time_ms": ends,
        "known_time_ms": ends if candles.known_time_ms is None else candles.known_time_ms,
        "source": candles.source,
        "stream": candles.stream,
        "instrument": candles.instrument,
        "interval": str(candles.interval),
        "start_ms": candles.start_ms,
        **candles.prices,
        "volume": candles.volume,
        "n_trades": _nullable(candles.n_trades, n).astype(np.int64),
        "revision": np.full(n, candles.revision, dtype=np.int32),
        "taker_buy_volume": _nullable(candles.taker_buy_volume, n),
    }
    return {name: columns[name] for name in _TABLE.columns}


def _nullable(values: NDArray[np.float64] | None, n: int) -> Any:
    stated = np.full(n, np.nan) if values is None else values
    is_null = np.isnan(stated)
    return np.ma.MaskedArray(np.where(is_null, 0.0, stated), mask=is_null)

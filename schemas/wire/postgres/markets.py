"""The stored market data of runs: candles and ticks as they were published, and the bars that were made of them."""

from collections.abc import Collection, Iterator
from typing import Any

import msgspec
import numpy as np

from schemas import events
from schemas.features import FeatureCloses
from schemas.positions import MarketPosition
from schemas.time import Interval
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.tables import TABLES


class StoredMarket:
    """Reads the candles, ticks and bars of runs."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def position(self, stream: str, *, instruments: Collection[str] | None = None) -> MarketPosition:
        """Return how far the stored candles and ticks of a run go.

        Args:
            stream: The run.
            instruments: The instruments to look at; the position of candles is None until each of them has
                candles. None means all instruments that are stored.
        """
        row = self._pool.row(
            "SELECT count(last_candle_end_ms), min(last_candle_end_ms), max(last_tick_known_ms), max(last_trade_id) "
            "FROM market_positions WHERE stream = %s AND (%s::text[] IS NULL OR instrument = ANY(%s::text[]))",
            (stream, *[None if instruments is None else list(instruments)] * 2),
        )
        n_with_candles, candle_end_ms, tick_known_ms, trade_id = row or (0, None, None, None)
        n_wanted = 1 if instruments is None else len(instruments)
        return MarketPosition(candle_end_ms if n_with_candles >= n_wanted else None, tick_known_ms, trade_id)

    def candles(self, stream: str) -> Iterator[events.CandleObserved]:
        """Yield the stored candles of a run, by known time, instrument and start."""
        return self._stored(events.CandleObserved, stream, "known_time_ms, instrument, start_ms")

    def ticks(self, stream: str) -> Iterator[events.TickObserved]:
        """Yield the stored ticks of a run, by known time, instrument, and epoch and value of the trade id."""
        return self._stored(events.TickObserved, stream, "known_time_ms, instrument, id_epoch, trade_id")

    def bars(self, stream: str, *, instrument: str, interval: str, limit: int) -> list[events.BarClosed]:
        """Return the newest stored bars, oldest first.

        Args:
            stream: The run.
            instrument: The name of the instrument.
            interval: The length of the bars.
            limit: The most that are returned.
        """
        rows = self._pool.dicts(
            "SELECT * FROM bars WHERE stream = %s AND instrument = %s AND interval = %s "
            "ORDER BY start_ms DESC LIMIT %s",
            (stream, instrument, interval, limit),
        )
        return [msgspec.convert(row, events.BarClosed) for row in reversed(rows)]

    def newest_bars_ms(self, stream: str, instruments: Collection[str]) -> dict[tuple[str, Interval], int]:
        """Return the end of the newest stored bar of each interval of instruments; intervals without bars are left out.

        Args:
            stream: The run.
            instruments: The instruments.
        """
        rows = self._pool.rows(
            "SELECT instrument, interval, event_time_ms FROM unnest(%s::text[]) AS asked (instrument) "
            "CROSS JOIN unnest(%s::text[]) AS lengths (interval) CROSS JOIN LATERAL "
            "(SELECT event_time_ms FROM bars WHERE stream = %s AND bars.instrument = asked.instrument "
            "AND bars.interval = lengths.interval ORDER BY start_ms DESC LIMIT 1) AS newest",
            (list(instruments), [str(each) for each in Interval], stream),
        )
        return {(row[0], Interval(row[1])): row[2] for row in rows}

    def closes(self, stream: str, *, instrument: str, interval: str) -> FeatureCloses:
        """Return the close of every stored bar with its times, oldest first.

        Args:
            stream: The run.
            instrument: The name of the instrument.
            interval: The length of the bars.
        """
        rows = self._pool.rows(
            "SELECT event_time_ms, known_time_ms, close FROM bars WHERE stream = %s AND instrument = %s AND interval = %s "
            "ORDER BY start_ms",
            (stream, instrument, interval),
        )
        return FeatureCloses(
            as_of_ms=np.array([row[0] for row in rows], dtype=np.int64),
            known_ms=np.array([row[1] for row in rows], dtype=np.int64),
            close=np.array([row[2] for row in rows], dtype=np.float64),
        )

    def _stored(self, kind: type[Any], stream: str, order: str) -> Iterator[Any]:
        table = TABLES[kind]
        query = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE stream = %s ORDER BY {order}"
        with self._pool.connection() as connection, connection.cursor("stored") as cursor:
            cursor.itersize = 10_000
            cursor.execute(query, (stream,))
            for row in cursor:
                yield msgspec.convert(dict(zip(table.columns, row, strict=True)), kind)

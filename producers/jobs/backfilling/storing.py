"""The store of a backfill in Postgres: a page is one transaction."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from producers.jobs.backfilling.accounts import Changes
from producers.jobs.backfilling.places import Place
from producers.jobs.backfilling.revising import Held, columns_of_held, revised
from producers.jobs.backfilling.stores import BackfillStore, Stored
from producers.jobs.backfilling.stretches import Stretch
from producers.normalise.observations import VenueCandle
from schemas.frames import Columns
from schemas.gaps import Gap
from schemas.wire.postgres.bulk import CandleColumns, CandleSpan, bar_starts, candle_rows, merge_candles
from schemas.wire.postgres.gaps import StoredGaps, close_gap, open_gap
from schemas.wire.postgres.pools import PostgresPool


class StoredBackfill(BackfillStore):
    """Reads and writes the tables of candles and gaps."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool
        self._gaps = StoredGaps(pool)

    def held(self, place: Place, span: Stretch) -> NDArray[np.int64]:
        """Return the starts of the stored bars; see the port."""
        return bar_starts(self._pool, _span(place, span))

    def gaps(self, place: Place) -> list[Gap]:
        """Return the gaps of a series."""
        found = self._gaps.gaps(place.stream, instrument=place.instrument, source=place.source)
        return [gap for gap in found if gap.kind is place.gap_kind]

    def recent(self, place: Place, span: Stretch) -> Columns:
        """Return the stored candles within a span."""
        with self._pool.connection() as connection, connection.cursor() as cursor:
            return columns_of_held([Held(*row) for row in candle_rows(cursor, _span(place, span))])

    def commit(self, place: Place, candles: Sequence[VenueCandle], changes: Changes, *, at_ms: int) -> Stored:
        """Store candles and change the ledger in one transaction; see the port."""
        with self._pool.writes() as cursor:
            found: dict[int, list[VenueCandle]] = {}
            if candles:
                span = Stretch(candles[0].start_ms, candles[-1].start_ms + place.step_ms)
                rows = candle_rows(cursor, _span(place, span))
                found = revised(candles, {row[0]: Held(*row) for row in rows})
            for revision, revised_candles in found.items():
                merge_candles(cursor, _columns(place, revised_candles, revision, at_ms=at_ms))
            for change in changes.closing:
                close_gap(cursor, change.gap, by=change.by, at_ms=at_ms, remaining=change.remaining)
            for gap in changes.opening:
                open_gap(cursor, gap)
        return Stored.of(found)


def _span(place: Place, span: Stretch) -> CandleSpan:
    return CandleSpan(
        place.stream, place.instrument, str(place.interval), span.start_ms, span.end_ms - place.step_ms
    )


def _columns(place: Place, candles: Sequence[VenueCandle], revision: int, *, at_ms: int) -> CandleColumns:
    """Candles as columns: a correction is known since now, and any other candle since its end."""
    prices = {
        name: np.array([getattr(each, name) for each in candles], dtype=np.float64)
        for name in ("open", "high", "low", "close")
    }
    volume = np.array([each.volume for each in candles], dtype=np.float64)
    return CandleColumns(
        stream=place.stream,
        source=place.source,
        instrument=place.instrument,
        interval=place.interval,
        start_ms=np.array([each.start_ms for each in candles], dtype=np.int64),
        prices=prices,
        volume=volume,
        n_trades=_stated(each.n_trades for each in candles),
        taker_buy_volume=np.minimum(_stated(each.taker_buy_volume for each in candles), volume),
        known_time_ms=np.full(len(candles), at_ms, dtype=np.int64) if revision else None,
        revision=revision,
    )


def _stated(values: Iterable[float | None]) -> NDArray[np.float64]:
    """Numbers as an array, NaN where none is stated."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)

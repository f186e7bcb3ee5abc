"""Features for training, computed from the stored minutes instead of read as they were stored.

The features that a running platform stored are undefined after an outage until they are warm again. If the venue's
candles of the outage were fetched later, features computed from the stored minutes have no such hole. They are computed
by the same kernel, so where nothing was missing they are those that were stored.
"""

from collections.abc import Mapping

import numpy as np

from schemas.companions import Companions
from schemas.features import FeatureCloses, FeatureTable
from schemas.instruments import parse_instrument
from schemas.time import Interval
from schemas.wire.postgres.minutes import stored_minutes
from schemas.wire.postgres.news import StoredNews
from schemas.wire.postgres.pools import PostgresPool
from stream_processors.features.bars import CLOSE, END_MS, BarTable, bar_table, roll_up
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import news_row_spec, spec_of
from stream_processors.features.vectors import with_companions
from trainers.inputs.waiting import FeatureHistory


class MinuteFeatures(FeatureHistory):
    """Computes features from the stored minutes of a run.

    A bar counts as known at its end, as if the platform had been there: a candle that was fetched later is no
    reason to leave out the rows that need it. News features are never computed again: they are read as they were stored.

    Args:
        pool: The open connections to Postgres.
        companions: By instrument: its companions.
    """

    def __init__(self, pool: PostgresPool, *, companions: Mapping[str, Companions] = {}) -> None:
        self._pool = pool
        self._companions = companions
        self._news = StoredNews(pool)
        self._kept: dict[tuple[str, str, int | None], BarTable] = {}

    def feature_table(
        self,
        stream: str,
        *,
        instrument: str,
        interval: str,
        until_ms: int | None = None,
        spec_hash: str | None = None,
    ) -> FeatureTable | None:
        """Return the features of an instrument, with those of its companions if the set has them; see the port."""
        length = Interval(interval)
        table = compute_table(self._bars(stream, instrument, length, until_ms))
        companions = self._companions.get(instrument)
        if companions is not None and spec_hash == spec_of(companions).hash:
            others = {
                name: compute_table(self._bars(stream, name, length, until_ms))
                for name in companions.instruments
            }
            news = None
            if companions.news is not None:
                news = self._news.features(
                    stream,
                    asset=parse_instrument(instrument).base,
                    spec_hash=news_row_spec(companions.news).hash,
                )
            table = with_companions(table, others, companions, interval=length, news=news)
        elif spec_hash not in {None, SPEC.hash}:
            return None
        return table if len(table.as_of_ms) else None

    def feature_closes(self, stream: str, *, instrument: str, interval: str, until_ms: int) -> FeatureCloses:
        """Return the close of every bar; see the port."""
        bars = self._bars(stream, instrument, Interval(interval), until_ms)
        return FeatureCloses(
            as_of_ms=bars.rows[:, END_MS].astype(np.int64),
            known_ms=bars.known_ms,
            close=bars.rows[:, CLOSE].copy(),
        )

    def _bars(self, stream: str, instrument: str, interval: Interval, until_ms: int | None) -> BarTable:
        minutes = self._minutes(stream, instrument, until_ms)
        if interval is Interval.ONE_MINUTE:
            return minutes
        return roll_up(minutes, interval=Interval.ONE_MINUTE, into=interval)

    def _minutes(self, stream: str, instrument: str, until_ms: int | None) -> BarTable:
        """The minutes of an instrument, which are read once for all targets."""
        key = (stream, instrument, until_ms)
        if key not in self._kept:
            found = stored_minutes(self._pool, stream, instrument=instrument, until_ms=until_ms)
            self._kept[key] = bar_table(
                start_ms=found.start_ms,
                prices=found.prices,
                volume=found.volume,
                buy_volume=found.buy_volume,
                interval=Interval.ONE_MINUTE,
            )
        return self._kept[key]

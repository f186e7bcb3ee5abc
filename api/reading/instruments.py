"""Reads what the stores hold about instruments, by which it is judged whether they may answer for their asset."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import structlog

from api.reading.guarded import GuardedHistory, GuardedViews
from api.reading.healths import InstrumentFacts
from api.reading.kept import Kept
from schemas.arms import CHAMPION
from schemas.errors import StoreUnavailableError
from schemas.events import PriceObserved, SourceHealthChanged
from schemas.targets import TargetPair
from schemas.time import Clock, Interval
from schemas.wire.postgres.markets import StoredMarket
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.postgres.prices import StoredPrices
from schemas.wire.postgres.sources import StoredSources
from schemas.wire.redis import features_key, prediction_key

_INTERVALS = tuple(Interval)
_KEPT_S = 1.0
_log = structlog.get_logger(__name__)


class Reported(NamedTuple):
    """What was published about sources and prices, by source and by instrument."""

    health: Mapping[str, SourceHealthChanged]
    prices: Mapping[str, PriceObserved]


class NewestData(NamedTuple):
    """The times of the newest bars and predictions of one instrument."""

    bars_ms: Mapping[Interval, int]
    predictions_ms: Mapping[TargetPair, int]


class InstrumentReader:
    """Reads the facts of instruments of one run.

    Args:
        views: The views in Redis, which have the newest bars and predictions.
        history: The history in Postgres, which has them too, and what was published about sources.
        stream: The run that is served.
        targets: The targets that are served.
        clock: Measures for how long what was published about sources is kept.
    """

    def __init__(
        self,
        views: GuardedViews,
        history: GuardedHistory,
        *,
        stream: str,
        targets: Sequence[TargetPair],
        clock: Clock,
    ) -> None:
        self._views, self._history = views, history
        self._stream, self._targets = stream, targets
        self._sources, self._prices = StoredSources(history.pool), StoredPrices(history.pool)
        self._market, self._predictions = StoredMarket(history.pool), StoredPredictions(history.pool)
        self._reported = Kept(self._read_reported, clock, kept_s=_KEPT_S)

    def facts(self, instruments: Sequence[str], sources: Mapping[str, str]) -> list[InstrumentFacts]:
        """Return what is known of instruments, in their order.

        Args:
            instruments: The instruments.
            sources: The source of each of them.

        Raises:
            StoreUnavailableError: If Redis lacks their data and Postgres does not answer.
        """
        try:
            reported = self._reported.newest()
        except StoreUnavailableError:
            reported = Reported({}, {})
        newest = self._in_views(instruments)
        missing = [name for name in instruments if not any(newest[name])]
        if missing:
            newest |= self._in_history(missing)
        return [
            InstrumentFacts(
                instrument=name,
                source=sources[name],
                health=reported.health.get(sources[name]),
                price=reported.prices.get(name),
                bars_ms=newest[name].bars_ms,
                predictions_ms=newest[name].predictions_ms,
            )
            for name in instruments
        ]

    def _read_reported(self) -> Reported:
        with self._history.asked():
            return Reported(
                {one.source: one for one in self._sources.health(self._stream)},
                {one.instrument: one for one in self._prices.newest(self._stream)},
            )

    def _in_views(self, instruments: Sequence[str]) -> dict[str, NewestData]:
        keys = [key for name in instruments for key in self._keys(name)]
        try:
            orders = self._views.orders(keys)
        except StoreUnavailableError as error:
            _log.debug("bars and predictions are looked up in Postgres", reason=str(error))
            orders = [None] * len(keys)
        n_each = len(_INTERVALS) + len(self._targets)
        return {
            name: _newest_data(orders[at * n_each : (at + 1) * n_each], self._targets)
            for at, name in enumerate(instruments)
        }

    def _keys(self, instrument: str) -> list[str]:
        return [
            *(features_key(self._stream, instrument, interval) for interval in _INTERVALS),
            *(prediction_key(self._stream, instrument, *target) for target in self._targets),
        ]

    def _in_history(self, instruments: Sequence[str]) -> dict[str, NewestData]:
        with self._history.asked():
            bars = self._market.newest_bars_ms(self._stream, instruments)
            made = self._predictions.last_predicted_ms(self._stream, instruments=instruments)
        predicted = {
            (target.instrument, target.pair): ms for target, ms in made.items() if target.arm == CHAMPION
        }
        return {
            name: NewestData(
                {each: bars[name, each] for each in _INTERVALS if (name, each) in bars},
                {each: predicted[name, each] for each in self._targets if (name, each) in predicted},
            )
            for name in instruments
        }


def _newest_data(orders: Sequence[int | None], targets: Sequence[TargetPair]) -> NewestData:
    bars = zip(_INTERVALS, orders[: len(_INTERVALS)], strict=True)
    predictions = zip(targets, orders[len(_INTERVALS) :], strict=True)
    return NewestData(
        {interval: ms for interval, ms in bars if ms is not None},
        {target: ms for target, ms in predictions if ms is not None},
    )

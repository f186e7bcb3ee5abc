"""Generates the candles and the ticks of the simulated market for any stretch of time.

Two laws hold. The candle of a minute is the aggregate of the ticks of that minute, to the last bit. The
same seed, parameters and origin give the same market, whatever was generated before.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.normalise.candles import candle_of_row
from producers.normalise.simulated import SOURCE, tick_of_simulated_trade
from producers.sources.simulated.parameters import MarketParameters
from producers.sources.simulated.states import HOUR_MS, MarketStates
from producers.sources.simulated.trades import MINUTE_MS, SimulatedTrades, hour_start_ms, trades_of_hour
from schemas.events import CandleObserved, TickObserved
from schemas.time import Interval

INSTRUMENT = "BTC-USDT.SIMULATED"


class _Candles(NamedTuple):
    start_ms: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    n_trades: NDArray[np.intp]


class SimulatedMarket:
    """A seeded market.

    Args:
        parameters: The seed and the properties of the market.
        origin_ms: When the market begins, a whole hour.
        stream: The run that the events belong to.
    """

    def __init__(self, parameters: MarketParameters, *, origin_ms: int, stream: str) -> None:
        self._parameters = parameters
        self._stream = stream
        self.states = MarketStates(parameters, origin_ms)

    def candles(self, from_ms: int, until_ms: int) -> Iterator[CandleObserved]:
        """Generate the one-minute candles that start at or after ``from_ms`` and end at or before ``until_ms``."""
        for hour in range(from_ms // HOUR_MS, -(-until_ms // HOUR_MS)):
            found = _candles(hour, self.trades(hour))
            for row in zip(*(column.tolist() for column in found), strict=True):
                if from_ms <= row[0] and row[0] + MINUTE_MS <= until_ms:
                    yield candle_of_row(
                        dict(zip(_Candles._fields, row, strict=True)),
                        instrument=INSTRUMENT,
                        interval=Interval.ONE_MINUTE,
                        source=SOURCE,
                        stream=self._stream,
                    )

    def ticks(self, from_ms: int, until_ms: int | None = None) -> Iterator[TickObserved]:
        """Generate the trades with ``from_ms <= time < until_ms``; if ``until_ms`` is None, without end."""
        hour = from_ms // HOUR_MS
        while until_ms is None or hour_start_ms(hour) < until_ms:
            trades = self.trades(hour)
            begin = int(np.searchsorted(trades.time_ms, from_ms))
            end = len(trades.time_ms) if until_ms is None else int(np.searchsorted(trades.time_ms, until_ms))
            columns = (trades.time_ms, trades.trade_id, trades.price, trades.size, trades.is_buyer_maker)
            for row in zip(*(column[begin:end].tolist() for column in columns), strict=True):
                time_ms, trade_id, price, size, is_buyer_maker = row
                yield tick_of_simulated_trade(
                    instrument=INSTRUMENT,
                    stream=self._stream,
                    trade_id=trade_id,
                    time_ms=time_ms,
                    price=price,
                    size=size,
                    is_buyer_maker=is_buyer_maker,
                )
            hour += 1

    def trades(self, hour: int) -> SimulatedTrades:
        """Return the trades of an hour since the epoch, as arrays."""
        return trades_of_hour(self.states.hour(hour), self._parameters)


def _candles(hour: int, trades: SimulatedTrades) -> _Candles:
    first = trades.first
    last = np.concatenate((first[1:], [len(trades.price)])) - 1
    return _Candles(
        start_ms=hour_start_ms(hour) + np.arange(len(first)) * MINUTE_MS,
        open=trades.price[first],
        high=np.maximum.reduceat(trades.price, first),
        low=np.minimum.reduceat(trades.price, first),
        close=trades.price[last],
        volume=np.add.reduceat(trades.size, first),
        n_trades=last - first + 1,
    )

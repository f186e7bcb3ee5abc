"""The market of a run, a function of the time at which the mirror began, and of nothing else.

::

    hours of 2017..2025   minutes of June 2025   trades of August 2024, looped
    ----------------------|---------------------|---------------|------------->
                                                tape start      the mirror begins

Recorded candles are shifted by whole days, so that hours stay hours, and end at the start of the tape, 90 minutes
before the mirror began. From there on every candle is made of the very trades that the venue hands out. The tape's
prices are scaled so that they continue the last recorded close.
"""

from collections.abc import Callable
from functools import cached_property
from threading import Lock
from typing import NamedTuple

import numpy as np

from tests.mirror.candles import MINUTE_MS, NO_ROWS, between, fold_rows, fold_trades
from tests.mirror.recordings import RecordedTicks, Recordings, thinned
from tests.mirror.tapes import Loop, QuoteTape, Scale, TradeTape, aggregated

DAY_MS = 86_400_000
TAPE_BEFORE_MS = 90 * MINUTE_MS
FIRST_MS = 0
SPOT_PASS_MS = 304_400
PERPETUAL_PASS_MS = 344_800


class Listing(NamedTuple):
    """How a venue states the market: the factor of its prices, its decimals, its ids."""

    name: str
    basis: float
    decimals: int
    first_id: int


BINANCE = Listing("binance", 1.0, 2, 3_735_693_016)
FUTURES = Listing("binance-futures", 1.0004, 1, 5_266_583_935)
COINBASE = Listing("coinbase", 1.0003, 2, 681_234_567)
KRAKEN = Listing("kraken", 1.0002, 1, 78_123_456)


class History:
    """The recorded candles of one venue, shifted and scaled.

    Args:
        recordings: Where they are read.
        listing: The venue.
        shift_ms: By how much they are later than recorded.
        end_ms: Where they end.
    """

    def __init__(self, recordings: Recordings, listing: Listing, shift_ms: int, end_ms: int) -> None:
        self._recordings = recordings
        self._listing = listing
        self._shift_ms = shift_ms
        self._end_ms = end_ms

    @cached_property
    def minutes(self) -> np.ndarray:
        """Minutes up to the start of the tape."""
        return self._stated(self._recordings.minutes)

    def older(self, interval_ms: int) -> np.ndarray:
        """Candles of an interval before the recorded minutes begin; none for intervals below five minutes."""
        first_whole_ms = -(-int(self.minutes["open_ms"][0]) // interval_ms) * interval_ms
        for base_ms, rows in ((60 * MINUTE_MS, self._hours), (5 * MINUTE_MS, self._five_minutes)):
            if interval_ms % base_ms == 0:
                return fold_rows(between(rows(), FIRST_MS, first_whole_ms), interval_ms)
        return NO_ROWS

    def _hours(self) -> np.ndarray:
        return self._stated(self._recordings.hours)

    def _five_minutes(self) -> np.ndarray:
        return self._stated(self._recordings.five_minutes)

    def _stated(self, recorded: np.ndarray) -> np.ndarray:
        rows = recorded.copy()
        rows["open_ms"] += self._shift_ms
        for name in ("open", "high", "low", "close"):
            rows[name] = np.round(rows[name] * self._listing.basis, self._listing.decimals)
        return between(rows, FIRST_MS, self._end_ms)


class Market:
    """One venue's market: trades, aggregated trades, quotes, and candles that agree with the trades."""

    def __init__(
        self,
        listing: Listing,
        trades: TradeTape,
        grouped: TradeTape,
        quotes: QuoteTape,
        history: History,
        start_ms: int,
    ) -> None:
        self.listing = listing
        self.trades = trades
        self.aggregated = grouped
        self.quotes = quotes
        self.tape_start_ms = start_ms
        self._history = history
        self._folded = NO_ROWS
        self._folded_until_ms = start_ms
        self._older: dict[int, np.ndarray] = {}
        self._lock = Lock()

    def first_id(self, tape: TradeTape | None = None) -> int:
        """Return the id of the oldest trade that can be had."""
        return (tape or self.trades).first_at(self.tape_start_ms)

    def candles(self, interval_ms: int, from_ms: int, until_ms: int, now_ms: int) -> np.ndarray:
        """Return the candles that open within [from, until), the one that is still forming at last.

        Args:
            interval_ms: Whole minutes that divide a day.
            from_ms: The earliest opening.
            until_ms: After the latest opening.
            now_ms: No trade at or after this time is known.
        """
        with self._lock:
            reach_ms = min(until_ms + interval_ms, now_ms)
            parts = [
                between(self._history.minutes, from_ms - interval_ms, reach_ms),
                self._of_tape(from_ms, reach_ms),
            ]
            rows = np.concatenate(parts)
            if interval_ms > MINUTE_MS:
                rows = np.concatenate([self._before_minutes(interval_ms), self._whole(rows, interval_ms)])
            return between(rows, from_ms, min(until_ms, now_ms))

    def price(self, now_ms: int) -> float:
        """Return the price of the last trade."""
        end = self.trades.first_at(now_ms)
        return float(self.trades.numbered(end - 1, end).price[0])

    def _before_minutes(self, interval_ms: int) -> np.ndarray:
        if interval_ms not in self._older:
            self._older[interval_ms] = self._history.older(interval_ms)
        return self._older[interval_ms]

    def _whole(self, minutes: np.ndarray, interval_ms: int) -> np.ndarray:
        """Fold minutes; the first candle is left out where the minutes begin within it."""
        begins_ms = int(self._history.minutes["open_ms"][0])
        first_whole_ms = -(-begins_ms // interval_ms) * interval_ms
        return fold_rows(between(minutes, first_whole_ms, 1 << 62), interval_ms)

    def _of_tape(self, from_ms: int, until_ms: int) -> np.ndarray:
        closed_ms = max(until_ms - until_ms % MINUTE_MS, self.tape_start_ms)
        while self._folded_until_ms < closed_ms:
            end_ms = min(closed_ms, self._folded_until_ms + DAY_MS // 8)
            folded = fold_trades(self.trades.between(self._folded_until_ms, end_ms))
            self._folded, self._folded_until_ms = np.concatenate([self._folded, folded]), end_ms
        forming = fold_trades(self.trades.between(closed_ms, until_ms)) if until_ms > closed_ms else NO_ROWS
        return np.concatenate([between(self._folded, from_ms - DAY_MS, closed_ms), forming])


class World:
    """The markets of all venues.

    Args:
        recordings: The recorded data.
        start_ms: When the mirror began; everything else follows from it.
        rate: Trades a second on average; None plays them as recorded, in the burst of August 2024.
    """

    def __init__(self, recordings: Recordings, start_ms: int, *, rate: float | None = None) -> None:
        self.recordings = recordings
        self._rate = rate
        self.start_ms = start_ms
        self.tape_start_ms = start_ms - start_ms % MINUTE_MS - TAPE_BEFORE_MS

    @cached_property
    def shift_ms(self) -> int:
        """By how many whole days recorded candles are moved."""
        end_ms = int(self.recordings.minutes["open_ms"][-1]) + MINUTE_MS
        return -(-(self.tape_start_ms - end_ms) // DAY_MS) * DAY_MS

    @cached_property
    def binance(self) -> Market:
        """Binance spot."""
        return self._market(BINANCE, self.recordings.spot, SPOT_PASS_MS)

    @cached_property
    def futures(self) -> Market:
        """Binance USD-M."""
        return self._market(FUTURES, self.recordings.perpetual, PERPETUAL_PASS_MS)

    @cached_property
    def coinbase(self) -> Market:
        """Coinbase Exchange: the tape of Binance with another basis and other ids."""
        return self._market(COINBASE, self.recordings.spot, SPOT_PASS_MS)

    @cached_property
    def kraken(self) -> Market:
        """Kraken, likewise."""
        return self._market(KRAKEN, self.recordings.spot, SPOT_PASS_MS)

    @cached_property
    def _close(self) -> float:
        rows = self.recordings.minutes
        return float(rows["close"][np.searchsorted(rows["open_ms"], self.tape_start_ms - self.shift_ms) - 1])

    def _market(self, listing: Listing, recorded: RecordedTicks, pass_ms: int) -> Market:
        ticks = recorded if self._rate is None else thinned(recorded, self._rate)
        trades, anchor_ms = ticks.trades, int(ticks.trades.time_ms[0])
        scale = self._scale(Loop(anchor_ms, pass_ms, trades.time_ms), trades.price).times(listing.basis)
        grouped = aggregated(trades)

        def tape(of, **names) -> TradeTape:
            return TradeTape(
                Loop(anchor_ms, pass_ms, of.time_ms), of, scale, decimals=listing.decimals, **names
            )

        quotes = QuoteTape(
            Loop(anchor_ms, pass_ms, ticks.quotes.time_ms), ticks.quotes, scale, decimals=listing.decimals
        )
        history = History(self.recordings, listing, self.shift_ms, self.tape_start_ms)
        return Market(
            listing,
            tape(trades, first_id=listing.first_id),
            tape(grouped, first_id=listing.first_id // 3, single=(listing.first_id, len(trades.time_ms))),
            quotes,
            history,
            self.tape_start_ms,
        )

    def _scale(self, loop: Loop, price: np.ndarray) -> Scale:
        """Return the factors by which the tape goes on at the last recorded close."""
        turn, place = divmod(loop.first_at(self.tape_start_ms), len(price))
        ends = float(price[0] * price[-1])
        if turn % 2 == 1:
            odd = self._close * float(price[place])
            return Scale(even=odd / ends, odd=odd)
        even = self._close / float(price[place])
        return Scale(even=even, odd=even * ends)


Clock = Callable[[], int]

"""Bars from ticks and candles, closed by event time.

::

    ticks       . .  .   |  .     .  |           |    x = comes too late: counted, not added
    watermark            W           W     x     W
    bars        [first)  [second   ) [no trade  )

A bar closes when its source has vouched for everything before its end: by a watermark record, or
by a tick that is later than the end by more than the source's allowed lateness. An interval
without a trade inside a living stream is a bar with ``n_trades`` 0 at the previous close. An
outage makes no bars, and neither does an interval that the source joined midway. A candle is a
whole bar at once, and is never taken apart; where ticks and a candle speak of the same interval
the candle counts.

Source:
    The decisions on bars and watermarks in this folder's README.
"""

from collections.abc import Iterator

import msgspec

from schemas.events import BarClosed, CandleObserved, TickObserved
from schemas.time import Interval, bar_start_ms
from stream_processors.operators.open_bars import OpenBar, opened

#: A longer silence inside a stream is an outage, whatever its watermarks say.
LONGEST_SILENCE_MS = 24 * 3_600_000


class BarBuilder(msgspec.Struct, kw_only=True, array_like=True):
    """Builds the bars of one instrument in one stream; the struct is its whole state.

    Attributes:
        interval: Of the bars; ticks make minutes, candles keep their own.
        next_start_ms: Where the next bar starts; None before the first and in an outage.
        joined_ms: Event time at which the source was joined, at first or behind an outage.
        closed_until_ms: End of the last bar, also through an outage; 0 before the first.
        previous_close: Of the last bar; None before the first and in an outage.
        last_trade_id: The id of the newest trade; a trade that is not newer by epoch and id is a repeat.
        n_late: Late trades since the last bar.
        n_repeated: Ticks and candles that were seen before.
        n_unbounded: Ticks in an interval that the source joined midway.
        last_id_epoch: The epoch of that id.
        n_in_run: How many trades in succession, up to the newest one, were repeats.
    """

    stream: str
    instrument: str
    source: str
    interval: Interval = Interval.ONE_MINUTE
    next_start_ms: int | None = None
    joined_ms: int = 0
    closed_until_ms: int = 0
    previous_close: float | None = None
    last_trade_id: int = -1
    n_late: int = 0
    n_repeated: int = 0
    n_unbounded: int = 0
    open_bars: dict[int, OpenBar] = {}
    last_id_epoch: int = 0
    n_in_run: int = 0

    @property
    def has_begun(self) -> bool:
        """Whether bars or trades fix the interval."""
        return self.closed_until_ms > 0 or self.next_start_ms is not None

    def on_tick(self, tick: TickObserved, *, allowed_lateness_ms: int) -> Iterator[BarClosed]:
        """Take a trade in; yield the bars that it closes."""
        if (tick.id_epoch, tick.trade_id) <= (self.last_id_epoch, self.last_trade_id):
            self.n_repeated += 1
            self.n_in_run += 1
            return
        self.last_id_epoch, self.last_trade_id = tick.id_epoch, tick.trade_id
        self.n_in_run = 0
        self.source = tick.source
        yield from self.on_watermark(tick.event_time_ms - allowed_lateness_ms, known_ms=tick.known_time_ms)
        start_ms = bar_start_ms(tick.event_time_ms, self.interval)
        if start_ms < (self.closed_until_ms if self.next_start_ms is None else self.next_start_ms):
            self.n_late += 1
            return
        if self.next_start_ms is None:
            self.next_start_ms, self.joined_ms = start_ms, tick.event_time_ms
        if start_ms < self.joined_ms:
            self.n_unbounded += 1
        elif start_ms in self.open_bars:
            self.open_bars[start_ms].add(tick)
        else:
            self.open_bars[start_ms] = opened(tick, start_ms)

    def on_watermark(self, watermark_ms: int, *, known_ms: int) -> Iterator[BarClosed]:
        """All before ``watermark_ms`` has been said: yield the bars that end by then."""
        if self.next_start_ms is None:
            return
        length_ms = self.interval.milliseconds
        traded_until_ms = max(self.open_bars, default=self.next_start_ms - length_ms) + length_ms
        is_outage = watermark_ms - traded_until_ms > LONGEST_SILENCE_MS
        until_ms = traded_until_ms if is_outage else watermark_ms
        for start_ms in range(self.next_start_ms, until_ms - length_ms + 1, length_ms):
            bar = self._close(start_ms, known_ms)
            self.next_start_ms = start_ms + length_ms
            if bar is not None:
                yield bar
        if is_outage:
            self._end_stretch()

    def on_silence(self, from_ms: int, *, known_ms: int, is_of_trades: bool = True) -> Iterator[BarClosed]:
        """The source knows nothing from ``from_ms`` on: what was complete by then closes.

        A silence from before the present stretch is an old one, told again. One of candles closes
        nothing: a candle that did not come is missing, not an interval without a trade.

        Args:
            from_ms: When the silence begins.
            known_ms: When it was known.
            is_of_trades: Whether the source that fell silent publishes trades, not candles.
        """
        if self.next_start_ms is None or from_ms < max(self.next_start_ms, self.joined_ms):
            return
        if is_of_trades:
            yield from self.on_watermark(from_ms, known_ms=known_ms)
        self._end_stretch()

    def _end_stretch(self) -> None:
        self.open_bars.clear()
        self.next_start_ms = None
        self.previous_close = None

    def on_candle(self, candle: CandleObserved) -> BarClosed | None:
        """Take a venue's own bar in; None for one that is closed already."""
        if candle.start_ms < max(self.closed_until_ms, self.next_start_ms or 0):
            self.n_repeated += 1
            return None
        if self.next_start_ms is None:
            self.joined_ms = candle.start_ms
        self.interval = candle.interval
        self.source = candle.source
        self.next_start_ms = candle.event_time_ms
        self.previous_close = candle.close
        self.open_bars = {
            start: bar for start, bar in self.open_bars.items() if start >= candle.event_time_ms
        }
        return self._bar(
            candle.start_ms,
            (candle.open, candle.high, candle.low, candle.close),
            volume=candle.volume,
            buy_volume=None,
            n_trades=candle.n_trades,
            known_ms=candle.known_time_ms,
        )

    def _close(self, start_ms: int, known_ms: int) -> BarClosed | None:
        built = self.open_bars.pop(start_ms, None)
        if built is not None:
            self.previous_close = built.close
            return self._bar(
                start_ms,
                (built.open, built.high, built.low, built.close),
                volume=built.volume,
                buy_volume=built.buy_volume,
                n_trades=built.n_trades,
                known_ms=max(built.known_ms, known_ms),
            )
        if self.previous_close is None:
            return None
        price = self.previous_close
        return self._bar(
            start_ms, (price, price, price, price), volume=0.0, buy_volume=0.0, n_trades=0, known_ms=known_ms
        )

    def _bar(
        self,
        start_ms: int,
        prices: tuple[float, float, float, float],
        *,
        volume: float,
        buy_volume: float | None,
        n_trades: int | None,
        known_ms: int,
    ) -> BarClosed:
        n_late, self.n_late = self.n_late, 0
        self.closed_until_ms = start_ms + self.interval.milliseconds
        return BarClosed(
            event_time_ms=start_ms + self.interval.milliseconds,
            known_time_ms=known_ms,
            source=self.source,
            stream=self.stream,
            instrument=self.instrument,
            interval=self.interval,
            start_ms=start_ms,
            open=prices[0],
            high=prices[1],
            low=prices[2],
            close=prices[3],
            volume=volume,
            buy_volume=buy_volume,
            n_trades=n_trades,
            n_late=n_late,
        )

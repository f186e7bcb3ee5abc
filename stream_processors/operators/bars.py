"""Makes bars of ticks and candles, and closes them by event time.

::

    ticks       . .  .   |  .     .  |           |    x = too late: it is counted and not added
    watermark            W           W     x     W
    bars        [first)  [second   ) [no trade  )

A bar closes when its source has published everything before the end of the bar. A watermark says so, and so does a tick
that is later than the end by more than the source's allowed lateness. An interval without a trade inside a living
stream is a bar with ``n_trades`` 0 at the previous close. An outage makes no bars, and an interval in whose middle the
source joined makes none either. A candle is a whole bar, and is never split into trades; if there are ticks and a candle
of the same interval, the candle counts.

Source:
    The decisions on bars and watermarks in this folder's README.
"""

from collections.abc import Iterator

import msgspec

from schemas.events import BarClosed, CandleObserved, TickObserved
from schemas.time import Interval, bar_start_ms
from stream_processors.operators.open_bars import OpenBar, opened

#: A longer time without a trade inside a stream is an outage, whatever the watermarks say.
LONGEST_SILENCE_MS = 24 * 3_600_000


class BarBuilder(msgspec.Struct, kw_only=True, array_like=True):
    """Builds the bars of one instrument in one stream. The struct is the whole state.

    Attributes:
        stream: The run.
        instrument: The instrument.
        source: The source of the newest tick or candle.
        interval: The length of the bars. Ticks make minutes; candles keep their own interval.
        next_start_ms: Where the next bar starts; None before the first bar and during an outage.
        joined_ms: The event time at which the source joined, at first or after an outage.
        closed_until_ms: The end of the last bar, which an outage does not change; 0 before the first bar.
        previous_close: The close of the last bar; None before the first bar and during an outage.
        last_trade_id: The id of the newest trade. A trade that is not newer by epoch and id is a repeat.
        n_late: The number of late trades since the last bar.
        n_repeated: The number of ticks and candles that were seen before.
        n_unbounded: The number of ticks in intervals in whose middle the source joined.
        open_bars: The bars that have not closed yet, by their start.
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
        """Whether there were bars or trades, so that the interval is fixed."""
        return self.closed_until_ms > 0 or self.next_start_ms is not None

    def on_tick(
        self, tick: TickObserved, *, allowed_lateness_ms: int, joined_ms: int | None = None
    ) -> Iterator[BarClosed]:
        """Take a trade, and yield the bars that it closes.

        Args:
            tick: The trade.
            allowed_lateness_ms: How late the source's trades may come.
            joined_ms: The event time at which the source joined, if it stated that before its first trade;
                None takes the time of the trade.
        """
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
            self.next_start_ms = start_ms
            self.joined_ms = tick.event_time_ms if joined_ms is None else joined_ms
        if start_ms < self.joined_ms:
            self.n_unbounded += 1
        elif start_ms in self.open_bars:
            self.open_bars[start_ms].add(tick)
        else:
            self.open_bars[start_ms] = opened(tick, start_ms)

    def on_watermark(self, watermark_ms: int, *, known_ms: int) -> Iterator[BarClosed]:
        """Yield the bars that end by a watermark: everything before ``watermark_ms`` was published."""
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
        """Yield the bars that were complete when the source fell silent.

        A silence from before the present stretch is an old one that was published again. A silence of candles
        closes nothing: a candle that did not come is missing, and is not an interval without a trade.

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
        """Take a candle of the venue, and return its bar; None if that bar was closed before."""
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
            buy_volume=candle.taker_buy_volume,
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

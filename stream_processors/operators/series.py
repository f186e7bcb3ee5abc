"""The features of one instrument and interval, and how little of their state is written at a close.

The state of a stepper is some 21 kB, and every bar changes all of it. If it were written at each close, 10,000
instruments would write 209 MB a minute. So it is written whole only at every 28th close. In between, the bars since then
are written, and the stepper is stepped again from them, to the bit::

    whole                           whole
    |bar|bar|bar| ... |bar|bar|bar| |bar|
     <------ 28 bars, 48 bytes each ->

With n bars between two whole states of S bytes, a close writes S / n + 48 n / 2 bytes on average. The minimum is some
1.4 kB at n = 29. The place of the first whole state follows from the instrument's name, so that the whole states of many
instruments do not fall on the same close.
"""

import math
import struct
import zlib
from collections.abc import Iterator

import msgspec
import numpy as np

from schemas.events import BarClosed, FeaturesComputed
from schemas.features import FeatureSpec
from schemas.time import Interval
from stream_processors.features.bars import N_COLUMNS
from stream_processors.features.stepping import FeatureStepper

#: Bars from one whole state to the next.
BARS_BETWEEN = 28
_ROW = struct.Struct("<6d")


class KeptBar(msgspec.Struct, array_like=True, frozen=True):
    """A bar without the stream, the instrument and the interval, which the key has."""

    start_ms: int
    event_time_ms: int
    known_time_ms: int
    source: str
    open: float
    high: float
    low: float
    close: float
    volume: float
    buy_volume: float | None
    n_trades: int | None
    n_late: int


class FeatureSeriesTail(msgspec.Struct, array_like=True):
    """The bars since the last whole state.

    Attributes:
        newest: The last of these bars.
        begun_ms: The start of the first of these bars.
        gaps: The time between a bar and the bar before it, by the number of the bar, if there is any.
        rows: Prices and volumes of all of these bars, six float64 each.
        has_whole: Whether there is a whole state before these bars; otherwise there were no other bars.
        rolled: The unfinished longer bars, by interval. Only the tail of an instrument's shortest bars has them.
    """

    newest: KeptBar
    begun_ms: int
    gaps: dict[int, int]
    rows: bytes
    has_whole: bool
    rolled: dict[Interval, KeptBar | None]


class FeatureSeries:
    """One instrument's features at one interval.

    Args:
        interval: The length of the bars.
        name: Decides at which close the first whole state is written.

    Attributes:
        last: The newest bar; None before the first bar.
    """

    def __init__(self, interval: Interval, *, name: str) -> None:
        self._interval = interval
        self._stepper = FeatureStepper()
        self._limit = 1 + zlib.crc32(name.encode()) % BARS_BETWEEN
        self._rows = bytearray()
        self._gaps: dict[int, int] = {}
        self._begun_ms = self._end_ms = 0
        self._has_whole = False
        self._whole: bytes | None = None
        self.last: BarClosed | None = None

    def step(self, bar: BarClosed) -> None:
        """Take a bar."""
        self._keep(bar)
        self.last = bar
        row = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        self._stepper.take(row, start_ms=bar.start_ms, end_ms=bar.event_time_ms, buy_volume=bar.buy_volume)

    def _keep(self, bar: BarClosed) -> None:
        n = len(self._rows) // _ROW.size
        if n >= self._limit:
            self._whole, self._has_whole, self._limit, n = self._stepper.state(), True, BARS_BETWEEN, 0
            self._rows.clear()
            self._gaps.clear()
        if n == 0:
            self._begun_ms = bar.start_ms
        elif bar.start_ms != self._end_ms:
            self._gaps[n] = bar.start_ms - self._end_ms
        self._end_ms = bar.event_time_ms
        bought = math.nan if bar.buy_volume is None else bar.buy_volume
        self._rows += _ROW.pack(bar.open, bar.high, bar.low, bar.close, bar.volume, bought)

    def values(self) -> list[float | None]:
        """Return the newest features, None for those that are undefined."""
        return self._stepper.values_or_none()

    @property
    def is_warm(self) -> bool:
        """Whether every feature that is not optional has seen as many bars as it declares."""
        return self._stepper.is_warm

    def take_whole(self) -> bytes | None:
        """Return the whole state once if it is due to be written, otherwise None."""
        whole, self._whole = self._whole, None
        return whole

    def tail(self, rolled: dict[Interval, KeptBar | None]) -> FeatureSeriesTail:
        """Return what is written at a close.

        Args:
            rolled: The unfinished longer bars, by interval.

        Raises:
            ValueError: If there was no bar.
        """
        if self.last is None:
            message = "a series without a bar has no tail"
            raise ValueError(message)
        rows = bytes(self._rows)
        return FeatureSeriesTail(
            kept_bar(self.last), self._begun_ms, self._gaps, rows, self._has_whole, rolled
        )

    def restore(self, whole: bytes | None, tail: FeatureSeriesTail, *, stream: str, instrument: str) -> None:
        """Restore a whole state and the bars since then.

        Args:
            whole: The state of the features; None if none was written yet.
            tail: The newest bars, and what else is written at a close.
            stream: The run of the bars.
            instrument: Their instrument.

        Raises:
            ValueError: If the bytes are no such state, or do not belong together.
        """
        if tail.has_whole is not (whole is not None) or not tail.rows or len(tail.rows) % _ROW.size:
            message = (
                f"the bars since the whole state must belong to it, were {len(tail.rows)} bytes "
                f"{'with' if whole is not None else 'without'} a whole state"
            )
            raise ValueError(message)
        if whole is not None:
            self._stepper.restore_state(whole)
            self._has_whole, self._limit = True, BARS_BETWEEN
        self._rows, self._gaps, self._begun_ms = bytearray(tail.rows), tail.gaps, tail.begun_ms
        self._end_ms = tail.newest.event_time_ms
        self.last = bar_of(tail.newest, stream=stream, instrument=instrument, interval=self._interval)
        self._stepper.step_again(np.array(list(self._bars()), dtype=np.float64).reshape(-1, N_COLUMNS))

    def _bars(self) -> Iterator[tuple[float, ...]]:
        length_ms = self._interval.milliseconds
        start_ms = self._begun_ms
        for number, row in enumerate(_ROW.iter_unpack(self._rows)):
            start_ms += self._gaps.get(number, 0)
            *prices_and_volume, bought = row
            yield (*prices_and_volume, start_ms + length_ms, bought, start_ms)
            start_ms += length_ms


def features_of(series: FeatureSeries, bar: BarClosed, spec: FeatureSpec) -> FeaturesComputed:
    """Return the features at the close of a bar.

    Args:
        series: The series, with the bar as its newest one.
        bar: The bar.
        spec: The set of features.
    """
    return FeaturesComputed(
        event_time_ms=bar.event_time_ms,
        known_time_ms=bar.known_time_ms,
        source=bar.source,
        stream=bar.stream,
        instrument=bar.instrument,
        interval=bar.interval,
        close=bar.close,
        feature_spec_hash=spec.hash,
        is_warm=series.is_warm,
        values=dict(zip(spec.names, series.values(), strict=True)),
    )


def kept_bar(bar: BarClosed) -> KeptBar:
    """Return a bar as it is kept."""
    return KeptBar(
        bar.start_ms,
        bar.event_time_ms,
        bar.known_time_ms,
        bar.source,
        bar.open,
        bar.high,
        bar.low,
        bar.close,
        bar.volume,
        bar.buy_volume,
        bar.n_trades,
        bar.n_late,
    )


def bar_of(kept: KeptBar, *, stream: str, instrument: str, interval: Interval) -> BarClosed:
    """Return the bar that was kept.

    Args:
        kept: The bar without its names.
        stream: Its run.
        instrument: Its instrument.
        interval: Its length.
    """
    return BarClosed(stream=stream, instrument=instrument, interval=interval, **msgspec.structs.asdict(kept))

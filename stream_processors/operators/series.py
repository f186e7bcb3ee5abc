"""The features of one instrument and interval, and how little of their state is written at a close.

A stepper's state is some 21 kB, and changes all over with every bar. Written at each close, 10,000
instruments would log 209 MB a minute. So it is written whole at every 28th close only, and between these
the bars since are, from which it is stepped again, to the bit::

    whole                           whole
    |bar|bar|bar| ... |bar|bar|bar| |bar|
     <------ 28 bars, 48 bytes each ->

With n bars between two whole states a close writes S / n of these and 48 n / 2 of bars on average, which
is least, some 1.4 kB, at n of 29. Where the first whole state falls follows from the instrument's name,
so that those of many instruments do not fall on one close.
"""

import math
import struct
import zlib
from collections.abc import Iterator

import msgspec
import numpy as np

from schemas.events import BarClosed
from schemas.time import Interval
from stream_processors.features.bars import N_COLUMNS
from stream_processors.features.stepping import FeatureStepper

#: Bars from one whole state to the next.
BARS_BETWEEN = 28
_ROW = struct.Struct("<6d")


class KeptBar(msgspec.Struct, array_like=True, frozen=True):
    """A bar without what is said of it elsewhere."""

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


class KeptTail(msgspec.Struct, array_like=True):
    """The bars since the last whole state.

    Attributes:
        newest: The last of them.
        begun_ms: Where the first of them starts.
        gaps: By number, the time between a bar and the one before where there was any.
        rows: Prices and volumes of all of them, six float64 each.
        has_whole: Whether there is a whole state before them; otherwise they are all bars there were.
        rolled: The longer bars under construction, by interval; only beside an instrument's shortest.
    """

    newest: KeptBar
    begun_ms: int
    gaps: dict[int, int]
    rows: bytes
    has_whole: bool
    rolled: dict[Interval, KeptBar | None]


class Series:
    """One instrument's features at one interval.

    Args:
        name: Decides when the first whole state is written.

    Attributes:
        last: The newest bar; None before the first.
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
        """Take a bar in."""
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
        """The newest features, None where undefined."""
        return self._stepper.values_or_none()

    @property
    def is_warm(self) -> bool:
        """Whether every feature that is not optional has seen the bars that it declares."""
        return self._stepper.is_warm

    def take_whole(self) -> bytes | None:
        """The whole state, if it is to be written; told once."""
        whole, self._whole = self._whole, None
        return whole

    def tail(self, rolled: dict[Interval, KeptBar | None]) -> KeptTail:
        """What is written at a close.

        Raises:
            ValueError: If there was none.
        """
        if self.last is None:
            message = "a series without a bar has no tail"
            raise ValueError(message)
        rows = bytes(self._rows)
        return KeptTail(kept_bar(self.last), self._begun_ms, self._gaps, rows, self._has_whole, rolled)

    def restore(self, whole: bytes | None, tail: KeptTail, *, stream: str, instrument: str) -> None:
        """Restore a whole state and the bars since then.

        Args:
            whole: The state of the features; None if none was written yet.
            tail: The newest bars, and what else is written at a close.
            stream: The run of the bars.
            instrument: Their instrument.

        Raises:
            ValueError: If they are not such a state, or do not belong together.
        """
        if tail.has_whole is not (whole is not None) or not tail.rows or len(tail.rows) % _ROW.size:
            message = f"expected a state and its bars, were {whole is not None} and {len(tail.rows)} bytes"
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


def kept_bar(bar: BarClosed) -> KeptBar:
    """A bar as it is kept."""
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

"""What the market processor holds of each instrument, and how it is kept by key.

Per instrument and stream: a row of the tick table, a roll-up for each longer interval, and the features of
each interval. State by key:

- ``open`` is what ticks change: the row of the table;
- ``bars`` is what a close changes: the bars since the last ``whole`` state of the features (:mod:`.series`).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from schemas.events import BarClosed
from schemas.time import Interval
from stream_processors.operators.bars import BarBuilder
from stream_processors.operators.keys import key_of
from stream_processors.operators.rolling_up import RollUp
from stream_processors.operators.series import KeptBar, KeptTail, Series, bar_of, kept_bar
from stream_processors.operators.ticks.names import KnownNames
from stream_processors.operators.ticks.table import TickTable

_Key = tuple[str, str]
OPEN, BARS, WHOLE = "open", "bars", "whole"


class HeldInstrument:
    """One instrument in one stream: its row of the tick table, its roll-ups and its features."""

    def __init__(self, stream: str, instrument: str, row: int) -> None:
        self.stream = stream
        self.instrument = instrument
        self.row = row
        self.roll_ups: list[RollUp] = []
        self.series: dict[Interval, Series] = {}

    def series_of(self, interval: Interval) -> Series:
        """Its features at an interval."""
        found = self.series.get(interval)
        if found is None:
            name = f"{self.stream} {self.instrument} {interval}"
            found = self.series[interval] = Series(interval, name=name)
        return found

    def step(self, bar: BarClosed) -> Series:
        """Take a bar into the features of its interval."""
        series = self.series_of(bar.interval)
        series.step(bar)
        return series

    def begin_roll_ups(self, intervals: Sequence[Interval], bar: BarClosed) -> None:
        """Roll bars like this one up into those of the intervals that they divide."""
        length_ms = bar.interval.milliseconds
        self.roll_ups = [
            RollUp(into=interval)
            for interval in intervals
            if interval.milliseconds > length_ms and interval.milliseconds % length_ms == 0
        ]

    def state_keys(self) -> set[bytes]:
        """Every key of the state that it may have."""
        kinds = ((kind, interval) for interval in self.series for kind in (BARS, WHOLE))
        return {
            key_of(OPEN, self.stream, self.instrument),
            *(key_of(kind, self.stream, self.instrument, interval) for kind, interval in kinds),
        }


class KeptInstruments(NamedTuple):
    """Entries of a state, by what they are of."""

    open: dict[_Key, bytes]
    bars: dict[tuple[str, str, str], bytes]
    whole: dict[tuple[str, str, str], bytes]


class InstrumentBook:
    """The instruments of one partition, by stream and name."""

    def __init__(self) -> None:
        self.names = KnownNames()
        self.table = TickTable(self.names)
        self._held: dict[_Key, HeldInstrument] = {}
        self._rows: list[HeldInstrument] = []
        self._closed: dict[tuple[str, str, Interval], Series] = {}

    def __iter__(self) -> Iterator[HeldInstrument]:
        return iter(self._held.values())

    def get(self, stream: str, instrument: str) -> HeldInstrument | None:
        """An instrument, if it is held."""
        return self._held.get((stream, instrument))

    def add(self, builder: BarBuilder) -> HeldInstrument:
        """Hold another instrument, with a state of its ticks."""
        held = HeldInstrument(builder.stream, builder.instrument, self.table.add(builder))
        self._rows.append(held)
        self._held[(held.stream, held.instrument)] = held
        return held

    def of_rows(self, rows: Sequence[int]) -> list[HeldInstrument]:
        """The instruments of some rows, in an order that follows from their names."""
        return sorted((self._rows[row] for row in rows), key=lambda held: held.instrument)

    def close(self, held: HeldInstrument, bar: BarClosed) -> Series:
        """Take a closed bar into its features."""
        series = held.step(bar)
        self._closed[(held.stream, held.instrument, bar.interval)] = series
        return series

    # State

    def take_changed(self) -> Iterator[tuple[bytes, bytes]]:
        """The keys that changed since this was last asked, with their values."""
        for row in self.table.take_changed():
            held, builder = self._rows[row], self.table.read(row)
            builder.stream = builder.instrument = ""  # they are in the key
            yield key_of(OPEN, held.stream, held.instrument), msgspec.msgpack.encode(builder)
        for (stream, instrument, interval), series in self._closed.items():
            whole = series.take_whole()
            if whole is not None:
                yield key_of(WHOLE, stream, instrument, interval), whole
            held = self._held[(stream, instrument)]
            rolled = _rolled(held) if interval is self.table.interval(held.row) else {}
            yield key_of(BARS, stream, instrument, interval), msgspec.msgpack.encode(series.tail(rolled))
        self._closed.clear()

    def restore(self, kept: KeptInstruments) -> None:
        """Take over a state.

        Raises:
            msgspec.DecodeError: If an entry cannot be decoded.
            ValueError: If the bars of a series do not belong to its whole state.
            KeyError: If a series belongs to no instrument.
        """
        for (stream, instrument), value in kept.open.items():
            builder = msgspec.msgpack.decode(value, type=BarBuilder)
            builder.stream, builder.instrument = stream, instrument
            self.add(builder)
        for (stream, instrument, interval), value in kept.bars.items():
            whole = kept.whole.get((stream, instrument, interval))
            _restore_series(self._held[(stream, instrument)], Interval(interval), value, whole)

    def without(self, stream: str) -> tuple["InstrumentBook", set[bytes]]:
        """A book without the instruments of a run, and the keys of the state that are gone."""
        book = InstrumentBook()
        stay = [held for held in self if held.stream != stream]
        book.table = self.table.only((held.row for held in stay), book.names)
        for row, held in enumerate(stay):
            held.row = row
        book._rows = stay
        book._held = {(held.stream, held.instrument): held for held in stay}
        book._closed = {key: series for key, series in self._closed.items() if key[0] != stream}
        return book, {key for held in self if held.stream == stream for key in held.state_keys()}


def _restore_series(held: HeldInstrument, interval: Interval, value: bytes, whole: bytes | None) -> None:
    tail = msgspec.msgpack.decode(value, type=KeptTail)
    held.series_of(interval).restore(whole, tail, stream=held.stream, instrument=held.instrument)
    for into, bar in tail.rolled.items():
        rolled = (
            None
            if bar is None
            else bar_of(bar, stream=held.stream, instrument=held.instrument, interval=into)
        )
        held.roll_ups.append(RollUp(into=into, held=rolled))


def _rolled(held: HeldInstrument) -> dict[Interval, KeptBar | None]:
    return {each.into: None if each.held is None else kept_bar(each.held) for each in held.roll_ups}

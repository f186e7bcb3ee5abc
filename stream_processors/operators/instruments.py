"""The state of each instrument in the market processor, and how it is kept by key.

An instrument in a stream has a row of the tick table, a roll-up for each longer interval, and the features of each
interval. The kinds of keys are:

- ``open``: the row of the tick table, which ticks change;
- ``bars``: the bars since the last whole state of the features, which a close changes;
- ``whole``: that whole state (:mod:`.series`);
- ``source``: the state of a source (:mod:`.sources`).
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from schemas.events import BarClosed
from schemas.time import Interval
from stream_processors.operators.bars import BarBuilder
from stream_processors.operators.keys import key_of, parts_of
from stream_processors.operators.rolling_up import RollUp
from stream_processors.operators.series import FeatureSeries, FeatureSeriesTail, KeptBar, bar_of, kept_bar
from stream_processors.operators.ticks.names import KnownNames
from stream_processors.operators.ticks.table import TickTable

_Key = tuple[str, str]
OPEN, BARS, WHOLE, SOURCE = "open", "bars", "whole", "source"


class HeldInstrument:
    """The state of one instrument in one stream.

    Attributes:
        row: Its row of the tick table.
        roll_ups: The longer bars that are being built.
        series: The features of each interval.
    """

    def __init__(self, stream: str, instrument: str, row: int) -> None:
        self.stream = stream
        self.instrument = instrument
        self.row = row
        self.roll_ups: list[RollUp] = []
        self.series: dict[Interval, FeatureSeries] = {}

    def series_of(self, interval: Interval) -> FeatureSeries:
        """Return the features of an interval."""
        found = self.series.get(interval)
        if found is None:
            name = f"{self.stream} {self.instrument} {interval}"
            found = self.series[interval] = FeatureSeries(interval, name=name)
        return found

    def step(self, bar: BarClosed) -> FeatureSeries:
        """Add a bar to the features of its interval, and return them."""
        series = self.series_of(bar.interval)
        series.step(bar)
        return series

    def begin_roll_ups(self, intervals: Sequence[Interval], bar: BarClosed) -> None:
        """Begin a roll-up into each of the intervals that the interval of a bar divides."""
        length_ms = bar.interval.milliseconds
        self.roll_ups = [
            RollUp(into=interval)
            for interval in intervals
            if interval.milliseconds > length_ms and interval.milliseconds % length_ms == 0
        ]

    def state_keys(self) -> set[bytes]:
        """Return every key that the state of the instrument may have."""
        kinds = ((kind, interval) for interval in self.series for kind in (BARS, WHOLE))
        return {
            key_of(OPEN, self.stream, self.instrument),
            *(key_of(kind, self.stream, self.instrument, interval) for kind, interval in kinds),
        }


class KeptInstruments(NamedTuple):
    """The entries of a state, sorted by their kinds."""

    open: dict[_Key, bytes]
    bars: dict[tuple[str, str, str], bytes]
    whole: dict[tuple[str, str, str], bytes]
    sources: dict[_Key, bytes]


def sorted_entries(entries: Iterable[tuple[bytes, bytes]]) -> KeptInstruments:
    """Sort the entries of a state by their kinds.

    Raises:
        ValueError: If a key is not one of these kinds.
        msgspec.DecodeError: If a key cannot be decoded.
    """
    kept = KeptInstruments({}, {}, {}, {})
    for key, value in entries:
        match parts_of(key):
            case ("open", stream, instrument):
                kept.open[stream, instrument] = value
            case ("bars", stream, instrument, interval):
                kept.bars[stream, instrument, interval] = value
            case ("whole", stream, instrument, interval):
                kept.whole[stream, instrument, interval] = value
            case ("source", stream, source):
                kept.sources[stream, source] = value
            case _:
                message = f"{key!r} is no key of this state"
                raise ValueError(message)
    return kept


class MarketInstruments:
    """The instruments of one partition, by stream and name.

    Attributes:
        names: The sources, streams and instruments that the compiled code knows.
        table: The tick state of each instrument.
    """

    def __init__(self) -> None:
        self.names = KnownNames()
        self.table = TickTable(self.names)
        self._held: dict[_Key, HeldInstrument] = {}
        self._rows: list[HeldInstrument] = []
        self._closed: dict[tuple[str, str, Interval], FeatureSeries] = {}

    def __iter__(self) -> Iterator[HeldInstrument]:
        return iter(self._held.values())

    def get(self, stream: str, instrument: str) -> HeldInstrument | None:
        """Return an instrument; None if it is not held yet."""
        return self._held.get((stream, instrument))

    def add(self, builder: BarBuilder) -> HeldInstrument:
        """Add an instrument with the state of its ticks."""
        held = HeldInstrument(builder.stream, builder.instrument, self.table.add(builder))
        self._rows.append(held)
        self._held[(held.stream, held.instrument)] = held
        return held

    def of_rows(self, rows: Sequence[int]) -> list[HeldInstrument]:
        """Return the instruments of some rows, in the order of their names."""
        return sorted((self._rows[row] for row in rows), key=lambda held: held.instrument)

    def close(self, held: HeldInstrument, bar: BarClosed) -> FeatureSeries:
        """Add a closed bar to the features of its instrument, and return them."""
        series = held.step(bar)
        self._closed[(held.stream, held.instrument, bar.interval)] = series
        return series

    # State

    def take_changed(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the keys that changed since the last call, with their values."""
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
        """Restore a state.

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

    def without(self, stream: str) -> tuple["MarketInstruments", set[bytes]]:
        """Return the instruments of the other runs, and the keys of this run's state, which are to be deleted."""
        others = MarketInstruments()
        stay = [held for held in self if held.stream != stream]
        others.table = self.table.only((held.row for held in stay), others.names)
        for row, held in enumerate(stay):
            held.row = row
        others._rows = stay
        others._held = {(held.stream, held.instrument): held for held in stay}
        others._closed = {key: series for key, series in self._closed.items() if key[0] != stream}
        return others, {key for held in self if held.stream == stream for key in held.state_keys()}


def _restore_series(held: HeldInstrument, interval: Interval, value: bytes, whole: bytes | None) -> None:
    tail = msgspec.msgpack.decode(value, type=FeatureSeriesTail)
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

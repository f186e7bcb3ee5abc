"""The market processor's state machine: ticks and candles in, bars and features out.

One instance has the same-numbered partition of the tick and the candle topic, with all the
instruments and streams in them. Per instrument it holds a bar builder, a roll-up for each longer
interval, and a feature stepper for each interval. The work at a watermark is that of the instruments
whose bar ends by it, however many others there are.

Its state by key: what ticks change (``open``), and what a close changes (``bars`` since the last
``whole`` state of the features, see :mod:`.series`).
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from schemas.errors import ContractError, SnapshotMismatchError
from schemas.events import (
    BarClosed,
    CandleObserved,
    Event,
    FeaturesComputed,
    SourceFellSilent,
    SourceReturned,
    TickObserved,
    TopicSwitched,
    WatermarkAdvanced,
)
from schemas.features import FeatureSpec
from schemas.sources import SOURCES
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, MARKET_BAR, MARKET_TICK, Topic
from stream_processors.features.declarations import SPEC
from stream_processors.operators.bars import BarBuilder
from stream_processors.operators.keys import key_of, parts_of
from stream_processors.operators.protocols import MOST_OUTPUTS, Change, HeadersOf, Output, Stepped, step_each
from stream_processors.operators.rolling_up import RollUp
from stream_processors.operators.series import KeptBar, KeptTail, Series, bar_of, kept_bar
from stream_processors.operators.sources import SourceBook
from stream_processors.operators.ticks.columns import Columns, Scanner
from stream_processors.operators.ticks.folding import NEVER_MS, Folder
from stream_processors.operators.ticks.names import KnownNames
from stream_processors.operators.ticks.scanning import UNKNOWN

_Key = tuple[str, str]
_MINUTE_MS = Interval.ONE_MINUTE.milliseconds
_SPEC_KEY = key_of("spec", "")
_SOURCE, _OPEN, _BARS, _WHOLE = "source", "open", "bars", "whole"


class _Instrument:
    """What is held of one instrument in one stream.

    Attributes:
        row: Of the folder.
    """

    def __init__(self, builder: BarBuilder) -> None:
        self.builder = builder
        self.row = -1
        self.roll_ups: list[RollUp] = []
        self.series: dict[Interval, Series] = {}

    def series_of(self, interval: Interval) -> Series:
        """Its features at an interval."""
        found = self.series.get(interval)
        if found is None:
            name = f"{self.builder.stream} {self.builder.instrument} {interval}"
            found = self.series[interval] = Series(interval, name=name)
        return found


class _Kept(NamedTuple):
    """Entries of a state, by what they are of."""

    open: dict[_Key, bytes]
    bars: dict[tuple[str, str, str], bytes]
    whole: dict[tuple[str, str, str], bytes]


class MarketOperator:
    """Bars and features of every instrument in one partition.

    Args:
        intervals: The bars to make, besides those of the instrument's own shortest interval.
    """

    def __init__(self, *, intervals: Iterable[Interval], spec: FeatureSpec = SPEC) -> None:
        self._intervals = sorted(intervals, key=lambda interval: interval.milliseconds)
        self._spec = spec
        self._held: dict[_Key, _Instrument] = {}
        self._rows: list[_Instrument] = []
        self._sources = SourceBook()
        self._names = KnownNames()
        self._scanner = Scanner(self._names)
        self._folder = Folder()
        # What changed since changes were asked for; the folder knows which bars did.
        self._is_spec_said = False
        self._closed: dict[tuple[str, str, Interval], Series] = {}
        self._gone: set[bytes] = set()

    def step(self, topic: Topic, event: Event) -> list[Output]:
        """Take one event in; return bars, their features, and watermarks that passed a bar's end.

        Raises:
            ContractError: If a source is not in the table, or an instrument changes its interval.
        """
        concerned = self._concerned(event)
        for held in concerned:
            self._folder.give_back(held.row)
        outputs = list(self._step(topic, event))
        if isinstance(event, TickObserved | CandleObserved):
            concerned = self._concerned(event)  # an instrument that was not known before is now
        for held in concerned:
            self._take(held)
            self._folder.mark(held.row)
        self._look_ahead(event)
        return outputs

    @property
    def holds(self) -> Collection[str]:
        """The topic that a source entered, until it was met where it left the other one."""
        return self._sources.holds

    def _step(self, topic: Topic, event: Event) -> Iterator[Output]:
        match event:
            case TickObserved():
                held = self._instrument(event)
                spec = SOURCES[event.source]
                for bar in held.builder.on_tick(event, allowed_lateness_ms=spec.allowed_lateness_ms):
                    yield from self._on_bar(held, bar)
            case CandleObserved():
                yield from self._on_candle(event)
            case WatermarkAdvanced() | SourceFellSilent() | SourceReturned():
                if not self._sources.is_void(topic.name, event):
                    yield from self._on_said(topic, event)
            case TopicSwitched():
                self._sources.on_switch(topic.name, event)
            case _:
                message = f"the market processor takes no {type(event).__name__}"
                raise TypeError(message)

    def _instrument(self, event: TickObserved | CandleObserved) -> _Instrument:
        if event.source not in SOURCES:
            message = f"source must be one of {', '.join(sorted(SOURCES))}, was {event.source!r}"
            raise ContractError(message)
        key = (event.stream, event.instrument)
        held = self._held.get(key)
        if held is None:
            builder = BarBuilder(stream=event.stream, instrument=event.instrument, source=event.source)
            held = self._held[key] = _Instrument(builder)
            self._add_row(held)
        return held

    def _add_row(self, held: _Instrument) -> None:
        group = self._names.group_of(held.builder.source, held.builder.stream)
        held.row = self._folder.add(held.builder, group=group)
        self._rows.append(held)

    def _concerned(self, event: Event) -> list[_Instrument]:
        """Whose state an event may read or change, in an order that follows from their names."""
        if isinstance(event, TickObserved | CandleObserved):
            held = self._held.get((event.stream, event.instrument))
            return [] if held is None else [held]
        group = self._names.group_of(event.source, event.stream)
        if isinstance(event, WatermarkAdvanced):
            rows = self._folder.due(group, event.event_time_ms)
        else:
            rows = self._folder.begun(group)
        return sorted((self._rows[row] for row in rows), key=lambda held: held.builder.instrument)

    def _on_candle(self, candle: CandleObserved) -> Iterator[Output]:
        held = self._instrument(candle)
        if held.builder.has_begun and held.builder.interval is not candle.interval:
            message = (
                f"{candle.instrument} in {candle.stream} has {held.builder.interval} bars, "
                f"the candle is of {candle.interval}"
            )
            raise ContractError(message)
        bar = held.builder.on_candle(candle)
        if bar is not None:
            yield from self._on_bar(held, bar)

    def _on_said(
        self, topic: Topic, event: WatermarkAdvanced | SourceFellSilent | SourceReturned
    ) -> Iterator[Output]:
        match event:
            case WatermarkAdvanced():
                yield from self._on_watermark(topic, event)
            case SourceFellSilent():
                yield from self._on_silence(topic, event)
            case SourceReturned():
                yield from self._sources.on_return(event)

    def _on_watermark(self, topic: Topic, event: WatermarkAdvanced) -> Iterator[Output]:
        group = self._names.group_of(event.source, event.stream)
        shortest = self._folder.outlook(group).shortest_ms
        shortest = _MINUTE_MS if shortest == NEVER_MS else shortest
        if topic.name == MARKET_TICK.name:
            for held in self._concerned(event):
                for bar in held.builder.on_watermark(event.event_time_ms, known_ms=event.known_time_ms):
                    yield from self._on_bar(held, bar)
        yield from self._sources.on_watermark(event, shortest_ms=shortest)

    def _on_silence(self, topic: Topic, event: SourceFellSilent) -> Iterator[Output]:
        is_of_trades = topic.name == MARKET_TICK.name
        for held in self._concerned(event):
            for bar in held.builder.on_silence(
                event.event_time_ms, known_ms=event.known_time_ms, is_of_trades=is_of_trades
            ):
                yield from self._on_bar(held, bar)
        yield from self._sources.on_silence(event)

    def _on_bar(self, held: _Instrument, bar: BarClosed) -> Iterator[Output]:
        if not held.roll_ups:
            held.roll_ups = [
                RollUp(into=interval)
                for interval in self._intervals
                if interval.milliseconds > bar.interval.milliseconds
                and interval.milliseconds % bar.interval.milliseconds == 0
            ]
        yield from self._outputs(held, bar)
        for roll_up in held.roll_ups:
            longer = roll_up.step(bar)
            if longer is not None:
                yield from self._outputs(held, longer)

    def _outputs(self, held: _Instrument, bar: BarClosed) -> Iterator[Output]:
        yield Output(MARKET_BAR, bar, bar.instrument)
        series = held.series_of(bar.interval)
        series.step(bar)
        self._closed[(bar.stream, bar.instrument, bar.interval)] = series
        yield Output(FEATURES_MARKET, self._features(series, bar), bar.instrument)

    def _features(self, series: Series, bar: BarClosed) -> FeaturesComputed:
        return FeaturesComputed(
            event_time_ms=bar.event_time_ms,
            known_time_ms=bar.known_time_ms,
            source=bar.source,
            stream=bar.stream,
            instrument=bar.instrument,
            interval=bar.interval,
            close=bar.close,
            feature_spec_hash=self._spec.hash,
            is_warm=series.is_warm,
            values=dict(zip(self._spec.names, series.values(), strict=True)),
        )

    # Trades by the batch

    def step_values(self, topic: Topic, values: Sequence[bytes | None], headers_of: HeadersOf) -> Stepped:
        """Take messages of one partition in, trades by compiled code; see the port :class:`BatchOperator`."""
        if topic.name != MARKET_TICK.name:
            return step_each(self, topic, values, headers_of)
        columns = self._scanner.columns(values, headers_of)
        stepped = Stepped([], [], columns.newest_watermarks(), len(values))
        at = self._fold(columns, 0)
        while at < len(values):
            self._step_row(columns, at, stepped)
            if len(stepped.outputs) >= MOST_OUTPUTS or topic.name in self.holds:
                return stepped._replace(n_taken=at + 1)
            at = self._fold(columns, at + 1)
        return stepped

    def _fold(self, columns: Columns, first: int) -> int:
        return self._folder.fold(
            columns.kinds,
            columns.numbers,
            columns.amounts,
            first=first,
            n_keys=self._names.n_keys,
            n_groups=self._names.n_groups,
        )

    def _step_row(self, columns: Columns, i: int, stepped: Stepped) -> None:
        """A message that needs a decision: by the builders, which are brought up to date for it."""
        event = columns.event(i)
        if isinstance(event, ContractError):
            stepped.rejected.append((i, event))
            return
        try:
            outputs = self.step(MARKET_TICK, event)
        except ContractError as error:
            stepped.rejected.append((i, error))
            return
        stepped.outputs.extend((i, output) for output in outputs)
        kind = int(columns.kinds[i])
        if isinstance(event, TickObserved) and kind != UNKNOWN:
            self._link(event, kind)
        elif kind == UNKNOWN:
            stepped.seen.append(event)

    def _link(self, tick: TickObserved, key: int) -> None:
        """Let the next trades of a key be folded."""
        self._folder.link(
            key,
            self._held[(tick.stream, tick.instrument)].row,
            group=self._names.group_of(tick.source, tick.stream),
            allowed_lateness_ms=SOURCES[tick.source].allowed_lateness_ms,
        )

    def _take(self, held: _Instrument) -> None:
        self._folder.take(held.row, group=self._names.group_of(held.builder.source, held.builder.stream))

    def _look_ahead(self, event: Event) -> None:
        """From which watermark on the event's source and stream need a decision again.

        Closing a bar only moves that on, so it is looked at when a watermark got there, and when
        a trade may have begun a stretch.
        """
        group = self._names.group_of(event.source, event.stream)
        voice = self._sources.voices.get((event.stream, event.source))
        epoch = 0 if voice is None else voice.epochs.get(MARKET_TICK.name, 0)
        if voice is None or voice.silent_from_ms is not None or not voice.is_told_present(epoch):
            self._folder.act_from(group, -NEVER_MS, epoch=0)
            return
        forwarded = voice.forwarded_ms
        shortest, earliest_end_ms = self._folder.outlook(group)
        shortest = _MINUTE_MS if shortest == NEVER_MS else shortest
        acts_from_ms = min(forwarded - forwarded % shortest + shortest, earliest_end_ms)
        self._folder.act_from(group, acts_from_ms, epoch=epoch)

    # State

    def changes(self) -> Iterator[Change]:
        """What changed: of open bars, of bars that closed, of how far the streams are."""
        written = set[bytes]()
        for key, value in self._changed():
            written.add(key)
            yield Change(key, value)
        for key in self._gone - written:
            yield Change(key, None)
        self._gone.clear()

    def _changed(self) -> Iterator[tuple[bytes, bytes]]:
        if not self._is_spec_said:
            yield _SPEC_KEY, self._spec.hash.encode()
            self._is_spec_said = True
        for source in self._sources.take_moved():
            yield key_of(_SOURCE, *source), msgspec.msgpack.encode(self._sources.voices[source])
        for row in self._folder.changed():
            self._folder.give_back(row)
            builder = self._rows[row].builder
            # Its names are in the key.
            value = msgspec.msgpack.encode(msgspec.structs.replace(builder, stream="", instrument=""))
            yield key_of(_OPEN, builder.stream, builder.instrument), value
        for (stream, instrument, interval), series in self._closed.items():
            whole = series.take_whole()
            if whole is not None:
                yield key_of(_WHOLE, stream, instrument, interval), whole
            held = self._held[(stream, instrument)]
            rolled = _rolled(held) if interval is held.builder.interval else {}
            yield key_of(_BARS, stream, instrument, interval), msgspec.msgpack.encode(series.tail(rolled))
        self._closed.clear()

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Take over a state.

        Raises:
            SnapshotMismatchError: If it is of another set of features or another release.
        """
        spec_hash = entries.get(_SPEC_KEY, b"").decode(errors="replace")
        if spec_hash != self._spec.hash:
            message = f"the state is of feature set {spec_hash}, this is {self._spec.hash}"
            raise SnapshotMismatchError(message)
        self._is_spec_said = True
        try:
            kept = self._sorted(entries)
            for key, value in kept.open.items():
                self._restore_instrument(key, value)
            for (stream, instrument, interval), value in kept.bars.items():
                held = self._held[(stream, instrument)]
                self._restore_series(held, Interval(interval), value, kept)
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            message = f"the state is of another release: {error}"
            raise SnapshotMismatchError(message) from error

    def _sorted(self, entries: Mapping[bytes, bytes]) -> _Kept:
        kept = _Kept({}, {}, {})
        for entry, value in entries.items():
            match parts_of(entry):
                case ("open", stream, instrument):
                    kept.open[stream, instrument] = value
                case ("bars", stream, instrument, interval):
                    kept.bars[stream, instrument, interval] = value
                case ("whole", stream, instrument, interval):
                    kept.whole[stream, instrument, interval] = value
                case ("source", stream, source):
                    self._sources.restore(stream, source, value)
                case _ if entry != _SPEC_KEY:
                    message = f"{entry!r} is no key of this state"
                    raise ValueError(message)
        return kept

    def _restore_instrument(self, key: _Key, value: bytes) -> None:
        builder = msgspec.msgpack.decode(value, type=BarBuilder)
        builder.stream, builder.instrument = key
        self._held[key] = _Instrument(builder)
        self._add_row(self._held[key])

    def _restore_series(self, held: _Instrument, interval: Interval, value: bytes, kept: _Kept) -> None:
        stream, instrument = held.builder.stream, held.builder.instrument
        tail = msgspec.msgpack.decode(value, type=KeptTail)
        whole = kept.whole.get((stream, instrument, str(interval)))
        held.series_of(interval).restore(whole, tail, stream=stream, instrument=instrument)
        for into, bar in tail.rolled.items():
            rolled = None if bar is None else bar_of(bar, stream=stream, instrument=instrument, interval=into)
            held.roll_ups.append(RollUp(into=into, held=rolled))

    def forget(self, stream: str) -> None:
        """Drop the instruments of a run, and begin the folder anew with those that stay."""
        gone = [held for key, held in self._held.items() if key[0] == stream]
        for held in gone:
            instrument = held.builder.instrument
            self._gone.add(key_of(_OPEN, stream, instrument))
            for interval in held.series:
                self._gone |= {key_of(kind, stream, instrument, interval) for kind in (_BARS, _WHOLE)}
        self._gone |= {key_of(_SOURCE, *source) for source in self._sources.voices if source[0] == stream}
        self._sources.forget(stream)
        self._closed = {key: series for key, series in self._closed.items() if key[0] != stream}
        self._keep_only([held for key, held in self._held.items() if key[0] != stream])

    def _keep_only(self, stay: Sequence[_Instrument]) -> None:
        """Begin the folder and the names anew, with these instruments."""
        for held in stay:
            self._folder.give_back(held.row)
        changed = {id(self._rows[row]) for row in self._folder.changed()}
        self._names = KnownNames()
        self._scanner, self._folder = Scanner(self._names), Folder()
        self._rows = []
        self._held = {(held.builder.stream, held.builder.instrument): held for held in stay}
        for held in stay:
            self._add_row(held)
            if id(held) in changed:
                self._folder.mark(held.row)

    def newest(self) -> Iterator[Event]:
        """The newest features of each instrument and interval, and each stream's watermark."""
        for held in self._held.values():
            for series in held.series.values():
                if series.last is not None:
                    yield self._features(series, series.last)
        for (stream, _), voice in self._sources.voices.items():
            watermark_ms = voice.forwarded_ms
            yield WatermarkAdvanced(
                event_time_ms=watermark_ms, known_time_ms=watermark_ms, source="market", stream=stream
            )


def _rolled(held: _Instrument) -> dict[Interval, KeptBar | None]:
    return {each.into: None if each.held is None else kept_bar(each.held) for each in held.roll_ups}

"""The market processor's state machine: ticks and candles in, bars and features out.

One instance has the same-numbered partition of the tick and the candle topic, with all the
instruments and streams in them. Per instrument it holds the state of its ticks, a roll-up for each longer
interval, and a feature stepper for each interval (:mod:`.instruments`). The work at a watermark is that of
the instruments whose bar ends by it, however many others there are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

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
from stream_processors.operators.instruments import HeldInstrument, InstrumentBook, KeptInstruments
from stream_processors.operators.keys import key_of, parts_of
from stream_processors.operators.protocols import MOST_OUTPUTS, Change, HeadersOf, Output, Stepped, step_each
from stream_processors.operators.repeats import alerts_of_run
from stream_processors.operators.series import Series
from stream_processors.operators.sources import SourceBook
from stream_processors.operators.ticks.columns import Columns, Scanner
from stream_processors.operators.ticks.folding import NEVER_MS
from stream_processors.operators.ticks.scanning import UNKNOWN

_MINUTE_MS = Interval.ONE_MINUTE.milliseconds
_SPEC_KEY = key_of("spec", "")
_SOURCE = "source"


class MarketOperator:
    """Bars and features of every instrument in one partition.

    Args:
        intervals: The bars to make, besides those of the instrument's own shortest interval.
    """

    def __init__(self, *, intervals: Iterable[Interval], spec: FeatureSpec = SPEC) -> None:
        self._intervals = sorted(intervals, key=lambda interval: interval.milliseconds)
        self._spec = spec
        self._sources = SourceBook()
        self._book = InstrumentBook()
        self._scanner = Scanner(self._book.names)
        # What changed since changes were asked for; the instruments know what changed of them.
        self._is_spec_said = False
        self._gone: set[bytes] = set()

    def step(self, topic: Topic, event: Event) -> list[Output]:
        """Take one event in; return bars, their features, and watermarks that passed a bar's end.

        Raises:
            ContractError: If a source is not in the table, or an instrument changes its interval.
        """
        outputs = list(self._step(topic, event))
        self._look_ahead(event)
        return outputs

    @property
    def holds(self) -> Collection[str]:
        """The topic that a source entered, until it was met where it left the other one."""
        return self._sources.holds

    def _step(self, topic: Topic, event: Event) -> Iterator[Output]:
        match event:
            case TickObserved():
                yield from self._on_tick(event)
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

    def _held(self, event: TickObserved | CandleObserved) -> HeldInstrument:
        if event.source not in SOURCES:
            message = f"source must be one of {', '.join(sorted(SOURCES))}, was {event.source!r}"
            raise ContractError(message)
        held = self._book.get(event.stream, event.instrument)
        if held is None:
            held = self._book.add(
                BarBuilder(stream=event.stream, instrument=event.instrument, source=event.source)
            )
        return held

    def _on_tick(self, tick: TickObserved) -> Iterator[Output]:
        held = self._held(tick)
        builder = self._book.table.read(held.row)
        lateness_ms, n_before = SOURCES[tick.source].allowed_lateness_ms, builder.n_in_run
        yield from self._on_bars(held, builder, builder.on_tick(tick, allowed_lateness_ms=lateness_ms))
        yield from alerts_of_run(tick, n_before=n_before, n_now=builder.n_in_run)

    def _on_candle(self, candle: CandleObserved) -> Iterator[Output]:
        held = self._held(candle)
        builder = self._book.table.read(held.row)
        if builder.has_begun and builder.interval is not candle.interval:
            message = (
                f"{candle.instrument} in {candle.stream} has {builder.interval} bars, "
                f"the candle is of {candle.interval}"
            )
            raise ContractError(message)
        bar = builder.on_candle(candle)
        yield from self._on_bars(held, builder, () if bar is None else (bar,))

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
        table, group = self._book.table, self._book.names.group_of(event.source, event.stream)
        shortest = table.outlook(group).shortest_ms
        shortest = _MINUTE_MS if shortest == NEVER_MS else shortest
        if topic.name == MARKET_TICK.name:
            for held in self._book.of_rows(table.due(group, event.event_time_ms)):
                builder = table.read(held.row)
                bars = builder.on_watermark(event.event_time_ms, known_ms=event.known_time_ms)
                yield from self._on_bars(held, builder, bars)
        yield from self._sources.on_watermark(event, shortest_ms=shortest)

    def _on_silence(self, topic: Topic, event: SourceFellSilent) -> Iterator[Output]:
        is_of_trades = topic.name == MARKET_TICK.name
        table, group = self._book.table, self._book.names.group_of(event.source, event.stream)
        for held in self._book.of_rows(table.begun(group)):
            builder = table.read(held.row)
            bars = builder.on_silence(
                event.event_time_ms, known_ms=event.known_time_ms, is_of_trades=is_of_trades
            )
            yield from self._on_bars(held, builder, bars)
        yield from self._sources.on_silence(event)

    def _on_bars(
        self, held: HeldInstrument, builder: BarBuilder, bars: Iterable[BarClosed]
    ) -> Iterator[Output]:
        """Everything that follows from the bars that a builder closes; then its state is written back."""
        for bar in bars:
            yield from self._on_bar(held, bar)
        self._book.table.write(held.row, builder)

    def _on_bar(self, held: HeldInstrument, bar: BarClosed) -> Iterator[Output]:
        if not held.roll_ups:
            held.begin_roll_ups(self._intervals, bar)
        yield from self._outputs(held, bar)
        for roll_up in held.roll_ups:
            longer = roll_up.step(bar)
            if longer is not None:
                yield from self._outputs(held, longer)

    def _outputs(self, held: HeldInstrument, bar: BarClosed) -> Iterator[Output]:
        yield Output(MARKET_BAR, bar, bar.instrument)
        series = self._book.close(held, bar)
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
        at = self._book.table.fold(columns, 0)
        while at < len(values):
            self._step_row(columns, at, stepped)
            if len(stepped.outputs) >= MOST_OUTPUTS or topic.name in self.holds:
                return stepped._replace(n_taken=at + 1)
            at = self._book.table.fold(columns, at + 1)
        return stepped

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
        held = self._book.get(tick.stream, tick.instrument)
        if held is not None:
            self._book.table.link(
                key,
                held.row,
                group=self._book.names.group_of(tick.source, tick.stream),
                allowed_lateness_ms=SOURCES[tick.source].allowed_lateness_ms,
            )

    def _look_ahead(self, event: Event) -> None:
        """From which watermark on the event's source and stream need a decision again.

        Closing a bar only moves that on, so it is looked at when a watermark got there, and when
        a trade may have begun a stretch.
        """
        group = self._book.names.group_of(event.source, event.stream)
        voice = self._sources.voices.get((event.stream, event.source))
        epoch = 0 if voice is None else voice.epochs.get(MARKET_TICK.name, 0)
        if voice is None or voice.silent_from_ms is not None or not voice.is_told_present(epoch):
            self._book.table.act_from(group, -NEVER_MS, epoch=0)
            return
        forwarded = voice.forwarded_ms
        shortest, earliest_end_ms = self._book.table.outlook(group)
        shortest = _MINUTE_MS if shortest == NEVER_MS else shortest
        acts_from_ms = min(forwarded - forwarded % shortest + shortest, earliest_end_ms)
        self._book.table.act_from(group, acts_from_ms, epoch=epoch)

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
        yield from self._book.take_changed()

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
            self._book.restore(self._sorted(entries))
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            message = f"the state is of another release: {error}"
            raise SnapshotMismatchError(message) from error

    def _sorted(self, entries: Mapping[bytes, bytes]) -> KeptInstruments:
        kept = KeptInstruments({}, {}, {})
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

    def forget(self, stream: str) -> None:
        """Drop the instruments and the sources of a run; names and keys are learnt anew."""
        self._book, gone = self._book.without(stream)
        self._scanner = Scanner(self._book.names)
        self._gone |= gone
        self._gone |= {key_of(_SOURCE, *source) for source in self._sources.voices if source[0] == stream}
        self._sources.forget(stream)

    def newest(self) -> Iterator[Event]:
        """The newest features of each instrument and interval, and each stream's watermark."""
        for held in self._book:
            for series in held.series.values():
                if series.last is not None:
                    yield self._features(series, series.last)
        for (stream, _), voice in self._sources.voices.items():
            watermark_ms = voice.forwarded_ms
            yield WatermarkAdvanced(
                event_time_ms=watermark_ms, known_time_ms=watermark_ms, source="market", stream=stream
            )

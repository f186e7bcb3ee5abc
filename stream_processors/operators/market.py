"""The state machine of the market processor: ticks and candles in, bars and features out.

An instance has the same-numbered partitions of the tick topic and the candle topic, with all instruments and streams in
them. For each instrument it holds the state of its ticks, a roll-up for each longer interval, and the features of each
interval (:mod:`.instruments`). The work at a watermark is that of the instruments whose bar ends by it, however many
other instruments there are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from schemas.errors import ContractError, SnapshotMismatchError
from schemas.events import (
    BarClosed,
    CandleObserved,
    Event,
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
from stream_processors.operators.instruments import SOURCE, HeldInstrument, MarketInstruments, sorted_entries
from stream_processors.operators.keys import key_of
from stream_processors.operators.protocols import (
    MOST_OUTPUTS,
    HeadersOf,
    Output,
    StateChange,
    Stepped,
    step_each,
)
from stream_processors.operators.repeats import alerts_of_run
from stream_processors.operators.series import features_of
from stream_processors.operators.sources import SourceStates
from stream_processors.operators.ticks.columns import TickColumns, TickScanner
from stream_processors.operators.ticks.folding import NEVER_MS
from stream_processors.operators.ticks.scanning import UNKNOWN

_MINUTE_MS = Interval.ONE_MINUTE.milliseconds
_SPEC_KEY = key_of("spec", "")


class MarketOperator:
    """Makes the bars and features of every instrument in one partition.

    Args:
        intervals: The intervals of the bars to make, besides the instrument's own shortest interval.
        spec: The set of features.
    """

    def __init__(self, *, intervals: Iterable[Interval], spec: FeatureSpec = SPEC) -> None:
        self._intervals = sorted(intervals, key=lambda interval: interval.milliseconds)
        self._spec = spec
        self._sources = SourceStates()
        self._instruments = MarketInstruments()
        self._scanner = TickScanner(self._instruments.names)
        # The instruments and sources themselves know what changed of them since the last changes.
        self._is_spec_written = False
        self._gone: set[bytes] = set()

    def step(self, topic: Topic, event: Event) -> list[Output]:
        """Take one event, and return bars, their features, forwarded records about sources, and alerts.

        Raises:
            ContractError: If a source is not in the table, or an instrument changes its interval.
        """
        outputs = list(self._step(topic, event))
        self._look_ahead(event)
        return outputs

    @property
    def holds(self) -> Collection[str]:
        """The topic that a source entered, until its switch was met in the topic that it left."""
        return self._sources.holds

    def _step(self, topic: Topic, event: Event) -> Iterator[Output]:
        match event:
            case TickObserved():
                yield from self._on_tick(event)
            case CandleObserved():
                yield from self._on_candle(event)
            case WatermarkAdvanced() | SourceFellSilent() | SourceReturned():
                if not self._sources.is_void(topic.name, event):
                    yield from self._on_source_record(topic, event)
            case TopicSwitched():
                self._sources.on_switch(topic.name, event)
            case _:
                message = f"the market processor takes no {type(event).__name__}"
                raise TypeError(message)

    def _held(self, event: TickObserved | CandleObserved) -> HeldInstrument:
        if event.source not in SOURCES:
            message = f"source must be one of {', '.join(sorted(SOURCES))}, was {event.source!r}"
            raise ContractError(message)
        held = self._instruments.get(event.stream, event.instrument)
        if held is None:
            held = self._instruments.add(
                BarBuilder(stream=event.stream, instrument=event.instrument, source=event.source)
            )
        return held

    def _on_tick(self, tick: TickObserved) -> Iterator[Output]:
        held = self._held(tick)
        builder = self._instruments.table.read(held.row)
        lateness_ms, n_before = SOURCES[tick.source].allowed_lateness_ms, builder.n_in_run
        joined_ms = None if builder.has_begun else self._sources.joined_ms(tick.stream, tick.source)
        bars = builder.on_tick(tick, allowed_lateness_ms=lateness_ms, joined_ms=joined_ms)
        yield from self._on_bars(held, builder, bars)
        yield from alerts_of_run(tick, n_before=n_before, n_now=builder.n_in_run)

    def _on_candle(self, candle: CandleObserved) -> Iterator[Output]:
        if candle.revision > 0:
            # It corrects or completes what lies behind the watermark. It is for the history alone, and trades of before
            # may still be to be read in the other topic.
            return
        held = self._held(candle)
        builder = self._instruments.table.read(held.row)
        if builder.has_begun and builder.interval is not candle.interval:
            message = (
                f"{candle.instrument} in {candle.stream} has {builder.interval} bars, "
                f"the candle is of {candle.interval}"
            )
            raise ContractError(message)
        bar = builder.on_candle(candle)
        yield from self._on_bars(held, builder, () if bar is None else (bar,))

    def _on_source_record(
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
        table, group = self._instruments.table, self._instruments.names.group_of(event.source, event.stream)
        shortest = table.outlook(group).shortest_ms
        shortest = _MINUTE_MS if shortest == NEVER_MS else shortest
        if topic.name == MARKET_TICK.name:
            for held in self._instruments.of_rows(table.due(group, event.event_time_ms)):
                builder = table.read(held.row)
                bars = builder.on_watermark(event.event_time_ms, known_ms=event.known_time_ms)
                yield from self._on_bars(held, builder, bars)
        yield from self._sources.on_watermark(event, shortest_ms=shortest)

    def _on_silence(self, topic: Topic, event: SourceFellSilent) -> Iterator[Output]:
        is_of_trades = topic.name == MARKET_TICK.name
        table, group = self._instruments.table, self._instruments.names.group_of(event.source, event.stream)
        for held in self._instruments.of_rows(table.begun(group)):
            builder = table.read(held.row)
            bars = builder.on_silence(
                event.event_time_ms, known_ms=event.known_time_ms, is_of_trades=is_of_trades
            )
            yield from self._on_bars(held, builder, bars)
        yield from self._sources.on_silence(event)

    def _on_bars(
        self, held: HeldInstrument, builder: BarBuilder, bars: Iterable[BarClosed]
    ) -> Iterator[Output]:
        """Yields what follows from the bars that a builder closes, then writes the state of the builder back."""
        for bar in bars:
            yield from self._on_bar(held, bar)
        self._instruments.table.write(held.row, builder)

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
        series = self._instruments.close(held, bar)
        yield Output(FEATURES_MARKET, features_of(series, bar, self._spec), bar.instrument)

    # Trades by the batch

    def step_values(self, topic: Topic, values: Sequence[bytes | None], headers_of: HeadersOf) -> Stepped:
        """Take messages of one partition in, trades by compiled code; see the port :class:`BatchOperator`."""
        if topic.name != MARKET_TICK.name:
            return step_each(self, topic, values, headers_of)
        columns = self._scanner.columns(values, headers_of)
        stepped = Stepped([], [], columns.newest_watermarks(), len(values))
        at = self._instruments.table.fold(columns, 0)
        while at < len(values):
            self._step_row(columns, at, stepped)
            if len(stepped.outputs) >= MOST_OUTPUTS or topic.name in self.holds:
                return stepped._replace(n_taken=at + 1)
            at = self._instruments.table.fold(columns, at + 1)
        return stepped

    def _step_row(self, columns: TickColumns, i: int, stepped: Stepped) -> None:
        """Step a message that needs a decision, without compiled code."""
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
        """Let the compiled fold take the next trades of a key."""
        held = self._instruments.get(tick.stream, tick.instrument)
        if held is not None:
            self._instruments.table.link(
                key,
                held.row,
                group=self._instruments.names.group_of(tick.source, tick.stream),
                allowed_lateness_ms=SOURCES[tick.source].allowed_lateness_ms,
            )

    def _look_ahead(self, event: Event) -> None:
        """Set from which watermark on the event's source and stream need a decision again.

        Folded trades and watermarks do not change that time, so it is set after each event that needed a decision.
        """
        group = self._instruments.names.group_of(event.source, event.stream)
        state = self._sources.states.get((event.stream, event.source))
        epoch = 0 if state is None else state.epochs.get(MARKET_TICK.name, 0)
        if state is None or state.silent_from_ms is not None or not state.is_told_present(epoch):
            self._instruments.table.act_from(group, -NEVER_MS, epoch=0)
            return
        forwarded = state.forwarded_ms
        shortest, earliest_end_ms = self._instruments.table.outlook(group)
        shortest = _MINUTE_MS if shortest == NEVER_MS else shortest
        acts_from_ms = min(forwarded - forwarded % shortest + shortest, earliest_end_ms)
        self._instruments.table.act_from(group, acts_from_ms, epoch=epoch)

    # State

    def changes(self) -> Iterator[StateChange]:
        """Return what changed of open bars, closed bars and sources."""
        written = set[bytes]()
        for key, value in self._changed():
            written.add(key)
            yield StateChange(key, value)
        for key in self._gone - written:
            yield StateChange(key, None)
        self._gone.clear()

    def _changed(self) -> Iterator[tuple[bytes, bytes]]:
        if not self._is_spec_written:
            yield _SPEC_KEY, self._spec.hash.encode()
            self._is_spec_written = True
        for source in self._sources.take_moved():
            yield key_of(SOURCE, *source), msgspec.msgpack.encode(self._sources.states[source])
        yield from self._instruments.take_changed()

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Restore a state.

        Raises:
            SnapshotMismatchError: If the state has another set of features, or belongs to another release.
        """
        spec_hash = entries.get(_SPEC_KEY, b"").decode(errors="replace")
        if spec_hash != self._spec.hash:
            message = f"the state must have the feature set {self._spec.hash}, had {spec_hash}"
            raise SnapshotMismatchError(message)
        self._is_spec_written = True
        try:
            kept = sorted_entries(entry for entry in entries.items() if entry[0] != _SPEC_KEY)
            for (stream, source), value in kept.sources.items():
                self._sources.restore(stream, source, value)
            self._instruments.restore(kept)
        except (msgspec.DecodeError, ValueError, KeyError) as error:
            message = f"the state belongs to another release: {error}"
            raise SnapshotMismatchError(message) from error

    def forget(self, stream: str) -> None:
        """Forget the instruments and the sources of a run. The names of the others are learnt anew."""
        self._instruments, gone = self._instruments.without(stream)
        self._scanner = TickScanner(self._instruments.names)
        self._gone |= gone
        self._gone |= {key_of(SOURCE, *source) for source in self._sources.states if source[0] == stream}
        self._sources.forget(stream)

    def newest(self) -> Iterator[Event]:
        """Yield the newest features of each instrument and interval, and the watermark of each stream."""
        for held in self._instruments:
            for series in held.series.values():
                if series.last is not None:
                    yield features_of(series, series.last, self._spec)
        for (stream, _), state in self._sources.states.items():
            watermark_ms = state.reached_ms
            yield WatermarkAdvanced(
                event_time_ms=watermark_ms, known_time_ms=watermark_ms, source="market", stream=stream
            )

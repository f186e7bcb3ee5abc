"""The market processor's state machine: ticks and candles in, bars and features out.

One instance has the same-numbered partition of the tick and the candle topic, with all the
instruments and streams in them. Per instrument it holds a bar builder, a roll-up for each longer
interval, and a feature stepper for each interval.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from schemas.codec import null_from_nan
from schemas.errors import ContractError, SnapshotMismatchError
from schemas.events import (
    BarClosed,
    CandleObserved,
    Event,
    FeaturesComputed,
    SourceFellSilent,
    TickObserved,
    WatermarkAdvanced,
)
from schemas.features import FeatureSpec
from schemas.sources import SOURCES
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, MARKET_BAR, MARKET_TICK, Topic
from stream_processors.features.declarations import SPEC
from stream_processors.features.stepping import FeatureStepper
from stream_processors.operators.bars import BarBuilder
from stream_processors.operators.keys import Differences, key_of
from stream_processors.operators.protocols import MOST_OUTPUTS, Change, HeadersOf, Output, Stepped, step_each
from stream_processors.operators.rolling_up import RollUp
from stream_processors.operators.ticks.columns import Columns, Scanner
from stream_processors.operators.ticks.folding import NEVER_MS, Folder
from stream_processors.operators.ticks.names import KnownNames
from stream_processors.operators.ticks.scanning import UNKNOWN

_Key = tuple[str, str]
_MINUTE_MS = Interval.ONE_MINUTE.milliseconds


class _Kept(msgspec.Struct):
    """One instrument's state, for a snapshot."""

    builder: BarBuilder
    roll_ups: list[RollUp]
    steppers: dict[str, tuple[int, int, bytes]]
    newest: dict[str, FeaturesComputed]


class _Place(msgspec.Struct):
    """How far all of one partition has got."""

    feature_spec_hash: str
    forwarded: dict[str, int]


_PLACE = key_of("place", "")


class _Instrument:
    """What is held of one instrument in one stream."""

    def __init__(self, builder: BarBuilder) -> None:
        self.builder = builder
        self.row: int | None = None
        self.roll_ups: list[RollUp] = []
        self.steppers: dict[Interval, FeatureStepper] = {}
        self.newest: dict[Interval, FeaturesComputed] = {}


class MarketOperator:
    """Bars and features of every instrument in one partition.

    Args:
        intervals: The bars to make, besides those of the instrument's own shortest interval.
    """

    def __init__(self, *, intervals: Iterable[Interval], spec: FeatureSpec = SPEC) -> None:
        self._intervals = sorted(intervals, key=lambda interval: interval.milliseconds)
        self._spec = spec
        self._held: dict[_Key, _Instrument] = {}
        self._forwarded: dict[str, int] = {}
        self._differences = Differences()
        self._names = KnownNames()
        self._scanner = Scanner(self._names)
        self._folder = Folder()
        self._is_folding = False

    def step(self, topic: Topic, event: Event) -> Iterator[Output]:
        """Take one event in; yield bars, their features, and watermarks that passed a bar's end.

        Raises:
            ContractError: If a source is not in the table, or an instrument changes its interval.
        """
        self._end_folding()
        yield from self._step(topic, event)

    def _step(self, topic: Topic, event: Event) -> Iterator[Output]:
        match event:
            case TickObserved():
                held = self._instrument(event)
                spec = SOURCES[event.source]
                for bar in held.builder.on_tick(event, allowed_lateness_ms=spec.allowed_lateness_ms):
                    yield from self._on_bar(held, bar)
            case CandleObserved():
                yield from self._on_candle(event)
            case WatermarkAdvanced():
                yield from self._on_watermark(topic, event)
            case SourceFellSilent():
                for held in self._of_source(event):
                    for bar in held.builder.on_silence(
                        event.event_time_ms,
                        known_ms=event.known_time_ms,
                        is_of_trades=topic.name == MARKET_TICK.name,
                    ):
                        yield from self._on_bar(held, bar)
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
            held = _Instrument(
                BarBuilder(stream=event.stream, instrument=event.instrument, source=event.source)
            )
            self._held[key] = held
        return held

    def _of_source(self, event: Event) -> list[_Instrument]:
        return [
            held
            for (stream, _), held in self._held.items()
            if stream == event.stream and held.builder.source == event.source
        ]

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

    def _on_watermark(self, topic: Topic, event: WatermarkAdvanced) -> Iterator[Output]:
        held_here = self._of_source(event)
        if topic.name == MARKET_TICK.name:
            for held in held_here:
                for bar in held.builder.on_watermark(event.event_time_ms, known_ms=event.known_time_ms):
                    yield from self._on_bar(held, bar)
        shortest = min((held.builder.interval.milliseconds for held in held_here), default=_MINUTE_MS)
        passed_ms = event.event_time_ms - event.event_time_ms % shortest
        if passed_ms > self._forwarded.get(event.stream, -1):
            self._forwarded[event.stream] = passed_ms
            passed = msgspec.structs.replace(event, event_time_ms=passed_ms)
            yield Output(MARKET_BAR, passed, None)
            yield Output(FEATURES_MARKET, passed, None)

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
        stepper = held.steppers.setdefault(bar.interval, FeatureStepper())
        row = (bar.open, bar.high, bar.low, bar.close, bar.volume)
        values = stepper.step(row, start_ms=bar.start_ms, end_ms=bar.event_time_ms, buy_volume=bar.buy_volume)
        features = FeaturesComputed(
            event_time_ms=bar.event_time_ms,
            known_time_ms=bar.known_time_ms,
            source=bar.source,
            stream=bar.stream,
            instrument=bar.instrument,
            interval=bar.interval,
            close=bar.close,
            feature_spec_hash=self._spec.hash,
            is_warm=stepper.is_warm,
            values=dict(zip(self._spec.names, null_from_nan(values), strict=True)),
        )
        held.newest[bar.interval] = features
        yield Output(FEATURES_MARKET, features, bar.instrument)

    # Trades by the batch

    def step_values(self, topic: Topic, values: Sequence[bytes | None], headers_of: HeadersOf) -> Stepped:
        """Take messages of one partition in; trades are folded into their bars by compiled code."""
        if topic.name != MARKET_TICK.name:
            return step_each(self, topic, values, headers_of)
        columns = self._scanner.columns(values, headers_of)
        self._begin_folding()
        stepped = Stepped([], [], columns.newest_watermarks(), len(values))
        kinds, numbers, amounts = columns.kinds, columns.numbers, columns.amounts
        at = self._folder.fold(kinds, numbers, amounts, first=0)
        while at < len(values):
            self._step_row(columns, at, stepped)
            if len(stepped.outputs) >= MOST_OUTPUTS:
                return stepped._replace(n_taken=at + 1)
            at = self._folder.fold(kinds, numbers, amounts, first=at + 1)
        return stepped

    def _step_row(self, columns: Columns, i: int, stepped: Stepped) -> None:
        """A message that needs a decision: by the builders, which are brought up to date for it."""
        event = columns.event(i)
        if isinstance(event, ContractError):
            stepped.rejected.append((i, event))
            return
        concerned = self._concerned(event)
        for held in concerned:
            self._give_back(held)
        try:
            outputs = list(self._step(MARKET_TICK, event))
        except ContractError as error:
            stepped.rejected.append((i, error))
        else:
            stepped.outputs.extend((i, output) for output in outputs)
            kind = int(columns.kinds[i])
            if isinstance(event, TickObserved) and kind != UNKNOWN:
                self._hold(event, kind)
            elif kind == UNKNOWN:
                stepped.seen.append(event)
        for held in concerned:
            self._take(held)
        self._look_ahead(event)

    def _concerned(self, event: Event) -> list[_Instrument]:
        """Whose state an event may read or change."""
        if isinstance(event, TickObserved):
            held = self._held.get((event.stream, event.instrument))
            return [] if held is None else [held]
        return self._of_source(event)

    def _hold(self, tick: TickObserved, key: int) -> None:
        """Find a row for the instrument of a trade that was stepped, so that its next ones are folded."""
        held = self._held[(tick.stream, tick.instrument)]
        if held.row is None:
            held.row = self._folder.add(held.builder)
        lateness_ms = SOURCES[tick.source].allowed_lateness_ms
        self._folder.link(key, held.row, source=tick.source, allowed_lateness_ms=lateness_ms)

    def _begin_folding(self) -> None:
        if self._is_folding:
            return
        for held in self._held.values():
            self._take(held)
        for group in range(self._names.n_groups):
            self._folder.acts_from[group] = -NEVER_MS
        self._is_folding = True

    def _end_folding(self) -> None:
        """Bring every builder up to date: what follows looks at them, and not at the folder."""
        if not self._is_folding:
            return
        for held in self._held.values():
            self._give_back(held)
        self._is_folding = False

    def _take(self, held: _Instrument) -> None:
        if held.row is not None:
            self._folder.take(held.row)

    def _give_back(self, held: _Instrument) -> None:
        if held.row is not None:
            self._folder.give_back(held.row)

    def _look_ahead(self, event: Event) -> None:
        """From which watermark on the event's source and stream need a decision again.

        Closing a bar only moves that on, so it is looked at when a watermark got there, and when
        a trade may have begun a stretch.
        """
        group = self._names.group_of(event.source, event.stream)
        if group is None:
            return
        if event.stream not in self._forwarded:
            self._folder.acts_from[group] = -NEVER_MS
            return
        builders = [held.builder for held in self._of_source(event)]
        lengths = [builder.interval.milliseconds for builder in builders]
        shortest = min(lengths, default=_MINUTE_MS)
        forwarded = self._forwarded[event.stream]
        ends = [
            builder.next_start_ms + length
            for builder, length in zip(builders, lengths, strict=True)
            if builder.next_start_ms is not None
        ]
        self._folder.acts_from[group] = min(forwarded - forwarded % shortest + shortest, *ends, NEVER_MS)

    # State

    def changes(self) -> Iterator[Change]:
        """What changed of instruments, and how far the streams are."""
        yield from self._differences.since(self._entries())

    def _entries(self) -> dict[bytes, bytes]:
        self._end_folding()
        place = _Place(feature_spec_hash=self._spec.hash, forwarded=self._forwarded)
        entries = {_PLACE: msgspec.msgpack.encode(place)}
        for (stream, instrument), held in self._held.items():
            kept = _Kept(
                builder=held.builder,
                roll_ups=held.roll_ups,
                steppers={str(interval): stepper.snapshot() for interval, stepper in held.steppers.items()},
                newest={str(interval): features for interval, features in held.newest.items()},
            )
            entries[key_of("instrument", stream, instrument)] = msgspec.msgpack.encode(kept)
        return entries

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Take over a state.

        Raises:
            SnapshotMismatchError: If it is of another set of features or another release.
        """
        try:
            place = msgspec.msgpack.decode(entries.get(_PLACE, b""), type=_Place)
            kept = [
                msgspec.msgpack.decode(value, type=_Kept) for key, value in entries.items() if key != _PLACE
            ]
        except msgspec.DecodeError as error:
            message = f"the state is of another release: {error}"
            raise SnapshotMismatchError(message) from error
        if place.feature_spec_hash != self._spec.hash:
            message = f"the state is of feature set {place.feature_spec_hash}, this is {self._spec.hash}"
            raise SnapshotMismatchError(message)
        self._forwarded = place.forwarded
        for each in kept:
            self._restore_instrument(each)
        self._differences.take(entries)

    def forget(self, stream: str) -> None:
        """Drop the instruments of a run."""
        self._end_folding()
        self._held = {key: held for key, held in self._held.items() if key[0] != stream}
        self._forwarded.pop(stream, None)

    def _restore_instrument(self, kept: _Kept) -> None:
        held = _Instrument(kept.builder)
        held.roll_ups = kept.roll_ups
        for interval, state in kept.steppers.items():
            stepper = FeatureStepper()
            try:
                stepper.restore(state)
            except ValueError as error:
                message = f"the state is of another release: {error}"
                raise SnapshotMismatchError(message) from error
            held.steppers[Interval(interval)] = stepper
        held.newest = {Interval(interval): features for interval, features in kept.newest.items()}
        self._held[(kept.builder.stream, kept.builder.instrument)] = held

    def newest(self) -> Iterator[Event]:
        """The newest features of each instrument and interval, and each stream's watermark."""
        for held in self._held.values():
            yield from held.newest.values()
        for stream, watermark_ms in self._forwarded.items():
            yield WatermarkAdvanced(
                event_time_ms=watermark_ms, known_time_ms=watermark_ms, source="market", stream=stream
            )

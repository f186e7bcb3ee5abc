"""The label join: a prediction and the bar that ends at its horizon make an outcome.

The join is decided by content: it takes the bar of the prediction's interval that ends exactly at as-of time plus
horizon. If later bars come without such a bar, the outcome is void. It does not matter whether the bar or the prediction
comes first, or by how much: the outcomes are the same, and only their order across horizons and instruments differs.

1. A close is deleted when no prediction can need it any more. Scoring publishes how far its predictions are
   (``progress.scoring.v1``). The two topics are read in any order, so scoring also names its last prediction before that,
   and the progress counts once that prediction was read.
2. If scoring publishes no progress, as in a log of an earlier release, no close is ever deleted.
3. Bars that are far ahead of the champions' progress are not read on (:attr:`OutcomesOperator.holds`) until scoring has
   caught up. So the number of closes is bounded by reading, and nothing is dropped because of a limit. Only bars of the
   run that goes on are held, because no progress may ever come for a run that ended.
4. No other arm holds bars, so that none can delay the champion. Closes wait for such an arm until the partition has
   :data:`MOST_AHEAD` of them. Then the oldest are deleted, which is counted and reported, and later predictions of the
   arm for that time become void.
5. At each bar only the predictions that are due are examined: they wait in a heap of their series.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from schemas.errors import SnapshotMismatchError
from schemas.events import (
    BarClosed,
    Direction,
    Event,
    Outcome,
    OutcomeResolved,
    PredictionMade,
    PredictionsAdvanced,
)
from schemas.time import Interval
from schemas.topics import MARKET_BAR, OUTCOMES, Topic
from stream_processors.operators.changing import StateChanges, encode
from stream_processors.operators.closes import CloseOfBar, ClosesOfSeries
from stream_processors.operators.protocols import Output, StateChange

#: So many closes after scoring's progress, of all series of a partition together, are kept. Beyond that, bars are held,
#: or the oldest closes that only a slower arm may need are deleted. A close takes 24 bytes.
MOST_AHEAD = 2_000_000
#: At least so many are kept of one series: more than the bars of one watermark, so that a hold always ends.
LEAST_AHEAD = 512
#: At most so many are kept of one series: a week of minutes.
MOST_AHEAD_OF_A_SERIES = 10_080

_BarKey = tuple[str, str, str]
#: Stream, instrument, interval, horizon and arm.
_TargetKey = tuple[str, str, str, str, str]
_SourceKey = tuple[str, str]
#: As-of time, horizon and arm.
_Place = tuple[int, str, str]

_CLOSE, _PENDING, _MADE, _PROGRESS, _NAMED = "close", "pending", "made", "progress", "named"
_HELD = frozenset({MARKET_BAR.name})
_NOTHING: frozenset[str] = frozenset()


class _KeptClose(msgspec.Struct, frozen=True, array_like=True, gc=False):
    price: float
    known_ms: int
    source: str


class _Progress(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How far scoring is with the rows of a source, for every arm and for the champions alone."""

    passed_ms: int
    n_kept_bars: int
    champions_ms: int

    def until_ms(self, interval_ms: int) -> int:
        """Return the as-of time up to which no further prediction will come."""
        return self.passed_ms - self.n_kept_bars * interval_ms

    def champions_until_ms(self, interval_ms: int) -> int:
        """Return the as-of time up to which no further prediction of a champion will come."""
        return self.champions_ms - self.n_kept_bars * interval_ms


def _progress_of(event: PredictionsAdvanced) -> _Progress:
    every_arm_ms = event.event_time_ms if event.every_arm_ms is None else event.every_arm_ms
    return _Progress(every_arm_ms, event.n_kept_bars, event.event_time_ms)


class _Series:
    """The closes of a series, and the predictions that wait for a close."""

    def __init__(self, closes: ClosesOfSeries) -> None:
        self.closes = closes
        self.pending: dict[_Place, PredictionMade] = {}
        self.due: list[tuple[int, int, str, str]] = []

    def wait(self, prediction: PredictionMade) -> None:
        """Let a prediction wait for its close."""
        place = _place(prediction)
        if place not in self.pending:
            heapq.heappush(self.due, (prediction.resolves_at_ms, *place))
        self.pending[place] = prediction

    def resolved_by(self, end_ms: int) -> Iterator[PredictionMade]:
        """Yields the predictions that wait for a close at or before a time, in order, and removes them."""
        while self.due and self.due[0][0] <= end_ms:
            _, as_of_ms, horizon, arm = heapq.heappop(self.due)
            prediction = self.pending.pop((as_of_ms, horizon, arm), None)
            if prediction is not None:
                yield prediction


class OutcomesOperator:
    """Joins the predictions and bars of one partition.

    Args:
        seeds: Predictions without an outcome from the durable history, which an emptied log no longer has.
        stream: The run that goes on, whose bars may be held; None means every run.
        least_ahead: See :data:`LEAST_AHEAD`.
        most_ahead: See :data:`MOST_AHEAD_OF_A_SERIES`.
        most_kept: See :data:`MOST_AHEAD`.
        on_let_go: Called with a series and a time when closes up to that time are deleted although an arm that is
            slower than the champion may still need them. It is called at the first such deletion.

    Attributes:
        n_let_go: How many closes were deleted so.
    """

    def __init__(
        self,
        *,
        seeds: Iterable[PredictionMade] = (),
        stream: str | None = None,
        least_ahead: int = LEAST_AHEAD,
        most_ahead: int = MOST_AHEAD_OF_A_SERIES,
        most_kept: int = MOST_AHEAD,
        on_let_go: Callable[[tuple[str, str, str], int], None] = lambda _series, _until_ms: None,
    ) -> None:
        self._stream = stream
        self._least_ahead, self._most_ahead, self._most_kept = least_ahead, most_ahead, most_kept
        self._on_let_go = on_let_go
        self.n_let_go = 0
        self._losing: set[_BarKey] = set()
        self._series: dict[_BarKey, _Series] = {}
        # The key has the features too, because an arm that changes its features may finish predictions of the former ones later.
        self._last_made: dict[_TargetKey, dict[str, int]] = {}
        self._progress: dict[_SourceKey, _Progress] = {}
        self._named: dict[_SourceKey, PredictionsAdvanced] = {}
        self._ahead: set[_BarKey] = set()
        self._changes = StateChanges()
        # Seeds are not among the last made, because the log may hold the record of a seed, which is judged when it is read.
        for prediction in seeds:
            self._wait(self._series_of(_bar_key(prediction), prediction.source), prediction)

    @property
    def holds(self) -> frozenset[str]:
        """The topic of bars, while the closes of a series are far ahead of the predictions that will need them."""
        return _HELD if self._ahead else _NOTHING

    def step(self, _topic: Topic, event: Event) -> Iterator[Output]:
        """Take a bar, a prediction or the progress of scoring, and yield the outcomes that it decides."""
        match event:
            case BarClosed():
                yield from self._on_bar(event)
            case PredictionMade():
                yield from self._on_prediction(event)
            case PredictionsAdvanced():
                self._on_progress(event)
            case _ if event.key_fields == ("source",):
                return  # records about a source decide nothing, because scoring says what is needed
            case _:
                message = f"the label join takes no {type(event).__name__}"
                raise TypeError(message)

    # Bars

    def _on_bar(self, bar: BarClosed) -> Iterator[Output]:
        key = (bar.stream, bar.instrument, str(bar.interval))
        series = self._series_of(key, bar.source)
        closes = series.closes
        newest_ms = closes.newest_ms
        if newest_ms is not None and bar.event_time_ms <= newest_ms:
            return
        closes.source = bar.source
        closes.add(CloseOfBar(bar.event_time_ms, bar.close, bar.known_time_ms))
        kept = _KeptClose(bar.close, bar.known_time_ms, bar.source)
        self._changes.add((_CLOSE, *key, bar.event_time_ms), lambda: encode(kept))
        self._let_go(key, closes)
        for prediction in series.resolved_by(bar.event_time_ms):
            self._changes.drop(_pending_key(prediction))
            yield _resolved(prediction, closes)

    def _series_of(self, key: _BarKey, source: str) -> _Series:
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series(ClosesOfSeries(source, Interval(key[2]).milliseconds))
        return series

    def _let_go(self, key: _BarKey, closes: ClosesOfSeries) -> None:
        """Delete the closes that no prediction needs, and record whether too many others are left."""
        progress = self._progress.get((key[0], closes.source))
        if progress is not None:
            until_ms = progress.until_ms(closes.interval_ms)
            self._drop(key, closes.let_go(until_ms))
            self._let_go_of_slower_arms(key, closes, progress)
        self._note_ahead(key, closes)

    def _drop(self, key: _BarKey, ends_ms: Iterable[int]) -> None:
        for end_ms in ends_ms:
            self._changes.drop((_CLOSE, *key, end_ms))

    def _let_go_of_slower_arms(self, key: _BarKey, closes: ClosesOfSeries, progress: _Progress) -> None:
        """Delete the oldest closes that no champion needs, if there are too many of them."""
        n_most = max(self._least_ahead, self._most_kept // len(self._series))
        if len(closes) <= n_most:
            if 2 * len(closes) <= n_most:
                self._losing.discard(key)
            return
        champions_ms = progress.champions_until_ms(closes.interval_ms)
        until_ms = min(champions_ms, closes.end_before_newest(n_most))
        gone = closes.let_go(until_ms)
        if not gone:
            return
        self._drop(key, gone)
        self.n_let_go += len(gone)
        if key not in self._losing:
            self._losing.add(key)
            self._on_let_go(key, until_ms)

    def _note_ahead(self, key: _BarKey, closes: ClosesOfSeries) -> None:
        progress = self._progress.get((key[0], closes.source))
        if progress is None:
            return
        until_ms = progress.champions_until_ms(closes.interval_ms)
        n_most = max(self._least_ahead, min(self._most_ahead, self._most_kept // len(self._series)))
        if self._stream in {None, key[0]} and closes.n_after(until_ms) > n_most:
            self._ahead.add(key)
        else:
            self._ahead.discard(key)

    # Predictions

    def _on_prediction(self, prediction: PredictionMade) -> Iterator[Output]:
        if self._take(prediction):
            series = self._series_of(_bar_key(prediction), prediction.source)
            newest_ms = series.closes.newest_ms
            if newest_ms is not None and newest_ms >= prediction.resolves_at_ms:
                self._forget_pending(series, prediction)
                yield _resolved(prediction, series.closes)
            else:
                self._wait(series, prediction)
        self._apply_named(prediction.stream)

    def _take(self, prediction: PredictionMade) -> bool:
        """Whether a prediction is new. Those of one target and features come in as-of order, except repeats."""
        target, features = _target(prediction), prediction.feature_spec_hash
        made = self._last_made.setdefault(target, {})
        if prediction.event_time_ms <= made.get(features, _NEVER_MS):
            return False
        made[features] = prediction.event_time_ms
        self._changes.put((_MADE, *target, features), encode(prediction.event_time_ms))
        return True

    def _wait(self, series: _Series, prediction: PredictionMade) -> None:
        is_known = _place(prediction) in series.pending
        series.wait(prediction)
        note = self._changes.put if is_known else self._changes.add
        note(_pending_key(prediction), lambda: msgspec.json.encode(prediction))

    def _forget_pending(self, series: _Series, prediction: PredictionMade) -> None:
        """Remove a seed whose record was read after its close, because the record is judged."""
        if series.pending.pop(_place(prediction), None) is not None:
            self._changes.drop(_pending_key(prediction))

    # Progress

    def _on_progress(self, progress: PredictionsAdvanced) -> None:
        key = (progress.stream, progress.source)
        known, named = self._progress.get(key), self._named.get(key)
        said = _progress_of(progress)
        newest = known if named is None else _progress_of(named)
        if newest is not None and (said.champions_ms, said.passed_ms) <= (
            newest.champions_ms,
            newest.passed_ms,
        ):
            return
        self._named[key] = progress
        self._changes.put((_NAMED, *key), lambda: msgspec.json.encode(progress))
        self._apply_named(progress.stream)

    def _apply_named(self, stream: str) -> None:
        """Apply the progress of scoring whose named prediction was read."""
        if not self._named:
            return
        for key in [key for key, named in self._named.items() if key[0] == stream and self._has_read(named)]:
            named = self._named.pop(key)
            progress = self._progress[key] = _progress_of(named)
            self._changes.drop((_NAMED, *key))
            self._changes.put((_PROGRESS, *key), encode(progress))
            for bars in sorted(self._ahead):
                self._let_go(bars, self._series[bars].closes)

    def _has_read(self, named: PredictionsAdvanced) -> bool:
        if named.last_instrument is None or named.last_as_of_ms is None:
            return True
        target = (
            named.stream,
            named.last_instrument,
            str(named.last_interval),
            str(named.last_horizon),
            named.last_arm,
        )
        made, features = self._last_made.get(target, {}), named.last_feature_spec_hash
        newest_ms = (
            max(made.values(), default=_NEVER_MS) if features is None else made.get(features, _NEVER_MS)
        )
        return newest_ms >= named.last_as_of_ms

    # State

    def changes(self) -> list[StateChange]:
        """Return what changed of closes, open predictions, last as-of times and the progress of scoring."""
        return [StateChange(key, value) for key, value in self._changes.take()]

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Restore a state.

        Raises:
            SnapshotMismatchError: If the state belongs to another release.
        """
        self._series.clear()
        self._changes = StateChanges()
        try:
            held = sorted((tuple(msgspec.msgpack.decode(key)), value) for key, value in entries.items())
            for key, value in held:
                self._restore_one(key, value)
        except (msgspec.DecodeError, ValueError, TypeError, IndexError) as error:
            message = f"the state belongs to another release: {error}"
            raise SnapshotMismatchError(message) from error
        self._ahead = set()
        for bars, series in self._series.items():
            self._note_ahead(bars, series.closes)

    def _restore_one(self, key: tuple[Any, ...], value: bytes) -> None:
        kind, *rest = key
        match kind:
            case "close":
                stream, instrument, interval, end_ms = rest
                close = msgspec.msgpack.decode(value, type=_KeptClose)
                series = self._series_of((stream, instrument, interval), close.source)
                series.closes.source = close.source
                series.closes.add(CloseOfBar(end_ms, close.price, close.known_ms))
            case "pending":
                prediction = msgspec.json.decode(value, type=PredictionMade)
                if key != _pending_key(prediction):
                    message = f"expected {_pending_key(prediction)}, was {key}"
                    raise ValueError(message)
                self._series_of(_bar_key(prediction), prediction.source).wait(prediction)
            case "made":
                stream, instrument, interval, horizon, arm, features = rest
                made = self._last_made.setdefault((stream, instrument, interval, horizon, arm), {})
                made[features] = msgspec.msgpack.decode(value, type=int)
            case "progress":
                stream, source = rest
                self._progress[(stream, source)] = msgspec.msgpack.decode(value, type=_Progress)
            case "named":
                stream, source = rest
                self._named[(stream, source)] = msgspec.json.decode(value, type=PredictionsAdvanced)
            case _:
                message = f"expected a key of the label join, was {kind!r}"
                raise ValueError(message)

    def forget(self, stream: str) -> None:
        """Forget a run that ended."""
        for key in [key for key in self._series if key[0] == stream]:
            series = self._series.pop(key)
            self._ahead.discard(key)
            self._losing.discard(key)
            for close in series.closes:
                self._changes.drop((_CLOSE, *key, close.end_ms))
            for prediction in series.pending.values():
                self._changes.drop(_pending_key(prediction))
        for target in [target for target in self._last_made if target[0] == stream]:
            for features in self._last_made.pop(target):
                self._changes.drop((_MADE, *target, features))
        for kind, held in ((_PROGRESS, self._progress), (_NAMED, self._named)):
            for source in [source for source in held if source[0] == stream]:
                del held[source]
                self._changes.drop((kind, *source))

    def newest(self) -> Iterator[Event]:
        """Yield nothing, because outcomes are no view."""
        yield from ()


_NEVER_MS = -(2**62)


def _bar_key(prediction: PredictionMade) -> _BarKey:
    return prediction.stream, prediction.instrument, str(prediction.interval)


def _target(prediction: PredictionMade) -> _TargetKey:
    return (*_bar_key(prediction), str(prediction.horizon), prediction.arm)


def _place(prediction: PredictionMade) -> _Place:
    return prediction.event_time_ms, str(prediction.horizon), prediction.arm


def _pending_key(prediction: PredictionMade) -> tuple[Any, ...]:
    return (_PENDING, *_target(prediction), prediction.event_time_ms)


def _resolved(prediction: PredictionMade, closes: ClosesOfSeries) -> Output:
    at = prediction.resolves_at_ms
    judged = closes.first_from(at)
    if judged is None:
        message = f"expected a close at {at} or later, the newest is {closes.newest_ms}"
        raise ValueError(message)
    final = judged if judged.end_ms == at else None
    outcome = _outcome(prediction.reference_price, None if final is None else final.price)
    event = OutcomeResolved(
        event_time_ms=at,
        known_time_ms=max(prediction.known_time_ms, judged.known_ms),
        source=prediction.source,
        stream=prediction.stream,
        instrument=prediction.instrument,
        interval=prediction.interval,
        horizon=prediction.horizon,
        features_as_of_ms=prediction.event_time_ms,
        probability_up=prediction.probability_up,
        direction=prediction.direction,
        reference_price=prediction.reference_price,
        final_price=None if final is None else final.price,
        outcome=outcome,
        is_hit=_is_hit(prediction.direction, outcome),
        model_version=prediction.model_version,
        model_hash=prediction.model_hash,
        arm=prediction.arm,
    )
    return Output(OUTCOMES, event, prediction.instrument)


def _outcome(reference: float, final: float | None) -> Outcome:
    if final is None:
        return Outcome.VOID
    if final == reference:
        return Outcome.TIE
    return Outcome.UP if final > reference else Outcome.DOWN


def _is_hit(direction: Direction, outcome: Outcome) -> bool | None:
    if outcome in {Outcome.TIE, Outcome.VOID}:
        return None
    return str(direction) == str(outcome)

"""The state machine that predicts: which row is scored, by which champion, and once.

Pure: it is handed the decision as a callable and knows neither models nor clocks.

Rules, per target (stream, instrument, interval, horizon):

1. A row is scored by the promotion with the greatest ``effective_from_ms`` that is at most the
   row's as-of time; of promotions from the same time the later one in the log.
2. As-of times only grow: what is not newer than the newest predicted one, published by this job
   or stored by an earlier log, is never predicted again.
3. A promotion that comes after its rows finds those that are kept. Rows wait for their first
   champion (``n_waiting``); once there is one, the next row shortens the queue to ``n_kept``,
   which keeps the snapshot small, since the embedded broker never forgets one.
4. A row of an instrument with companions is its vector; its market features alone are passed over.
5. A row whose features are not those of its champion is left unscored and counted; a later
   champion that takes them still scores it.

So predictions do not depend on how the two topics interleave, as long as a promotion *after the
first* of its target is read before the rows it is for; the runtime reads promotions to their end
before any row.
"""

import bisect
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, assert_never

import msgspec
import numpy as np

from schemas.artifacts import CHAMPION
from schemas.codec import nan_from_null, null_from_nan
from schemas.errors import SnapshotMismatchError
from schemas.events import (
    Event,
    FeaturesComputed,
    ModelPromoted,
    PredictionMade,
    SourceFellSilent,
    SourceReturned,
    VectorComputed,
    WatermarkAdvanced,
)
from schemas.time import Interval
from schemas.topics import PREDICTIONS, Topic
from stream_processors.operators.keys import Differences, key_of
from stream_processors.operators.protocols import Change, Output

#: A row is some 310 bytes of a snapshot: 256 are 80 kB, a twelfth of what a record may hold.
N_WAITING = 256
#: Enough for a second horizon's first champion, promoted while rows flow.
N_KEPT = 16

Decide = Callable[[FeaturesComputed, ModelPromoted], PredictionMade]
Mismatch = Callable[[FeaturesComputed, ModelPromoted], None]
Check = Callable[[ModelPromoted], None]


_WHOLE = key_of("whole", "")


class SeriesKey(msgspec.Struct, frozen=True, kw_only=True):
    """Whose features: rows of one run, instrument and interval."""

    stream: str
    instrument: str
    interval: Interval


class TargetKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is predicted: a series, so far ahead."""

    series: SeriesKey
    horizon: Interval


LastStored = Callable[[TargetKey], int | None]


class _Series(msgspec.Struct, kw_only=True):
    """The kept warm rows of a series, oldest first, and how far it was read."""

    newest_as_of_ms: int
    rows: deque[FeaturesComputed]


class _Target(msgspec.Struct, kw_only=True):
    """The promotions of a target by effective time, and how far it was predicted."""

    promotions: list[ModelPromoted]
    predicted_until_ms: int | None
    newest: PredictionMade | None = None
    n_mismatched: int = 0


class _Judged(NamedTuple):
    """What the champions say about some rows of a target."""

    predictions: list[PredictionMade]
    mismatches: list[tuple[FeaturesComputed, ModelPromoted]]


class _PackedRow(msgspec.Struct, frozen=True, array_like=True):
    as_of_ms: int
    known_time_ms: int
    source: str
    close: float
    feature_spec_hash: str
    names_index: int
    values: bytes


class _PackedSeries(msgspec.Struct, frozen=True, array_like=True):
    key: SeriesKey
    newest_as_of_ms: int
    names: list[tuple[str, ...]]
    rows: list[_PackedRow]


class _PackedTarget(msgspec.Struct, frozen=True, array_like=True):
    key: TargetKey
    target: _Target


class _Snapshot(msgspec.Struct, frozen=True, array_like=True, tag="scoring/1"):
    series: list[_PackedSeries]
    targets: list[_PackedTarget]


class ScoringOperator:
    """Predicts each warm row once, by the champion of its time.

    Args:
        decide: What a champion says about a row; a function of its arguments.
        last_stored_ms: The newest as-of time of a target that an earlier log has predicted, or
            None; asked once per target and then part of the state.
        check: Raises InvariantError for a promotion that cannot be served; the champion before it goes on.
        on_mismatch: Told the first time a champion meets features that are not its own.
        n_waiting: How many rows wait for the first champion.
        n_kept: How many are kept when there is one.
        joined: The instruments with companions, whose rows are vectors.
    """

    def __init__(
        self,
        *,
        decide: Decide,
        last_stored_ms: LastStored = lambda _target: None,
        check: Check = lambda _promoted: None,
        on_mismatch: Mismatch = lambda _row, _promoted: None,
        n_waiting: int = N_WAITING,
        n_kept: int = N_KEPT,
        joined: frozenset[str] = frozenset(),
    ) -> None:
        self._decide = decide
        self._last_stored_ms = last_stored_ms
        self._check = check
        self._on_mismatch = on_mismatch
        self._n_waiting = n_waiting
        self._n_kept = n_kept
        self._joined = joined
        self._series: dict[SeriesKey, _Series] = {}
        self._targets: dict[SeriesKey, dict[Interval, _Target]] = {}
        self._reported: set[tuple[str, str]] = set()
        self._differences = Differences()

    @property
    def n_mismatched(self) -> int:
        """How many rows met a champion of other features."""
        return sum(target.n_mismatched for targets in self._targets.values() for target in targets.values())

    def step(self, topic: Topic, event: Any) -> Iterable[Output]:  # noqa: ARG002  (the port's word)
        """Take a row or a promotion in; return the predictions that follow.

        Raises:
            ContractError: If a row cannot be decided; the state is as before.
        """
        known: FeaturesComputed | WatermarkAdvanced | SourceFellSilent | SourceReturned | ModelPromoted = (
            event
        )
        match known:
            case FeaturesComputed():
                return self._on_row(known)
            case ModelPromoted():
                return self._on_promotion(known) if known.alias == CHAMPION else []
            case WatermarkAdvanced() | SourceFellSilent() | SourceReturned():
                return []
            case _:
                assert_never(known)

    def _on_row(self, row: FeaturesComputed) -> list[Output]:
        if isinstance(row, VectorComputed) is not (row.instrument in self._joined):
            return []
        key = SeriesKey(stream=row.stream, instrument=row.instrument, interval=row.interval)
        series = self._series.get(key)
        if series is not None and row.event_time_ms <= series.newest_as_of_ms:
            return []
        targets = self._targets.get(key, {})
        found = [self._judged(target, [row]) for target in targets.values()] if row.is_warm else []
        if series is None:
            series = self._series[key] = _Series(newest_as_of_ms=row.event_time_ms, rows=deque())
        series.newest_as_of_ms = row.event_time_ms
        if row.is_warm:
            series.rows.append(row)
        while len(series.rows) > (self._n_kept if targets else self._n_waiting):
            series.rows.popleft()
        taken = [self._take(*pair) for pair in zip(targets.values(), found, strict=row.is_warm)]
        return [output for outputs in taken for output in outputs]

    def _on_promotion(self, promoted: ModelPromoted) -> list[Output]:
        key = SeriesKey(stream=promoted.stream, instrument=promoted.instrument, interval=promoted.interval)
        before = self._targets.get(key, {}).get(promoted.horizon)
        if before is None:
            stored = self._last_stored_ms(TargetKey(series=key, horizon=promoted.horizon))
            before = _Target(promotions=[], predicted_until_ms=stored)
        if any(_is_same(known, promoted) for known in before.promotions):
            return []
        self._check(promoted)
        promotions = sorted([*before.promotions, promoted], key=_effective_from_ms)
        target = msgspec.structs.replace(before, promotions=promotions)
        series = self._series.get(key)
        found = self._judged(target, () if series is None else series.rows)
        self._targets.setdefault(key, {})[promoted.horizon] = target
        return self._take(target, found)

    def _judged(self, target: _Target, rows: Iterable[FeaturesComputed]) -> _Judged:
        # Changes nothing yet, so that a row that cannot be decided leaves the state as it was.
        found = _Judged([], [])
        for row in rows:
            as_of_ms = row.event_time_ms
            if target.predicted_until_ms is not None and as_of_ms <= target.predicted_until_ms:
                continue
            n_effective = bisect.bisect_right(target.promotions, as_of_ms, key=_effective_from_ms)
            if n_effective == 0:
                continue
            promoted = target.promotions[n_effective - 1]
            if row.feature_spec_hash == promoted.feature_spec_hash:
                found.predictions.append(self._decide(row, promoted))
            else:
                found.mismatches.append((row, promoted))
        return found

    def _take(self, target: _Target, found: _Judged) -> list[Output]:
        target.n_mismatched += len(found.mismatches)
        for row, promoted in found.mismatches:
            pair = (promoted.model_version, row.feature_spec_hash)
            if pair not in self._reported:
                self._reported.add(pair)
                self._on_mismatch(row, promoted)
        if found.predictions:
            target.newest = found.predictions[-1]
            target.predicted_until_ms = target.newest.event_time_ms
        return [Output(PREDICTIONS, prediction, prediction.instrument) for prediction in found.predictions]

    def newest(self) -> Iterable[Event]:
        """The newest prediction of every target."""
        return [
            target.newest
            for targets in self._targets.values()
            for target in targets.values()
            if target.newest is not None
        ]

    def changes(self) -> Iterator[Change]:
        """The state; feature values as their float64 bytes."""
        yield from self._differences.since({_WHOLE: self._all_packed()})

    def _all_packed(self) -> bytes:
        packed = _Snapshot(
            series=[_packed(key, series) for key, series in self._series.items()],
            targets=[
                _PackedTarget(TargetKey(series=key, horizon=horizon), target)
                for key, targets in self._targets.items()
                for horizon, target in targets.items()
            ],
        )
        return msgspec.msgpack.encode(packed)

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Take over a state.

        Raises:
            SnapshotMismatchError: If it is not one of this operator and release.
        """
        try:
            packed = msgspec.msgpack.decode(entries.get(_WHOLE, b""), type=_Snapshot)
            self._series = {series.key: _unpacked(series) for series in packed.series}
        except (msgspec.DecodeError, ValueError, IndexError) as error:
            message = f"expected a state of the scoring job of this release: {error}"
            raise SnapshotMismatchError(message) from error
        self._targets = {}
        for held in packed.targets:
            self._targets.setdefault(held.key.series, {})[held.key.horizon] = held.target
        self._differences.take(entries)

    def forget(self, stream: str) -> None:
        """Drop the rows and promotions of a run."""
        self._series = {key: series for key, series in self._series.items() if key.stream != stream}
        self._targets = {key: targets for key, targets in self._targets.items() if key.stream != stream}


def _effective_from_ms(promoted: ModelPromoted) -> int:
    return promoted.effective_from_ms


def _is_same(known: ModelPromoted, promoted: ModelPromoted) -> bool:
    return (known.effective_from_ms, known.model_version, known.model_hash) == (
        promoted.effective_from_ms,
        promoted.model_version,
        promoted.model_hash,
    )


def _packed(key: SeriesKey, series: _Series) -> _PackedSeries:
    # The names of a set of features are written once, not with every row.
    names: dict[tuple[str, ...], int] = {}
    rows = [
        _PackedRow(
            row.event_time_ms,
            row.known_time_ms,
            row.source,
            row.close,
            row.feature_spec_hash,
            names.setdefault(tuple(row.values), len(names)),
            nan_from_null(row.values.values()).tobytes(),
        )
        for row in series.rows
    ]
    return _PackedSeries(key, series.newest_as_of_ms, list(names), rows)


def _unpacked(packed: _PackedSeries) -> _Series:
    rows = deque(_unpacked_row(packed, row) for row in packed.rows)
    return _Series(newest_as_of_ms=packed.newest_as_of_ms, rows=rows)


def _unpacked_row(series: _PackedSeries, row: _PackedRow) -> FeaturesComputed:
    values = null_from_nan(np.frombuffer(row.values, dtype=np.float64).tolist())
    return FeaturesComputed(
        event_time_ms=row.as_of_ms,
        known_time_ms=row.known_time_ms,
        source=row.source,
        stream=series.key.stream,
        instrument=series.key.instrument,
        interval=series.key.interval,
        close=row.close,
        feature_spec_hash=row.feature_spec_hash,
        is_warm=True,
        values=dict(zip(series.names[row.names_index], values, strict=True)),
    )

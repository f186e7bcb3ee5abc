"""Keeps the targets of a partition with their promotions, and their part of the state.

Pure. This module is separate from :mod:`.operators` because it knows when promotions start and are forgotten, and makes
no decisions. A record of a start may be read before its promotion; it is kept until the promotion comes.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec

from api.scoring.judging import TargetState
from api.scoring.keeping import KeptRows
from api.scoring.keys import place_of, series_of, target_key, target_of, target_parts
from api.scoring.rows import NEVER_MS, RowSeries, SeriesKey
from api.scoring.starts import FreeTimes, Identity, PromotionStart, TargetTally, identity, record_of
from schemas.events import ModelPromoted, PredictionMade, PromotionTookEffect
from schemas.targets import Target
from stream_processors.operators.changing import StateChanges


class StoredScoringState(NamedTuple):
    """What the durable stores know and an emptied log no longer knows. Each series or target is looked up once.

    Attributes:
        last_predicted_ms: Returns the newest stored as-of time of a target, or None.
        promotions: Returns the known promotions of a series, in the order of the ledger.
        record: Returns from when on a promotion predicted, or None if that is not stored.
    """

    last_predicted_ms: Callable[[Target], int | None] = lambda _target: None
    promotions: Callable[[SeriesKey], Iterable[ModelPromoted]] = lambda _series: ()
    record: Callable[[ModelPromoted], PromotionTookEffect | None] = lambda _promoted: None


class KnownTargets:
    """The targets of a partition, by series.

    Args:
        stored: What an emptied log no longer knows.
        rows: The kept rows.
        told_ms: Returns up to when rows of a series get no more predictions, as the label join was told.
        changes: Records the changes of the state.

    Attributes:
        by_series: The targets of each series that was seen, in the order of :func:`.keys.place_of`.
    """

    def __init__(
        self,
        *,
        stored: StoredScoringState,
        rows: KeptRows,
        told_ms: Callable[[RowSeries], int],
        changes: StateChanges,
    ) -> None:
        self._stored = stored
        self._rows = rows
        self._told_ms = told_ms
        self.changes = changes
        self.by_series: dict[SeriesKey, dict[Target, TargetState]] = {}
        self._early: dict[Target, dict[Identity, PromotionTookEffect]] = {}

    def __iter__(self) -> Iterator[TargetState]:
        """Iterate over the states of all targets."""
        return (target for targets in self.by_series.values() for target in targets.values())

    def of_promotion(self, promoted: ModelPromoted) -> TargetState:
        """Return the target of a promotion; a new one is not added yet."""
        key = SeriesKey(stream=promoted.stream, instrument=promoted.instrument, interval=promoted.interval)
        which = target_of(key, promoted.horizon, promoted.alias)
        target = self.by_series.get(key, {}).get(which)
        if target is not None:
            return target
        stored_ms = self._stored.last_predicted_ms(which)
        return TargetState(which, TargetTally(stored_ms=stored_ms, predicted_ms=stored_ms))

    def put(self, target: TargetState) -> None:
        """Add a target, in the order that a restored operator has too."""
        targets = self.by_series.setdefault(series_of(target.key), {})
        targets[target.key] = target
        in_order = sorted(targets.values(), key=lambda one: place_of(one.key))
        self.by_series[series_of(target.key)] = {one.key: one for one in in_order}

    # Promotions

    def start(self, target: TargetState, promoted: ModelPromoted) -> PromotionStart:
        """Return from when on a promotion predicts that is read now."""
        number, interval = target.tally.n_promotions, promoted.interval
        early = self._early.get(target.key, {}).get(identity(promoted))
        record = self._stored.record(promoted) if early is None else early
        if record is not None:
            return PromotionStart(
                promoted=promoted,
                number=number,
                from_ms=record.event_time_ms,
                after_ms=target.predicted_ms,
                n_let_go=record.n_let_go,
                is_recorded=early is not None,
            )
        series = self._rows.of_features(series_of(target.key), promoted.feature_spec_hash)
        free = FreeTimes(
            began_ms=None if series is None else series.standing.began_ms,
            newest_ms=NEVER_MS if series is None else series.standing.newest_ms,
            let_go_ms=NEVER_MS if series is None else max(series.standing.let_go_ms, self._told_ms(series)),
            predicted_ms=target.predicted_ms,
        )
        effective_ms = promoted.effective_from_ms
        return PromotionStart(
            promoted=promoted,
            number=number,
            from_ms=free.start_ms(effective_ms, interval),
            after_ms=target.predicted_ms,
            n_let_go=free.n_lost(effective_ms, interval),
        )

    def add_start(self, target: TargetState, start: PromotionStart) -> None:
        """Add the start of a promotion to its target, and the target if it is new."""
        self.put(target)
        which, promotion = target.key, identity(start.promoted)
        if self._early.get(which, {}).pop(promotion, None) is not None:
            self.changes.drop(("record", *target_parts(which), *promotion))
        target.promotions.add(start)
        target.tally.n_promotions += 1
        self.note(target)
        self._note_start(target, start)

    def obey(self, record: PromotionTookEffect) -> None:
        """Obey a recorded start; of several the first one counts."""
        series = SeriesKey(stream=record.stream, instrument=record.instrument, interval=record.interval)
        which = target_of(series, record.horizon, record.alias)
        target = self.by_series.get(series, {}).get(which)
        start = None if target is None else target.promotions.find(identity(record))
        if target is not None and start is not None:
            if not start.is_recorded:
                start.from_ms, start.n_let_go, start.is_recorded = record.event_time_ms, record.n_let_go, True
                self._note_start(target, start)
            return
        if target is not None and target.promotions.has_displaced(
            record.effective_from_ms, self._rows.newest_ms(series)
        ):
            return
        held = self._early.setdefault(which, {})
        if identity(record) not in held:
            held[identity(record)] = record
            self.changes.add(
                ("record", *target_parts(which), *identity(record)), lambda: msgspec.json.encode(record)
            )

    def recorded(self, target: TargetState, *, source: str, known_time_ms: int) -> list[PromotionTookEffect]:
        """Return the records of starts that have none yet.

        Args:
            target: The target of the promotions.
            source: The source of the records.
            known_time_ms: When the starts were known.
        """
        records = []
        for start in target.promotions.unrecorded():
            records.append(record_of(start, source=source, known_time_ms=known_time_ms))
            start.is_recorded = True
            self._note_start(target, start)
        return records

    def forget_displaced(self, target: TargetState) -> None:
        """Forget the promotions of a target that can score no row any more."""
        if len(target.promotions) < 2:
            return
        key, decided_ms = series_of(target.key), target.tally.decided_ms
        gone = target.promotions.forget_displaced(lambda features: self._rows.settled_ms(key, features))
        for start in gone:
            self.changes.drop(_start_key(target, start))
            if not target.promotions.takes(start.promoted.feature_spec_hash):
                decided_ms.pop(start.promoted.feature_spec_hash, None)
        if gone:
            self.note(target)
            for start in target.promotions:
                self._note_start(target, start)

    # State

    def note(self, target: TargetState) -> None:
        """Record that the tally of a target changed."""
        self.changes.put(("target", *target_parts(target.key)), lambda: msgspec.json.encode(target.tally))

    def _note_start(self, target: TargetState, start: PromotionStart) -> None:
        self.changes.put(_start_key(target, start), lambda: msgspec.json.encode(start))

    def restore_target(self, stream: str, rest: list[Any], value: bytes) -> None:
        """Restore a target without its promotions.

        Args:
            stream: The run.
            rest: The rest of the key of the state.
            value: The value of the state.
        """
        self.put(TargetState(target_key(stream, rest), msgspec.json.decode(value, type=TargetTally)))

    def restore_start(self, stream: str, rest: list[Any], value: bytes) -> None:
        """Restore the start of a promotion of a target that was restored before.

        Args:
            stream: The run.
            rest: The rest of the key of the state.
            value: The value of the state.
        """
        which = target_key(stream, rest)
        start = msgspec.json.decode(value, type=PromotionStart)
        self.by_series[series_of(which)][which].promotions.add(start)

    def restore_record(self, stream: str, rest: list[Any], value: bytes) -> None:
        """Restore a record that was read before its promotion.

        Args:
            stream: The run.
            rest: The rest of the key of the state.
            value: The value of the state.
        """
        record = msgspec.json.decode(value, type=PromotionTookEffect)
        self._early.setdefault(target_key(stream, rest), {})[identity(record)] = record

    def forget(self, stream: str) -> None:
        """Drop all targets of a run that ended."""
        for key in [key for key in self.by_series if key.stream == stream]:
            for target in self.by_series.pop(key).values():
                self.changes.drop(("target", *target_parts(target.key)))
                for start in target.promotions:
                    self.changes.drop(_start_key(target, start))
        for which in [which for which in self._early if which.stream == stream]:
            for held in self._early.pop(which):
                self.changes.drop(("record", *target_parts(which), *held))

    def newest(self) -> list[PredictionMade]:
        """Return the newest prediction of every target."""
        return [target.tally.newest for target in self if target.tally.newest is not None]


def _start_key(target: TargetState, start: PromotionStart) -> tuple[Any, ...]:
    return ("promotion", *target_parts(target.key), start.number)

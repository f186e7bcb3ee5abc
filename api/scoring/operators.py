"""The state machine that predicts: it decides which row is scored by which version of each arm, each row once.

Pure: the decision is a callable argument, so the operator knows neither models nor clocks.

These rules hold for each target (stream, instrument, interval, horizon, arm), as if it were alone:

1. An arm is the alias that a version was promoted to: ``champion``, ``challenger``, ``shadow``, or another
   short lower-case name. Every arm that has a version predicts every close once.
2. A row is scored once, by the promotion that :mod:`.starts` determines. A live promotion takes effect at the
   first as-of time that has no prediction yet. That time is recorded on ``models.effect.v1``, and replays obey it.
3. A promotion takes the rows that have its version's ``feature_spec_hash``: market features, or the vectors
   of an instrument with companions. An arm therefore never waits for a join that it does not use.
4. The as-of times of an arm only grow, for each set of features that it takes. A row is never predicted if it is not
   newer than the newest row that was decided on these features, or than the newest prediction of an earlier log.
5. A promotion that comes later than its rows scores the kept rows. Kept are the rows of the last ``n_kept`` bars
   before the watermark of the source, and fewer if a partition holds many series. Dropped rows are counted in the
   record of the promotion that would have predicted them.
6. A row whose features are not those of the version is counted and not scored. A later promotion that takes these
   features still scores it.
7. A decision that fails is counted and reported, and the row counts as decided for that target. The other
   targets go on. If a champion fails and no target can decide the row, the row itself is a bad message.
8. The progress of predictions is published to the label join (``progress.scoring.v1``), every quarter of an hour of
   the stream's time, for each source. A row that is more than ``n_kept`` bars older than that is never predicted.

Given the recorded starts, predictions therefore do not depend on how the topics interleave. The runtime reads
promotions and their records to their end before it reads any row.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from api.scoring.judging import Decide, FailedDecision, JudgedRows, TargetState, judged, refuse_bad
from api.scoring.keeping import KeptRows
from api.scoring.keys import restore_order
from api.scoring.progress import EVERY_MS, SourceMarks, progress_of
from api.scoring.rows import RowForm, RowSeries, SeriesKey
from api.scoring.starts import PromotionStart, identity
from api.scoring.targets import KnownTargets, StoredScoringState
from schemas.arms import ARM_FORM, CHAMPION, is_arm
from schemas.errors import (
    ContractError,
    InvariantError,
    PlatformError,
    SnapshotMismatchError,
)
from schemas.events import (
    Event,
    FeaturesComputed,
    ModelPromoted,
    PredictionMade,
    PromotionTookEffect,
    VectorComputed,
    WatermarkAdvanced,
)
from schemas.targets import Target
from schemas.topics import FEATURES_VECTOR, MODELS_EFFECT, PREDICTIONS, PROGRESS_SCORING, Topic
from stream_processors.operators.changing import StateChanges, encode
from stream_processors.operators.protocols import Output, StateChange

#: The number of kept bars of a series. A champion that is promoted while rows flow needs no more. A row takes at most
#: a kilobyte.
N_KEPT = 64
#: The largest number of kept rows of all series of a partition, which take some 32 MB.
MOST_ROWS = 32_768

Mismatch = Callable[[FeaturesComputed, ModelPromoted], None]
Failure = Callable[[FeaturesComputed, ModelPromoted, PlatformError], None]
FailureCount = Callable[[Target, FailedDecision, int], None]
Check = Callable[[ModelPromoted], None]
Lost = Callable[[PromotionTookEffect], None]

_STATE_VERSION = "scoring/3"


class ScoringOperator:
    """Predicts each close of one partition once for every arm, by the version that the arm has at that time.

    Args:
        decide: Returns the prediction of a version for a row. It must depend on its arguments alone.
        stored: What an emptied log no longer knows.
        check: Raises InvariantError for a promotion that cannot be served. The version before it then goes on.
        is_own: Returns whether the rows of an instrument lie in this partition, because all partitions read promotions.
        on_mismatch: Called the first time that a version meets features that are not its own.
        on_failure: Called the first time that a version of an arm cannot decide a row.
        on_failure_count: Called every time, with the target and the number of its rows that were not decided.
        on_lost: Called for a promotion that came too late for some rows.
        n_kept: For how many bars a row is kept for a version that is promoted later.
        most_rows: The largest number of kept rows of all series.
        joined: The source of each instrument with companions, which has vectors in addition to market features.
    """

    def __init__(
        self,
        *,
        decide: Decide,
        stored: StoredScoringState | None = None,
        check: Check = lambda _promoted: None,
        is_own: Callable[[str], bool] = lambda _instrument: True,
        on_mismatch: Mismatch = lambda _row, _promoted: None,
        on_failure: Failure = lambda _row, _promoted, _error: None,
        on_failure_count: FailureCount = lambda _target, _failed, _n_failed: None,
        on_lost: Lost = lambda _record: None,
        n_kept: int = N_KEPT,
        most_rows: int = MOST_ROWS,
        joined: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._decide = decide
        self._stored = StoredScoringState() if stored is None else stored
        self._check = check
        self._is_own = is_own
        self._on_mismatch = on_mismatch
        self._on_failure = on_failure
        self._on_failure_count = on_failure_count
        self._on_lost = on_lost
        self._n_kept = n_kept
        self._joined = joined
        self._joined_sources = {source for name, source in joined.items() if is_own(name)}
        self._marks = SourceMarks(n_kept=n_kept)
        self._last: dict[str, PredictionMade] = {}
        self._reported: set[tuple[str, str, str]] = set()
        self._changes = StateChanges()
        self._rows = KeptRows(
            n_kept=n_kept, most_rows=most_rows, joined=joined, told_ms=self._told_ms, changes=self._changes
        )
        self._known = KnownTargets(
            stored=self._stored, rows=self._rows, told_ms=self._told_ms, changes=self._changes
        )
        self._targets = self._known.by_series
        self._changes.put(("version", ""), encode(_STATE_VERSION))

    @property
    def n_mismatched(self) -> int:
        """Return the number of rows whose features were not those of the version."""
        return sum(target.tally.n_mismatched for target in self._known)

    @property
    def n_failed(self) -> int:
        """Return the number of rows that a version could not decide."""
        return sum(target.tally.n_failed for target in self._known)

    def step(self, topic: Topic, event: Any) -> Iterable[Output]:
        """Process a row, a promotion, the record of a promotion or a watermark, and return the outputs.

        Raises:
            ContractError: If a row cannot be decided; the state is then unchanged.
        """
        known: Event = event
        match known:
            case FeaturesComputed():
                return self._on_row(known)
            case ModelPromoted():
                return self._on_promotion(known) if self._is_own(known.instrument) else []
            case PromotionTookEffect():
                if self._is_own(known.instrument):
                    self._known.obey(known)
                return []
            case WatermarkAdvanced():
                return self._on_mark(topic, known)
            case _ if known.key_fields == ("source",):
                return []  # while a source is absent, no bar waits for its progress
            case _:
                message = f"the scoring job takes no {type(known).__name__}"
                raise TypeError(message)

    # Rows

    def _on_row(self, row: FeaturesComputed) -> list[Output]:
        form = RowForm.VECTOR if isinstance(row, VectorComputed) else RowForm.MARKET
        if row.instrument in self._joined:
            if form is RowForm.MARKET:
                is_new = self._marks.await_vectors(row.stream, row.source)
                self._note_marks(row.stream, row.source, is_new=is_new)
        elif form is RowForm.VECTOR:
            return []  # the companions of this vector are no longer configured
        key = SeriesKey(stream=row.stream, instrument=row.instrument, interval=row.interval)
        series = self._rows.of_form(key, form)
        if series is not None and row.event_time_ms <= series.standing.newest_ms:
            return []
        self._promote_stored(key)
        targets = list(self._targets[key].values())
        # Nothing is changed yet, so that a row that cannot be decided leaves the state as it was.
        found = [self._judged(target, [row]) for target in targets] if row.is_warm else []
        refuse_bad(found)
        self._rows.keep(key, form, row)
        outputs: list[Output] = []
        for number, target in enumerate(targets):
            outputs += self._recorded(target, source=row.source, known_time_ms=row.known_time_ms)
            if found:
                outputs += self._taken(target, found[number])
            self._known.forget_displaced(target)
        return outputs

    def _told_ms(self, series: RowSeries) -> int:
        """Return up to when rows get no more predictions, as the label join was told."""
        return self._marks.until_ms(series.key.stream, series.standing.source, series.key.interval)

    # Promotions

    def _promote_stored(self, key: SeriesKey) -> None:
        """Add the stored promotions of a series that is new here; there is no row yet to predict."""
        if key in self._targets:
            return
        self._targets[key] = {}
        for promoted in self._stored.promotions(key):
            try:
                self._on_promotion(promoted)
            except ContractError:
                continue  # the log holds this promotion too, and there it becomes a dead letter

    def _on_promotion(self, promoted: ModelPromoted) -> list[Output]:
        if not is_arm(promoted.alias):
            message = (
                f"an alias under which a version is scored must look like {ARM_FORM}, was {promoted.alias!r}"
            )
            raise InvariantError(message)
        key = SeriesKey(stream=promoted.stream, instrument=promoted.instrument, interval=promoted.interval)
        self._promote_stored(key)
        target = self._known.of_promotion(promoted)
        if target.promotions.find(identity(promoted)) is not None:
            return []
        self._check(promoted)
        start = self._known.start(target, promoted)
        found = self._judged(target, self._rows.unpredicted(key), more=[start])
        refuse_bad([found])
        self._known.add_start(target, start)
        standing = self._rows.standing(key, promoted.feature_spec_hash)
        if standing is None:
            return []  # the log of a replay may hold the record further on
        outputs = self._recorded(target, source=standing.source, known_time_ms=standing.known_ms)
        return outputs + self._taken(target, found)

    def _recorded(self, target: TargetState, *, source: str, known_time_ms: int) -> list[Output]:
        """Return the records of starts that have none yet."""
        records = self._known.recorded(target, source=source, known_time_ms=known_time_ms)
        for record in records:
            if record.n_let_go:
                self._on_lost(record)
        return [Output(MODELS_EFFECT, record, record.instrument) for record in records]

    # Decisions

    def _judged(
        self, target: TargetState, rows: Iterable[FeaturesComputed], *, more: Iterable[PromotionStart] = ()
    ) -> JudgedRows:
        return judged(
            target,
            rows,
            decide=self._decide,
            has_other_features=self._rows.has_other_features,
            more=more,
        )

    def _taken(self, target: TargetState, found: JudgedRows) -> list[Output]:
        tally = target.tally
        tally.n_mismatched += len(found.mismatches)
        for row, promoted in found.mismatches:
            if self._is_news("features", promoted, row.feature_spec_hash):
                self._on_mismatch(row, promoted)
        for failed in found.failures:
            row, promoted, error = failed
            tally.n_failed += 1
            target.note_decided(row)
            self._on_failure_count(target.key, failed, tally.n_failed)
            if self._is_news(type(error).__name__, promoted, row.feature_spec_hash):
                self._on_failure(row, promoted, error)
        for made in found.predictions:
            target.note_decided(made)
        if found.predictions:
            newest = found.predictions[-1]
            self._last[newest.stream] = newest
            self._changes.put(("last", newest.stream), lambda: msgspec.json.encode(newest))
            if newest.event_time_ms > target.predicted_ms:
                tally.newest, tally.predicted_ms = newest, newest.event_time_ms
        if found.predictions or found.mismatches or found.failures:
            self._known.note(target)
        return [Output(PREDICTIONS, prediction, prediction.instrument) for prediction in found.predictions]

    def _is_news(self, what: str, promoted: ModelPromoted, features: str) -> bool:
        """Return whether this was not reported of a version yet."""
        told = (what, promoted.model_version, features)
        is_news = told not in self._reported
        self._reported.add(told)
        return is_news

    # Progress

    def _on_mark(self, topic: Topic, event: WatermarkAdvanced) -> list[Output]:
        """Publish the progress of predictions if a watermark moved it on."""
        said_ms = event.event_time_ms
        is_of_vectors = topic.name == FEATURES_VECTOR.name
        is_new = self._marks.advance(event.stream, event.source, said_ms, is_of_vectors=is_of_vectors)
        self._note_marks(event.stream, event.source, is_new=is_new)
        passed = (
            self._marks.newly_passed(
                event.stream,
                event.source,
                champions_take_vectors=self._champions_take_vectors(event.stream, event.source),
            )
            if is_new
            else None
        )
        if passed is None:
            return []
        last = self._last.get(event.stream)
        progress = progress_of(passed, event, last=last, n_kept=self._n_kept)
        return [Output(PROGRESS_SCORING, progress, None)]

    def _champions_take_vectors(self, stream: str, source: str) -> bool:
        """Whether a champion of a source takes the vectors that were seen of its instrument.

        If no quarter of an hour of market features is left to publish, the answer changes nothing, and the series
        are not searched: a partition may hold thousands of them.
        """
        mark = self._marks.of(stream, source)
        if mark.market_ms - mark.market_ms % EVERY_MS <= mark.champions_told_ms:
            return True
        for key, features in self._rows.vectors(stream, source):
            champions = (one for one in self._targets.get(key, {}).values() if one.key.arm == CHAMPION)
            if any(champion.promotions.takes(features) for champion in champions):
                return True
        return False

    # State

    def _note_marks(self, stream: str, source: str, *, is_new: bool) -> None:
        if is_new:
            self._changes.put(("marks", stream, source), lambda: encode(self._marks.of(stream, source)))

    def changes(self) -> list[StateChange]:
        """Return the changes of rows, targets, promotions and watermarks."""
        return [StateChange(key, value) for key, value in self._changes.take()]

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Restore a state.

        Raises:
            SnapshotMismatchError: If it is not a state of this operator and release.
        """
        self._changes = self._rows.changes = self._known.changes = StateChanges()
        try:
            held = sorted(
                ((tuple(msgspec.msgpack.decode(key)), value) for key, value in entries.items()),
                key=restore_order,
            )
            if held and (held[0][0][0] != "version" or msgspec.msgpack.decode(held[0][1]) != _STATE_VERSION):
                message = f"expected {_STATE_VERSION}, was {held[0][0]}"
                raise ValueError(message)  # noqa: TRY301  (one error for all forms of a foreign state)
            for key, value in held[1:]:
                self._restore_one(key, value)
        except (msgspec.DecodeError, ValueError, IndexError, KeyError, TypeError) as error:
            message = f"expected a state of the scoring job of this release: {error}"
            raise SnapshotMismatchError(message) from error

    def _restore_one(self, key: tuple[Any, ...], value: bytes) -> None:
        kind, stream, *rest = key
        match kind:
            case "names":
                self._rows.restore_names(stream, value)
            case "series":
                self._targets.setdefault(self._rows.restore_series(stream, rest, value), {})
            case "row":
                self._rows.restore_row(stream, rest, value)
            case "target":
                self._known.restore_target(stream, rest, value)
            case "promotion":
                self._known.restore_start(stream, rest, value)
            case "record":
                self._known.restore_record(stream, rest, value)
            case "marks":
                self._marks.restore(stream, rest[0], value, may_await_vectors=rest[0] in self._joined_sources)
            case "last":
                self._last[stream] = msgspec.json.decode(value, type=PredictionMade)
            case _:
                message = f"expected a key of the scoring job, was {kind!r}"
                raise ValueError(message)

    def forget(self, stream: str) -> None:
        """Drop everything that is kept of a run that ended."""
        self._rows.forget(stream)
        self._known.forget(stream)
        for source in self._marks.forget(stream):
            self._changes.drop(("marks", stream, source))
        if self._last.pop(stream, None) is not None:
            self._changes.drop(("last", stream))

    def newest(self) -> Iterable[Event]:
        """Return the newest prediction of every target."""
        return self._known.newest()

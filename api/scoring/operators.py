"""The state machine that predicts: which row is scored, by which version of each arm, and once.

Pure: it is handed the decision as a callable and knows neither models nor clocks.

Rules, per target (stream, instrument, interval, horizon, arm), each as if it were alone:

1. An arm is the alias that a version was promoted to: ``champion``, ``challenger``, ``shadow``, or another
   short lower-case name. Every arm that has a version predicts every close once.
2. A row is scored by the promotion that :mod:`.starts` says, once. A live promotion takes effect at the
   first as-of time that has no prediction yet; that time is recorded on ``models.effect.v1``, and
   replays obey it.
3. A promotion takes the rows that have its version's ``feature_spec_hash``: market features, or the vectors
   of an instrument with companions. So an arm never waits for a join that it does not use.
4. As-of times only grow, per features that an arm takes: what is not newer than the newest one that was
   decided on them, or that an earlier log stored, is never predicted again.
5. A promotion that comes after its rows finds those that are kept: those of the last ``n_kept`` bars before
   the source's watermark, fewer where a partition holds many series. What went before is counted in the
   record of the promotion that would have predicted it.
6. A row whose features are not those of the version is left unscored and counted; a later promotion that
   takes them still scores it.
7. A decision that fails is counted and reported, and the row counts as decided for that target. The other
   targets go on. Where a champion fails and no target can decide the row, the row itself is a bad message.
8. How far predictions are is said to the label join (``progress.scoring.v1``), each quarter of an hour of
   the stream's time, per source: an older row than ``n_kept`` bars before that is never predicted.

So predictions do not depend on how the topics interleave, given the recorded starts. The runtime reads
promotions and their records to their end before any row.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from api.scoring.judging import Decide, Judged, TargetState, judged, refuse_bad
from api.scoring.keeping import KeptRows
from api.scoring.keys import place_of, restore_order, series_of, target_key, target_of, target_parts
from api.scoring.progress import EVERY_MS, Marks
from api.scoring.rows import NEVER_MS, Form, Series, SeriesKey
from api.scoring.starts import Free, Identity, Start, Tally, identity, record_of
from schemas.arms import ARM_FORM, CHAMPION, is_arm
from schemas.errors import (
    ContractError,
    InvariantError,
    PlatformError,
    SnapshotMismatchError,
)
from schemas.events import (
    END_OF_TIME_MS,
    Event,
    FeaturesComputed,
    ModelPromoted,
    PredictionMade,
    PredictionsAdvanced,
    PromotionTookEffect,
    VectorComputed,
    WatermarkAdvanced,
)
from schemas.targets import Target
from schemas.topics import FEATURES_VECTOR, MODELS_EFFECT, PREDICTIONS, PROGRESS_SCORING, Topic
from stream_processors.operators.changing import StateChanges, encode
from stream_processors.operators.protocols import Output, StateChange

#: Rows of a series: enough for a champion that is promoted while rows flow, and at most a kilobyte each.
N_KEPT = 64
#: Rows of all series of a partition together: some 32 MB.
MOST_ROWS = 32_768

Mismatch = Callable[[FeaturesComputed, ModelPromoted], None]
Failure = Callable[[FeaturesComputed, ModelPromoted, PlatformError], None]
Check = Callable[[ModelPromoted], None]
Lost = Callable[[PromotionTookEffect], None]

_STATE_VERSION = "scoring/3"


class Stored(NamedTuple):
    """What the durable stores know, which an emptied log no longer does; asked once per series or target.

    Attributes:
        last_predicted_ms: The newest as-of time of a target that is stored, or None.
        promotions: The promotions of a series that are known already, in the order of the ledger.
        record: From when on a promotion predicted, or None where that is not stored.
    """

    last_predicted_ms: Callable[[Target], int | None] = lambda _target: None
    promotions: Callable[[SeriesKey], Iterable[ModelPromoted]] = lambda _series: ()
    record: Callable[[ModelPromoted], PromotionTookEffect | None] = lambda _promoted: None


class ScoringOperator:
    """Predicts each close of one partition once for every arm, by the arm's version of its time.

    Args:
        decide: What a version says about a row; a function of its arguments.
        stored: What an emptied log no longer knows.
        check: Raises InvariantError for a promotion that cannot be served; the version before it goes on.
        is_own: Whether an instrument's rows lie in this partition: promotions are read by all partitions.
        on_mismatch: Told the first time a version meets features that are not its own.
        on_failure: Told the first time a version of an arm cannot decide a row.
        on_lost: Told of a promotion that came too late for some rows.
        n_kept: For how many bars a row is kept for a version that is promoted later.
        most_rows: How many rows of all series are kept.
        joined: The source of each instrument with companions, which has vectors beside its market features.
    """

    def __init__(
        self,
        *,
        decide: Decide,
        stored: Stored | None = None,
        check: Check = lambda _promoted: None,
        is_own: Callable[[str], bool] = lambda _instrument: True,
        on_mismatch: Mismatch = lambda _row, _promoted: None,
        on_failure: Failure = lambda _row, _promoted, _error: None,
        on_lost: Lost = lambda _record: None,
        n_kept: int = N_KEPT,
        most_rows: int = MOST_ROWS,
        joined: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._decide = decide
        self._stored = Stored() if stored is None else stored
        self._check = check
        self._is_own = is_own
        self._on_mismatch = on_mismatch
        self._on_failure = on_failure
        self._on_lost = on_lost
        self._n_kept = n_kept
        self._joined = joined
        self._joined_sources = {source for name, source in joined.items() if is_own(name)}
        self._targets: dict[SeriesKey, dict[Target, TargetState]] = {}
        self._early: dict[Target, dict[Identity, PromotionTookEffect]] = {}
        self._marks = Marks(n_kept=n_kept)
        self._last: dict[str, PredictionMade] = {}
        self._reported: set[tuple[str, str, str]] = set()
        self._changes = StateChanges()
        self._rows = KeptRows(
            n_kept=n_kept, most_rows=most_rows, joined=joined, told_ms=self._told_ms, changes=self._changes
        )
        self._changes.put(("version", ""), encode(_STATE_VERSION))

    @property
    def n_mismatched(self) -> int:
        """How many rows met a version of other features."""
        return sum(target.tally.n_mismatched for target in self._all_targets())

    @property
    def n_failed(self) -> int:
        """How many rows a version could not decide."""
        return sum(target.tally.n_failed for target in self._all_targets())

    def _all_targets(self) -> Iterator[TargetState]:
        return (target for targets in self._targets.values() for target in targets.values())

    def step(self, topic: Topic, event: Any) -> Iterable[Output]:
        """Take a row, a promotion, its record or a watermark in; return what follows.

        Raises:
            ContractError: If a row cannot be decided; the state is as before.
        """
        known: Event = event
        match known:
            case FeaturesComputed():
                return self._on_row(known)
            case ModelPromoted():
                return self._on_promotion(known) if self._is_own(known.instrument) else []
            case PromotionTookEffect():
                if self._is_own(known.instrument):
                    self._on_record(known)
                return []
            case WatermarkAdvanced():
                return self._on_mark(topic, known)
            case _ if known.key_fields == ("source",):
                return []  # while a source is absent there are no bars either that wait for its progress
            case _:
                message = f"the scoring job takes no {type(known).__name__}"
                raise TypeError(message)

    # Rows

    def _on_row(self, row: FeaturesComputed) -> list[Output]:
        form = Form.VECTOR if isinstance(row, VectorComputed) else Form.MARKET
        if row.instrument in self._joined:
            if form is Form.MARKET:
                is_new = self._marks.await_vectors(row.stream, row.source)
                self._note_marks(row.stream, row.source, is_new=is_new)
        elif form is Form.VECTOR:
            return []  # of companions that are no longer configured
        key = SeriesKey(stream=row.stream, instrument=row.instrument, interval=row.interval)
        series = self._rows.of_form(key, form)
        if series is not None and row.event_time_ms <= series.standing.newest_ms:
            return []
        self._promote_stored(key)
        targets = list(self._targets[key].values())
        # StateChanges nothing yet, so that a row that cannot be decided leaves the state as it was.
        found = [self._judged(target, [row]) for target in targets] if row.is_warm else []
        refuse_bad(found)
        self._rows.keep(key, form, row)
        outputs: list[Output] = []
        for number, target in enumerate(targets):
            outputs += self._recorded(target, source=row.source, known_time_ms=row.known_time_ms)
            if found:
                outputs += self._taken(target, found[number])
            self._forget_displaced(target)
        return outputs

    def _told_ms(self, series: Series) -> int:
        """As-of times by then are predicted no more: the label join was told so."""
        return self._marks.until_ms(series.key.stream, series.standing.source, series.key.interval)

    # Promotions

    def _promote_stored(self, key: SeriesKey) -> None:
        """Take in what the stores know of a series that is new here; there is no row yet to predict."""
        if key in self._targets:
            return
        self._targets[key] = {}
        for promoted in self._stored.promotions(key):
            try:
                self._on_promotion(promoted)
            except ContractError:
                continue  # the log holds it too, where it is put aside

    def _on_promotion(self, promoted: ModelPromoted) -> list[Output]:
        if not is_arm(promoted.alias):
            message = (
                f"an alias under which a version is scored must look like {ARM_FORM}, was {promoted.alias!r}"
            )
            raise InvariantError(message)
        key = SeriesKey(stream=promoted.stream, instrument=promoted.instrument, interval=promoted.interval)
        self._promote_stored(key)
        which = target_of(key, promoted.horizon, promoted.alias)
        target = self._targets[key].get(which)
        if target is None:
            stored_ms = self._stored.last_predicted_ms(which)
            target = TargetState(which, Tally(stored_ms=stored_ms, predicted_ms=stored_ms))
        if target.promotions.find(identity(promoted)) is not None:
            return []
        self._check(promoted)
        start = self._start(target, promoted)
        found = self._judged(target, self._rows.unpredicted(key), more=[start])
        refuse_bad([found])
        self._put_target(target)
        if self._early.get(which, {}).pop(identity(promoted), None) is not None:
            self._changes.drop(("record", *target_parts(which), *identity(promoted)))
        target.promotions.add(start)
        target.tally.n_promotions += 1
        self._note(target)
        self._note_start(target, start)
        standing = self._rows.standing(key, promoted.feature_spec_hash)
        if standing is None:
            return []  # a replay may hold the record already, further on
        outputs = self._recorded(target, source=standing.source, known_time_ms=standing.known_ms)
        return outputs + self._taken(target, found)

    def _put_target(self, target: TargetState) -> None:
        """Take a target in, in the order in which a restored operator has them too."""
        targets = self._targets.setdefault(series_of(target.key), {})
        targets[target.key] = target
        in_order = sorted(targets.values(), key=lambda one: place_of(one.key))
        self._targets[series_of(target.key)] = {one.key: one for one in in_order}

    def _start(self, target: TargetState, promoted: ModelPromoted) -> Start:
        """From when on a promotion predicts that is read now."""
        number, interval = target.tally.n_promotions, promoted.interval
        early = self._early.get(target.key, {}).get(identity(promoted))
        record = self._stored.record(promoted) if early is None else early
        if record is not None:
            return Start(
                promoted=promoted,
                number=number,
                from_ms=record.event_time_ms,
                after_ms=target.predicted_ms,
                n_let_go=record.n_let_go,
                is_recorded=early is not None,
            )
        series = self._rows.of_features(series_of(target.key), promoted.feature_spec_hash)
        free = Free(
            began_ms=None if series is None else series.standing.began_ms,
            newest_ms=NEVER_MS if series is None else series.standing.newest_ms,
            let_go_ms=NEVER_MS if series is None else max(series.standing.let_go_ms, self._told_ms(series)),
            predicted_ms=target.predicted_ms,
        )
        effective_ms = promoted.effective_from_ms
        return Start(
            promoted=promoted,
            number=number,
            from_ms=free.start_ms(effective_ms, interval),
            after_ms=target.predicted_ms,
            n_let_go=free.n_lost(effective_ms, interval),
        )

    def _on_record(self, record: PromotionTookEffect) -> None:
        """Obey a recorded start: the first one holds."""
        series = SeriesKey(stream=record.stream, instrument=record.instrument, interval=record.interval)
        which = target_of(series, record.horizon, record.alias)
        target = self._targets.get(series, {}).get(which)
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
            self._changes.add(
                ("record", *target_parts(which), *identity(record)), lambda: msgspec.json.encode(record)
            )

    def _recorded(self, target: TargetState, *, source: str, known_time_ms: int) -> list[Output]:
        """Records of the starts that nobody has recorded yet."""
        outputs: list[Output] = []
        for start in target.promotions.unrecorded():
            record = record_of(start, source=source, known_time_ms=known_time_ms)
            start.is_recorded = True
            self._note_start(target, start)
            if record.n_let_go:
                self._on_lost(record)
            outputs.append(Output(MODELS_EFFECT, record, record.instrument))
        return outputs

    def _forget_displaced(self, target: TargetState) -> None:
        if len(target.promotions) < 2:
            return
        key, decided_ms = series_of(target.key), target.tally.decided_ms
        gone = target.promotions.forget_displaced(lambda features: self._rows.read_ms(key, features))
        for start in gone:
            self._changes.drop(_start_key(target, start))
            if not target.promotions.takes(start.promoted.feature_spec_hash):
                decided_ms.pop(start.promoted.feature_spec_hash, None)
        if gone:
            self._note(target)
            for start in target.promotions:
                self._note_start(target, start)

    # Decisions

    def _judged(
        self, target: TargetState, rows: Iterable[FeaturesComputed], *, more: Iterable[Start] = ()
    ) -> Judged:
        return judged(
            target,
            rows,
            decide=self._decide,
            has_other_features=self._rows.has_other_features,
            more=more,
        )

    def _taken(self, target: TargetState, found: Judged) -> list[Output]:
        tally = target.tally
        tally.n_mismatched += len(found.mismatches)
        for row, promoted in found.mismatches:
            if self._is_news("features", promoted, row.feature_spec_hash):
                self._on_mismatch(row, promoted)
        tally.n_failed += len(found.failures)
        for row, promoted, error in found.failures:
            target.note_decided(row)
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
            self._note(target)
        return [Output(PREDICTIONS, prediction, prediction.instrument) for prediction in found.predictions]

    def _is_news(self, what: str, promoted: ModelPromoted, features: str) -> bool:
        """Whether this was not reported of a version yet."""
        told = (what, promoted.model_version, features)
        is_news = told not in self._reported
        self._reported.add(told)
        return is_news

    # Progress

    def _on_mark(self, topic: Topic, event: WatermarkAdvanced) -> list[Output]:
        """Say how far predictions are, where a watermark moved that on."""
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
        is_one = passed.every_arm_ms == passed.champions_ms
        progress = PredictionsAdvanced(
            event_time_ms=passed.champions_ms,
            known_time_ms=max(event.known_time_ms, passed.champions_ms),
            source=event.source,
            stream=event.stream,
            n_kept_bars=self._n_kept,
            last_instrument=None if last is None else last.instrument,
            last_interval=None if last is None else last.interval,
            last_horizon=None if last is None else last.horizon,
            last_as_of_ms=None if last is None else last.event_time_ms,
            last_arm=CHAMPION if last is None else last.arm,
            last_feature_spec_hash=None if last is None else last.feature_spec_hash,
            every_arm_ms=None if is_one else max(passed.every_arm_ms, -END_OF_TIME_MS),
        )
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

    def _note(self, target: TargetState) -> None:
        self._changes.put(("target", *target_parts(target.key)), lambda: msgspec.json.encode(target.tally))

    def _note_start(self, target: TargetState, start: Start) -> None:
        self._changes.put(_start_key(target, start), lambda: msgspec.json.encode(start))

    def _note_marks(self, stream: str, source: str, *, is_new: bool) -> None:
        if is_new:
            self._changes.put(("marks", stream, source), lambda: encode(self._marks.of(stream, source)))

    def changes(self) -> list[StateChange]:
        """What changed of rows, targets, promotions and watermarks."""
        return [StateChange(key, value) for key, value in self._changes.take()]

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Take over a state.

        Raises:
            SnapshotMismatchError: If it is not one of this operator and release.
        """
        self._changes = self._rows.changes = StateChanges()
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
                which = target_key(stream, rest)
                self._put_target(TargetState(which, msgspec.json.decode(value, type=Tally)))
            case "promotion":
                which = target_key(stream, rest)
                start = msgspec.json.decode(value, type=Start)
                self._targets[series_of(which)][which].promotions.add(start)
            case "record":
                record = msgspec.json.decode(value, type=PromotionTookEffect)
                self._early.setdefault(target_key(stream, rest), {})[identity(record)] = record
            case "marks":
                self._marks.restore(stream, rest[0], value, may_await_vectors=rest[0] in self._joined_sources)
            case "last":
                self._last[stream] = msgspec.json.decode(value, type=PredictionMade)
            case _:
                message = f"expected a key of the scoring job, was {kind!r}"
                raise ValueError(message)

    def forget(self, stream: str) -> None:
        """Drop what is held of a run that ended."""
        self._rows.forget(stream)
        for key in [key for key in self._targets if key.stream == stream]:
            for target in self._targets.pop(key).values():
                self._changes.drop(("target", *target_parts(target.key)))
                for start in target.promotions:
                    self._changes.drop(_start_key(target, start))
        for which in [which for which in self._early if which.stream == stream]:
            for held in self._early.pop(which):
                self._changes.drop(("record", *target_parts(which), *held))
        for source in self._marks.forget(stream):
            self._changes.drop(("marks", stream, source))
        if self._last.pop(stream, None) is not None:
            self._changes.drop(("last", stream))

    def newest(self) -> Iterable[Event]:
        """The newest prediction of every target."""
        return [target.tally.newest for target in self._all_targets() if target.tally.newest is not None]


def _start_key(target: TargetState, start: Start) -> tuple[Any, ...]:
    return ("promotion", *target_parts(target.key), start.number)

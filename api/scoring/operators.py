"""The state machine that predicts: which row is scored, by which champion, and once.

Pure: it is handed the decision as a callable and knows neither models nor clocks.

Rules, per target (stream, instrument, interval, horizon):

1. A row is scored by the promotion that :mod:`.starts` says, once. A live promotion takes effect at the
   first as-of time that has no prediction yet; that time is recorded on ``models.effect.v1``, and
   replays obey it.
2. As-of times only grow: what is not newer than the newest predicted one, published by this job
   or stored by an earlier log, is never predicted again.
3. A promotion that comes after its rows finds those that are kept: those of the last ``n_kept`` bars before
   the source's watermark, fewer where a partition holds many series. What went before is counted in the
   record of the promotion that would have predicted it.
4. A row of an instrument with companions is its vector; its market features alone are passed over.
5. A row whose features are not those of its champion is left unscored and counted; a later
   champion that takes them still scores it.
6. How far predictions are is said to the label join (``progress.scoring.v1``), each quarter of an hour of
   the stream's time, per source: an older row than ``n_kept`` bars before that is never predicted.

So predictions do not depend on how the topics interleave, given the recorded starts. The runtime reads
promotions and their records to their end before any row.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from api.scoring.progress import Marks
from api.scoring.rows import NEVER_MS, Names, PackedRow, Series, SeriesKey, Standing, packed_row
from api.scoring.starts import Free, Identity, Promotions, Start, Tally, identity, record_of
from schemas.artifacts import CHAMPION
from schemas.errors import ContractError, SnapshotMismatchError
from schemas.events import (
    Event,
    FeaturesComputed,
    ModelPromoted,
    PredictionMade,
    PredictionsAdvanced,
    PromotionTookEffect,
    VectorComputed,
    WatermarkAdvanced,
)
from schemas.instruments import parse_instrument
from schemas.targets import Target
from schemas.time import Interval
from schemas.topics import FEATURES_VECTOR, MODELS_EFFECT, PREDICTIONS, PROGRESS_SCORING, Topic
from stream_processors.operators.changing import Changes, encode
from stream_processors.operators.protocols import Change, Output

#: Rows of a series: enough for a champion that is promoted while rows flow, and at most a kilobyte each.
N_KEPT = 64
#: Rows of all series of a partition together: some 32 MB.
MOST_ROWS = 32_768

Decide = Callable[[FeaturesComputed, ModelPromoted], PredictionMade]
Mismatch = Callable[[FeaturesComputed, ModelPromoted], None]
Check = Callable[[ModelPromoted], None]
Lost = Callable[[PromotionTookEffect], None]

_STATE_VERSION = "scoring/2"


class Stored(NamedTuple):
    """What the durable stores know, which an emptied log no longer does; asked once per series or target.

    Attributes:
        last_predicted_ms: The newest as-of time of a target that is stored, or None.
        promotions: The champions of a series that are known already, in the order of the ledger.
        record: From when on a promotion predicted, or None where that is not stored.
    """

    last_predicted_ms: Callable[[Target], int | None] = lambda _target: None
    promotions: Callable[[SeriesKey], Iterable[ModelPromoted]] = lambda _series: ()
    record: Callable[[ModelPromoted], PromotionTookEffect | None] = lambda _promoted: None


class _TargetState:
    """The promotions of a target, and how far it is predicted."""

    def __init__(self, key: Target, tally: Tally, starts: Iterable[Start] = ()) -> None:
        self.key = key
        self.tally = tally
        self.promotions = Promotions(starts)

    @property
    def predicted_ms(self) -> int:
        """As-of times by then are predicted."""
        return NEVER_MS if self.tally.predicted_ms is None else self.tally.predicted_ms


class _Judged(NamedTuple):
    """What the champions say about some rows of a target."""

    predictions: list[PredictionMade]
    mismatches: list[tuple[FeaturesComputed, ModelPromoted]]


class ScoringOperator:
    """Predicts each warm row of one partition once, by the champion of its time.

    Args:
        decide: What a champion says about a row; a function of its arguments.
        stored: What an emptied log no longer knows.
        check: Raises InvariantError for a promotion that cannot be served; the champion before it goes on.
        is_own: Whether an instrument's rows lie in this partition: promotions are read by all partitions.
        on_mismatch: Told the first time a champion meets features that are not its own.
        on_lost: Told of a promotion that came too late for some rows.
        n_kept: For how many bars a row is kept for a champion that is promoted later.
        most_rows: How many rows of all series are kept.
        joined: The instruments with companions, whose rows are vectors.
    """

    def __init__(
        self,
        *,
        decide: Decide,
        stored: Stored | None = None,
        check: Check = lambda _promoted: None,
        is_own: Callable[[str], bool] = lambda _instrument: True,
        on_mismatch: Mismatch = lambda _row, _promoted: None,
        on_lost: Lost = lambda _record: None,
        n_kept: int = N_KEPT,
        most_rows: int = MOST_ROWS,
        joined: frozenset[str] = frozenset(),
    ) -> None:
        self._decide = decide
        self._stored = Stored() if stored is None else stored
        self._check = check
        self._is_own = is_own
        self._on_mismatch = on_mismatch
        self._on_lost = on_lost
        self._n_kept = n_kept
        self._most_rows = most_rows
        self._joined = joined
        self._joined_sources = {parse_instrument(name).venue.lower() for name in joined if is_own(name)}
        self._series: dict[SeriesKey, Series] = {}
        self._targets: dict[SeriesKey, dict[Interval, _TargetState]] = {}
        self._early: dict[Target, dict[Identity, PromotionTookEffect]] = {}
        self._marks = Marks(n_kept=n_kept)
        self._last: dict[str, PredictionMade] = {}
        self._names = Names()
        self._reported: set[tuple[str, str]] = set()
        self._changes = Changes()
        self._changes.put(("version", ""), encode(_STATE_VERSION))

    @property
    def n_mismatched(self) -> int:
        """How many rows met a champion of other features."""
        return sum(
            target.tally.n_mismatched for targets in self._targets.values() for target in targets.values()
        )

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
                if known.alias != CHAMPION or not self._is_own(known.instrument):
                    return []
                return self._on_promotion(known)
            case PromotionTookEffect():
                if known.alias == CHAMPION and self._is_own(known.instrument):
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
        is_joined = row.instrument in self._joined
        if isinstance(row, VectorComputed) is not is_joined:
            if is_joined:
                self._note_marks(
                    row.stream, row.source, is_new=self._marks.await_vectors(row.stream, row.source)
                )
            return []
        key = SeriesKey(stream=row.stream, instrument=row.instrument, interval=row.interval)
        standing = self._standing(key)
        if standing is not None and row.event_time_ms <= standing.newest_ms:
            return []
        self._promote_stored(key)
        targets = list(self._targets[key].values())
        # Changes nothing yet, so that a row that cannot be decided leaves the state as it was.
        found = [self._judged(target, [row]) for target in targets] if row.is_warm else []
        self._keep(key, row)
        outputs: list[Output] = []
        for number, target in enumerate(targets):
            outputs += self._recorded(target, source=row.source, known_time_ms=row.known_time_ms)
            if found:
                outputs += self._taken(target, found[number])
            self._forget_displaced(target)
        return outputs

    def _standing(self, key: SeriesKey) -> Standing | None:
        series = self._series.get(key)
        return None if series is None else series.standing

    def _keep(self, key: SeriesKey, row: FeaturesComputed) -> None:
        as_of_ms = row.event_time_ms
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(key, Standing(row.source, as_of_ms, row.known_time_ms))
        standing, parts = series.standing, _parts(key)
        standing.newest_ms, standing.known_ms, standing.source = as_of_ms, row.known_time_ms, row.source
        if row.is_warm:
            standing.began_ms = as_of_ms if standing.began_ms is None else standing.began_ms
            names = tuple(row.values)
            if self._names.remember(key.stream, names):
                self._changes.put(("names", key.stream, self._names.digest(names)), encode(names))
            packed = packed_row(row, self._names)
            series.keep(as_of_ms, packed)
            self._changes.add(("row", *parts, as_of_ms), packed)
        until_ms = max(as_of_ms - self._n_kept * key.interval.milliseconds, self._told_ms(series))
        for gone_ms in series.let_go(until_ms, n_most=self._allowance()):
            self._changes.drop(("row", *parts, gone_ms))
        self._changes.put(("series", *parts), lambda: encode(standing))

    def _told_ms(self, series: Series) -> int:
        """As-of times by then are predicted no more: the label join was told so."""
        return self._marks.until_ms(series.key.stream, series.standing.source, series.key.interval)

    def _allowance(self) -> int:
        """How many rows of a series are kept."""
        return max(1, min(self._n_kept, self._most_rows // len(self._series)))

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
        key = SeriesKey(stream=promoted.stream, instrument=promoted.instrument, interval=promoted.interval)
        self._promote_stored(key)
        which = _target_of(key, promoted.horizon)
        target = self._targets[key].get(promoted.horizon)
        if target is None:
            target = _TargetState(which, Tally(predicted_ms=self._stored.last_predicted_ms(which)))
        if target.promotions.find(identity(promoted)) is not None:
            return []
        self._check(promoted)
        start = self._start(target, promoted)
        series = self._series.get(key)
        rows = (
            ()
            if series is None
            else series.after(max(target.predicted_ms, self._told_ms(series)), self._names)
        )
        found = self._judged(target, rows, more=[start])
        self._put_target(target)
        if self._early.get(which, {}).pop(identity(promoted), None) is not None:
            self._changes.drop(("record", *_target_parts(which), *identity(promoted)))
        target.promotions.add(start)
        target.tally.n_promotions += 1
        self._note(target)
        self._note_start(target, start)
        if series is None:
            return []  # a replay may hold the record already, further on
        outputs = self._recorded(
            target, source=series.standing.source, known_time_ms=series.standing.known_ms
        )
        return outputs + self._taken(target, found)

    def _put_target(self, target: _TargetState) -> None:
        """Take a target in, in the order of horizons, in which a restored operator has them too."""
        series = _series_of(target.key)
        targets = self._targets.get(series, {}) | {target.key.horizon: target}
        self._targets[series] = dict(sorted(targets.items()))

    def _start(self, target: _TargetState, promoted: ModelPromoted) -> Start:
        """From when on a promotion predicts that is read now."""
        number, interval = target.tally.n_promotions, promoted.interval
        early = self._early.get(target.key, {}).get(identity(promoted))
        record = self._stored.record(promoted) if early is None else early
        if record is not None:
            return Start(
                promoted=promoted,
                number=number,
                from_ms=record.event_time_ms,
                n_let_go=record.n_let_go,
                is_recorded=early is not None,
            )
        series = self._series.get(_series_of(target.key))
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
            n_let_go=free.n_lost(effective_ms, interval),
        )

    def _on_record(self, record: PromotionTookEffect) -> None:
        """Obey a recorded start: the first one holds."""
        series = SeriesKey(stream=record.stream, instrument=record.instrument, interval=record.interval)
        which = _target_of(series, record.horizon)
        target = self._targets.get(series, {}).get(record.horizon)
        start = None if target is None else target.promotions.find(identity(record))
        if target is not None and start is not None:
            if not start.is_recorded:
                start.from_ms, start.n_let_go, start.is_recorded = record.event_time_ms, record.n_let_go, True
                self._note_start(target, start)
            return
        if target is not None and target.promotions.has_displaced(
            record.effective_from_ms, target.predicted_ms
        ):
            return
        held = self._early.setdefault(which, {})
        if identity(record) not in held:
            held[identity(record)] = record
            self._changes.add(
                ("record", *_target_parts(which), *identity(record)), lambda: msgspec.json.encode(record)
            )

    def _recorded(self, target: _TargetState, *, source: str, known_time_ms: int) -> list[Output]:
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

    def _forget_displaced(self, target: _TargetState) -> None:
        for start in target.promotions.forget_displaced(target.predicted_ms):
            self._changes.drop(_start_key(target, start))

    # Decisions

    def _judged(
        self, target: _TargetState, rows: Iterable[FeaturesComputed], *, more: Iterable[Start] = ()
    ) -> _Judged:
        found = _Judged([], [])
        for row in rows:
            if row.event_time_ms <= target.predicted_ms:
                continue
            promoted = target.promotions.at(row.event_time_ms, more=more)
            if promoted is None:
                continue
            if row.feature_spec_hash == promoted.feature_spec_hash:
                found.predictions.append(self._decide(row, promoted))
            else:
                found.mismatches.append((row, promoted))
        return found

    def _taken(self, target: _TargetState, found: _Judged) -> list[Output]:
        target.tally.n_mismatched += len(found.mismatches)
        for row, promoted in found.mismatches:
            pair = (promoted.model_version, row.feature_spec_hash)
            if pair not in self._reported:
                self._reported.add(pair)
                self._on_mismatch(row, promoted)
        if found.predictions:
            newest = found.predictions[-1]
            target.tally.newest, target.tally.predicted_ms = newest, newest.event_time_ms
            self._last[newest.stream] = newest
            self._changes.put(("last", newest.stream), lambda: msgspec.json.encode(newest))
        if found.predictions or found.mismatches:
            self._note(target)
        return [Output(PREDICTIONS, prediction, prediction.instrument) for prediction in found.predictions]

    # Progress

    def _on_mark(self, topic: Topic, event: WatermarkAdvanced) -> list[Output]:
        """Say how far predictions are, where a watermark moved that on."""
        said_ms = event.event_time_ms
        is_of_vectors = topic.name == FEATURES_VECTOR.name
        is_new = self._marks.advance(event.stream, event.source, said_ms, is_of_vectors=is_of_vectors)
        self._note_marks(event.stream, event.source, is_new=is_new)
        passed_ms = self._marks.newly_passed_ms(event.stream, event.source) if is_new else None
        if passed_ms is None:
            return []
        last = self._last.get(event.stream)
        progress = PredictionsAdvanced(
            event_time_ms=passed_ms,
            known_time_ms=max(event.known_time_ms, passed_ms),
            source=event.source,
            stream=event.stream,
            n_kept_bars=self._n_kept,
            last_instrument=None if last is None else last.instrument,
            last_interval=None if last is None else last.interval,
            last_horizon=None if last is None else last.horizon,
            last_as_of_ms=None if last is None else last.event_time_ms,
        )
        return [Output(PROGRESS_SCORING, progress, None)]

    # State

    def _note(self, target: _TargetState) -> None:
        self._changes.put(("target", *_target_parts(target.key)), lambda: msgspec.json.encode(target.tally))

    def _note_start(self, target: _TargetState, start: Start) -> None:
        self._changes.put(_start_key(target, start), lambda: msgspec.json.encode(start))

    def _note_marks(self, stream: str, source: str, *, is_new: bool) -> None:
        if is_new:
            self._changes.put(("marks", stream, source), lambda: encode(self._marks.of(stream, source)))

    def changes(self) -> list[Change]:
        """What changed of rows, targets, promotions and watermarks."""
        return [Change(key, value) for key, value in self._changes.take()]

    def restore(self, entries: Mapping[bytes, bytes]) -> None:
        """Take over a state.

        Raises:
            SnapshotMismatchError: If it is not one of this operator and release.
        """
        self._changes = Changes()
        try:
            held = sorted(
                ((tuple(msgspec.msgpack.decode(key)), value) for key, value in entries.items()), key=_order
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
                self._names.remember(stream, tuple(msgspec.msgpack.decode(value, type=list[str])))
            case "series":
                series = _series_key(stream, rest)
                self._series[series] = Series(series, msgspec.msgpack.decode(value, type=Standing))
                self._targets.setdefault(series, {})
            case "row":
                msgspec.msgpack.decode(value, type=PackedRow)
                self._series[_series_key(stream, rest)].keep(rest[2], value)
            case "target":
                which = _target_key(stream, rest)
                self._put_target(_TargetState(which, msgspec.json.decode(value, type=Tally)))
            case "promotion":
                which = _target_key(stream, rest)
                start = msgspec.json.decode(value, type=Start)
                self._targets[_series_of(which)][which.horizon].promotions.add(start)
            case "record":
                record = msgspec.json.decode(value, type=PromotionTookEffect)
                self._early.setdefault(_target_key(stream, rest), {})[identity(record)] = record
            case "marks":
                self._marks.restore(stream, rest[0], value, may_await_vectors=rest[0] in self._joined_sources)
            case "last":
                self._last[stream] = msgspec.json.decode(value, type=PredictionMade)
            case _:
                message = f"expected a key of the scoring job, was {kind!r}"
                raise ValueError(message)

    def forget(self, stream: str) -> None:
        """Drop what is held of a run that ended."""
        self._forget_rows(stream)
        for key in [key for key in self._targets if key.stream == stream]:
            for target in self._targets.pop(key).values():
                self._changes.drop(("target", *_target_parts(target.key)))
                for start in target.promotions:
                    self._changes.drop(_start_key(target, start))
        for which in [which for which in self._early if which.stream == stream]:
            for held in self._early.pop(which):
                self._changes.drop(("record", *_target_parts(which), *held))
        for source in self._marks.forget(stream):
            self._changes.drop(("marks", stream, source))
        if self._last.pop(stream, None) is not None:
            self._changes.drop(("last", stream))

    def _forget_rows(self, stream: str) -> None:
        for key in [key for key in self._series if key.stream == stream]:
            series = self._series.pop(key)
            self._changes.drop(("series", *_parts(key)))
            for as_of_ms in series.as_of_times():
                self._changes.drop(("row", *_parts(key), as_of_ms))
        for digest in self._names.forget(stream):
            self._changes.drop(("names", stream, digest))

    def newest(self) -> Iterable[Event]:
        """The newest prediction of every target."""
        return [
            target.tally.newest
            for targets in self._targets.values()
            for target in targets.values()
            if target.tally.newest is not None
        ]


#: In which order entries are restored: what others build on comes first.
_KINDS = ("version", "names", "series", "row", "target", "promotion", "record", "marks", "last")


def _order(entry: tuple[tuple[Any, ...], bytes]) -> tuple[int, tuple[Any, ...]]:
    key, _ = entry
    return _KINDS.index(key[0]), key[1:]


def _parts(key: SeriesKey) -> tuple[str, str, str]:
    return key.stream, key.instrument, str(key.interval)


def _target_of(series: SeriesKey, horizon: Interval) -> Target:
    return Target(series.stream, series.instrument, series.interval, horizon)


def _series_of(target: Target) -> SeriesKey:
    return SeriesKey(stream=target.stream, instrument=target.instrument, interval=target.interval)


def _target_parts(target: Target) -> tuple[str, str, str, str]:
    """A target as it stands in keys of the state."""
    return target.stream, target.instrument, str(target.interval), str(target.horizon)


def _start_key(target: _TargetState, start: Start) -> tuple[Any, ...]:
    return ("promotion", *_target_parts(target.key), start.number)


def _series_key(stream: str, rest: list[Any]) -> SeriesKey:
    return SeriesKey(stream=stream, instrument=rest[0], interval=Interval(rest[1]))


def _target_key(stream: str, rest: list[Any]) -> Target:
    return _target_of(_series_key(stream, rest), Interval(rest[2]))

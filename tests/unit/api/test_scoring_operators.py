"""The state machine that predicts: its rules one by one, and its laws over drawn logs."""

import copy
import hashlib
from collections.abc import Callable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.scoring.operators import ScoringOperator
from api.scoring.targets import StoredScoringState
from schemas.errors import InvariantError, NotReadyError, SnapshotMismatchError, StateError
from schemas.events import (
    Event,
    FeaturesComputed,
    ModelPromoted,
    PredictionMade,
    PredictionsAdvanced,
    PromotionTookEffect,
    SourceFellSilent,
    VectorComputed,
    WatermarkAdvanced,
)
from schemas.targets import Target
from schemas.topics import (
    FEATURES_MARKET,
    FEATURES_VECTOR,
    MODELS_EFFECT,
    MODELS_EVENT,
    PREDICTIONS,
    PROGRESS_SCORING,
)
from tests.fixtures.keeping import keep, kept
from tests.fixtures.operators import interleaved
from tests.unit.api import events
from tests.unit.api.events import H1, INSTRUMENT, M15, QUARTER_MS, prediction

AlongTarget = dict[str, list[PredictionMade]]
STREAM = "replay-test"


def ms(tenths: int) -> int:
    """A time in tenths of a bar: 10 is the end of the first bar."""
    return tenths * QUARTER_MS // 10


def features(tenths: int, **options) -> FeaturesComputed:
    return events.features(ms(tenths), **options)


def promotion(tenths: int, **options) -> ModelPromoted:
    return events.promotion(ms(tenths), **options)


def decided(row: FeaturesComputed, promoted: ModelPromoted) -> PredictionMade:
    """A decision that differs with every row and every version."""
    digest = hashlib.sha256(f"{row.event_time_ms} {row.values} {promoted.model_version}".encode()).digest()
    return prediction(
        row.event_time_ms,
        horizon=promoted.horizon,
        version=promoted.model_version,
        probability_up=digest[0] / 255,
        close=row.close,
        stream=row.stream,
        spec=row.feature_spec_hash,
        arm=promoted.alias,
    )


def operator(**options) -> ScoringOperator:
    return ScoringOperator(decide=decided, **options)


TOPICS = {ModelPromoted: MODELS_EVENT, PromotionTookEffect: MODELS_EFFECT, VectorComputed: FEATURES_VECTOR}
OUTPUTS = {
    PredictionMade: (PREDICTIONS, INSTRUMENT),
    PromotionTookEffect: (MODELS_EFFECT, INSTRUMENT),
    PredictionsAdvanced: (PROGRESS_SCORING, None),
}


def outputs(machine: ScoringOperator, log: Sequence[Event]) -> list[Event]:
    """Everything that follows, each on its topic."""
    found: list[Event] = []
    for event in log:
        for output in machine.step(TOPICS.get(type(event), FEATURES_MARKET), event):
            assert (output.topic, output.key) == OUTPUTS[type(output.event)]
            found.append(output.event)
    return found


def stepped(machine: ScoringOperator, log: Sequence[Event]) -> list[PredictionMade]:
    """The predictions alone."""
    return [one for one in outputs(machine, log) if isinstance(one, PredictionMade)]


def records_of(found: Sequence[Event]) -> list[PromotionTookEffect]:
    return [one for one in found if isinstance(one, PromotionTookEffect)]


def progress_of(found: Sequence[Event]) -> list[PredictionsAdvanced]:
    return [one for one in found if isinstance(one, PredictionsAdvanced)]


def as_of(made: Sequence[Event]) -> list[int]:
    return [one.event_time_ms * 10 // QUARTER_MS for one in made]


def by_arm(made: Sequence[PredictionMade]) -> AlongTarget:
    found: AlongTarget = {}
    for one in made:
        found.setdefault(one.arm, []).append(one)
    return found


def by_target(made: Sequence[PredictionMade]) -> AlongTarget:
    found: AlongTarget = {}
    for one in made:
        found.setdefault(one.horizon, []).append(one)
    return found


# Its rules


def vector(as_of_ms: int, spec: str = "vector-a") -> VectorComputed:
    """The row of an instrument with companions."""
    row = msgspec.structs.asdict(features(as_of_ms, spec=spec))
    return VectorComputed(**row, joined={"ETH-USDT.BINANCE": row["event_time_ms"]}, n_late=0)


def test_champion_takes_the_rows_that_have_its_features():
    """An instrument with companions was predicted from its vectors alone, whatever its champion took."""
    joined = {INSTRUMENT: "binance"}
    log = [features(20), features(30), vector(20), vector(30)]
    for spec, taken in (("spec-a", log[:2]), ("vector-a", log[2:])):
        promoted = promotion(20, spec=spec)
        made = [decided(row, promoted) for row in taken]
        assert stepped(operator(joined=joined), [promoted, *log]) == made


def test_instrument_without_companions_is_predicted_from_its_market_features_alone():
    machine = operator(joined={"ETH-USDT.BINANCE": "binance"})
    assert as_of(stepped(machine, [promotion(20), vector(20), features(30)])) == [30]


def test_vectors_wait_for_their_champion_through_a_restart():
    machine = operator(joined={INSTRUMENT: "binance"})
    stepped(machine, [vector(20), vector(30)])
    again = operator(joined={INSTRUMENT: "binance"})
    again.restore(kept(machine))
    assert as_of(stepped(again, [promotion(20, spec="vector-a")])) == [20, 30]


def test_vector_of_other_features_than_the_champions_is_counted_and_left():
    told = []
    machine = operator(joined={INSTRUMENT: "binance"}, on_mismatch=lambda *pair: told.append(pair))
    log = [promotion(20, spec="vector-a"), features(20), vector(20, spec="other companions")]
    assert stepped(machine, log) == []
    assert (machine.n_mismatched, len(told)) == (1, 1)


def test_rows_before_the_effective_time_are_not_predicted():
    #  rows        10   20   30
    #  champion         ^ from 20
    assert as_of(stepped(operator(), [promotion(20), features(10), features(20), features(30)])) == [20, 30]


def test_a_promotion_that_comes_late_predicts_the_rows_that_wait():
    assert as_of(stepped(operator(), [features(10), features(20), features(30), promotion(20)])) == [20, 30]


def test_a_row_is_scored_by_the_newest_champion_of_its_time():
    #  rows        10   20   30   40
    #  champions   a         b from 30
    made = stepped(
        operator(),
        [promotion(10, version="a"), promotion(30, version="b"), *map(features, (10, 20, 30, 40))],
    )
    assert [one.model_version for one in made] == ["a", "a", "b", "b"]


def test_of_two_champions_from_the_same_time_the_later_in_the_log_scores():
    made = stepped(operator(), [promotion(10, version="a"), promotion(10, version="b"), features(10)])
    assert [one.model_version for one in made] == ["b"]


def test_a_champion_announced_again_does_not_come_back():
    log = [promotion(10, version="a"), promotion(10, version="b"), promotion(10, version="a"), features(10)]
    assert [one.model_version for one in stepped(operator(), log)] == ["b"]


def test_a_cold_row_is_not_predicted():
    assert not stepped(operator(), [promotion(0), features(10, is_warm=False)])


def test_an_older_row_changes_nothing():
    machine = operator()
    stepped(machine, [promotion(0), features(20)])
    kept(machine)
    assert not stepped(machine, [features(10), features(20)])
    assert not list(machine.changes())


def test_what_an_earlier_log_has_predicted_is_not_predicted_again():
    asked = []

    def last_stored_ms(target: Target) -> int | None:
        asked.append(target.horizon)
        return ms(20) if target.horizon is M15 else None

    machine = operator(stored=StoredScoringState(last_predicted_ms=last_stored_ms))
    made = stepped(machine, [*map(features, (10, 20, 30)), promotion(0), promotion(0, horizon=H1)])
    assert {name: as_of(some) for name, some in by_target(made).items()} == {"15m": [30], "1h": [10, 20, 30]}
    assert asked == [M15, H1]


def test_alias_that_is_no_short_lower_case_name_is_a_bad_message():
    with pytest.raises(InvariantError, match="alias"):
        stepped(operator(), [promotion(0, alias="The Challenger"), features(10)])


def test_a_promotion_of_another_interval_or_stream_predicts_nothing():
    log = [promotion(0, interval=H1), promotion(0, stream="replay-other"), features(10)]
    assert not stepped(operator(), log)


def test_watermark_that_is_not_later_changes_nothing():
    machine = operator()
    kept(machine)
    outputs(machine, [watermark(20)])
    kept(machine)
    assert not outputs(machine, [watermark(20), watermark(10)])
    assert not list(machine.changes())


def test_features_that_are_not_the_champions_are_left_out_counted_and_reported_once():
    reported = []
    machine = operator(on_mismatch=lambda row, promoted: reported.append((row.feature_spec_hash, promoted)))
    promoted = promotion(0)
    log = [promoted, features(10, spec="spec-b"), features(20, spec="spec-b"), features(30)]
    assert as_of(stepped(machine, log)) == [30]
    assert machine.n_mismatched == 2
    assert reported == [("spec-b", promoted)]


def test_a_later_champion_that_takes_the_features_scores_the_rows_that_were_left_out():
    machine = operator()
    stepped(machine, [promotion(0, version="a"), features(10, spec="spec-b"), features(20, spec="spec-b")])
    made = stepped(machine, [promotion(15, version="b", spec="spec-b")])
    assert [(as_of([one]), one.model_version) for one in made] == [([20], "b")]


def bars(n: int, **options) -> list[FeaturesComputed]:
    return [features(10 * (i + 1), **options) for i in range(n)]


def watermark(tenths: int, *, source: str = "binance") -> WatermarkAdvanced:
    return WatermarkAdvanced(event_time_ms=ms(tenths), known_time_ms=ms(tenths), source=source, stream=STREAM)


def test_rows_that_no_champion_came_for_are_let_go_and_counted_in_its_record():
    """Rows beyond 256 went without a word when the first champion was late."""
    #  rows      10 20 30 40 50 60 70 80 90 100, of which 3 are kept
    #  champion           ^ from 45, read after all of them: 50, 60 and 70 are lost
    told = []
    machine = operator(n_kept=3, on_lost=told.append)
    found = outputs(machine, [*bars(10), promotion(45)])
    (record,) = records_of(found)
    assert as_of(found) == [80, 80, 90, 100]
    assert found[0] is record
    assert (record.n_let_go, record.effective_from_ms) == (3, ms(45))
    assert told == [record]


def test_record_states_that_nothing_was_lost_where_a_champion_is_in_time():
    (record,) = records_of(outputs(operator(), [promotion(20), *bars(3)]))
    assert (as_of([record]), record.n_let_go) == ([20], 0)


def test_rows_that_an_earlier_champion_predicted_are_not_counted_as_lost():
    found = outputs(operator(n_kept=2), [promotion(0, version="a"), *bars(9), promotion(10, version="b")])
    assert [(as_of([one]), one.n_let_go) for one in records_of(found)] == [([0], 0), ([100], 0)]


def test_live_promotion_takes_effect_at_the_first_bar_without_a_prediction():
    #  rows        10   20   30 | 40   50
    #  champions   a             b says from 15, and is read after 30
    machine = operator()
    found = outputs(machine, [promotion(0, version="a"), *bars(3), promotion(15, version="b"), *bars(5)])
    assert as_of(records_of(found)) == [0, 40]
    made = [one for one in found if isinstance(one, PredictionMade)]
    assert [one.model_version for one in made] == ["a", "a", "a", "b", "b"]


def test_replay_that_reads_every_promotion_first_obeys_the_recorded_times():
    """A replay predicted 20 and 30 by the promotion that live had read only after them."""
    promotions = [promotion(0, version="a"), promotion(15, version="b")]
    live = outputs(operator(), [promotions[0], *bars(3), promotions[1], *bars(5)])
    replayed = outputs(operator(), [*promotions, *records_of(live), *bars(5)])
    assert replayed == [one for one in live if isinstance(one, PredictionMade)]


def test_log_that_was_emptied_knows_champions_and_their_times_from_the_stores():
    #  a predicted up to 30, b was promoted from 15 and took effect at 40; nothing is announced again
    promotions = [promotion(0, version="a"), promotion(15, version="b")]
    before = outputs(operator(), [promotions[0], *bars(3), promotions[1]])
    records = {one.model_version: one for one in records_of(before)}
    stored = StoredScoringState(
        last_predicted_ms=lambda _target: ms(30),
        promotions=lambda _series: promotions,
        record=lambda promoted: records[promoted.model_version],
    )
    found = outputs(operator(stored=stored), bars(5))
    assert records_of(found) == records_of(before)
    assert [(as_of([one]), one.model_version) for one in found if isinstance(one, PredictionMade)] == [
        ([40], "b"),
        ([50], "b"),
    ]


def test_stored_promotion_that_cannot_be_served_is_left_to_the_log():
    def refusing(promoted: ModelPromoted) -> None:
        message = f"no {promoted.model_version}"
        raise InvariantError(message)

    machine = operator(stored=StoredScoringState(promotions=lambda _series: [promotion(0)]), check=refusing)
    assert outputs(machine, bars(2)) == []


def test_promotions_of_other_partitions_are_not_kept():
    machine = operator(is_own=lambda _instrument: False)
    assert outputs(machine, [promotion(0)]) == []
    assert [key for key in kept(machine) if b"promotion" in key] == []


def test_state_does_not_grow_with_the_number_of_promotions():
    def n_keys(n: int) -> int:
        machine, entries = operator(n_kept=4), dict[bytes, bytes]()
        for i in range(n):
            outputs(machine, [promotion(10 * i, version=f"model-{i}"), features(10 * (i + 1))])
            keep(machine, entries)
        return len(entries)

    assert n_keys(40) == n_keys(20)


def test_displaced_promotion_that_is_announced_again_does_not_come_back():
    machine = operator()
    log = [promotion(0, version="a"), *bars(2), promotion(30, version="b"), *bars(4)]
    outputs(machine, log)
    made = stepped(machine, [promotion(0, version="a"), *bars(6)])
    assert [one.model_version for one in made] == ["b", "b"]


def test_displaced_promotion_that_is_announced_again_predicts_no_row_of_its_successor():
    """Of two promotions of one time both were forgotten; announced again, the first predicted the second's rows."""
    machine = operator()
    log = [promotion(0, version="a"), promotion(0, version="b", spec="spec-b"), promotion(75, version="c")]
    assert stepped(machine, [*log, *bars(7), features(80, is_warm=False)]) == []
    assert stepped(machine, [promotion(0, version="a")]) == []


def test_fewer_rows_are_kept_where_a_partition_holds_many_series():
    machine = operator(n_kept=8, most_rows=12)
    for stream in ("replay-1", "replay-2", "replay-3"):
        outputs(machine, bars(10, stream=stream))
    assert as_of(stepped(machine, [promotion(0, stream="replay-3")])) == [70, 80, 90, 100]


def test_row_leaves_no_trace_in_a_state_that_is_asked_for_after_it_went():
    machine = operator(n_kept=2)
    outputs(machine, bars(50))
    assert len([key for key in kept(machine) if b"\xa3row" in key]) == 2


def test_run_that_ended_is_forgotten():
    machine, entries = operator(), dict[bytes, bytes]()
    outputs(machine, [promotion(0), *bars(3), watermark(30)])
    keep(machine, entries)
    machine.forget(STREAM)
    keep(machine, entries)
    assert len(entries) == 1  # the version of the state's form


# What the label join is told


def test_progress_is_told_each_quarter_of_an_hour_and_names_the_last_prediction():
    found = progress_of(outputs(operator(n_kept=5), [promotion(0), *bars(2), watermark(20), watermark(24)]))
    (told,) = found
    assert (as_of([told]), told.n_kept_bars) == ([20], 5)
    assert (told.last_instrument, told.last_horizon, told.last_as_of_ms) == (INSTRUMENT, M15, ms(20))


def test_progress_before_any_prediction_names_none():
    (told,) = progress_of(outputs(operator(), [watermark(20)]))
    assert told.last_as_of_ms is None


def test_progress_waits_for_the_vectors_of_an_instrument_with_companions():
    machine = operator(joined={INSTRUMENT: "binance"})
    (early,) = progress_of(outputs(machine, [features(10), watermark(10)]))
    assert (as_of([early]), early.every_arm_ms) == ([10], -(2**53))
    (late,) = [one.event for one in machine.step(FEATURES_VECTOR, watermark(10))]
    assert (as_of([late]), late.every_arm_ms) == ([10], None)


def test_progress_of_champions_that_take_vectors_waits_for_these():
    machine = operator(joined={INSTRUMENT: "binance"})
    outputs(machine, [promotion(0, spec="vector-a"), vector(10), features(10)])
    assert progress_of(outputs(machine, [watermark(10)])) == []
    (told,) = [one.event for one in machine.step(FEATURES_VECTOR, watermark(10))]
    assert (as_of([told]), told.every_arm_ms) == ([10], None)


def test_progress_goes_on_where_an_instrument_has_no_companions_any_more():
    """Nobody says any more how far its vectors are, and the label join held the bars for good a week later."""
    before = operator(joined={INSTRUMENT: "binance"})
    found = outputs(before, [features(10), watermark(10)])
    entries = {key: value for key, value in before.changes() if value is not None}
    assert [one.every_arm_ms for one in progress_of(found)] == [-(2**53)]
    after = operator(joined={"ETH-USDT.KRAKEN": "kraken"})
    after.restore(entries)
    assert as_of(progress_of(outputs(after, [watermark(20)]))) == [20]


def test_row_that_the_label_join_was_told_will_not_come_is_not_predicted_by_a_late_promotion():
    #  row 10, then silence; the watermark is at 100 and 4 bars are kept: nothing of by 60 will come
    machine = operator(n_kept=4)
    found = outputs(machine, [features(10), watermark(100), promotion(5)])
    assert [(as_of([one]), one.n_let_go) for one in records_of(found)] == [([70], 1)]
    assert [one for one in found if isinstance(one, PredictionMade)] == []


def test_absence_of_a_source_moves_nothing():
    silent = SourceFellSilent(event_time_ms=ms(10), known_time_ms=ms(10), source="binance", stream=STREAM)
    assert outputs(operator(), [silent]) == []


def test_newest_predictions_survive_a_restore():
    machine = operator()
    made = stepped(machine, [promotion(0), promotion(0, horizon=H1), features(10), features(20)])
    restored = operator()
    restored.restore(kept(machine))
    assert list(restored.newest()) == made[-2:]


def refusing(*aliases: str, error: type[Exception] = InvariantError) -> Callable[..., PredictionMade]:
    """A decision that the versions of some arms cannot make of the row at 20."""

    def decide(row: FeaturesComputed, promoted: ModelPromoted) -> PredictionMade:
        if promoted.alias in aliases and row.event_time_ms == ms(20):
            message = "no such feature"
            raise error(message)
        return decided(row, promoted)

    return decide


def test_a_row_that_nobody_can_decide_leaves_the_state_as_it_was():
    machine = ScoringOperator(decide=refusing("champion", "shadow"))
    stepped(machine, [promotion(0), promotion(0, alias="shadow", version="s"), features(10)])
    kept(machine)
    with pytest.raises(InvariantError):
        stepped(machine, [features(20)])
    assert not list(machine.changes())


@pytest.mark.parametrize("error", [InvariantError, StateError, NotReadyError])
def test_arm_that_fails_is_counted_and_reported_once_and_the_champion_goes_on(error: type[Exception]) -> None:
    told = []
    machine = ScoringOperator(
        decide=refusing("challenger", error=error), on_failure=lambda row, *_: told.append(row)
    )
    log = [promotion(0), promotion(0, alias="challenger", version="c"), *map(features, (10, 20, 30))]
    made = by_arm(stepped(machine, log))
    assert {arm: as_of(some) for arm, some in made.items()} == {
        "champion": [10, 20, 30],
        "challenger": [10, 30],
    }
    assert (machine.n_failed, told) == (1, [features(20)])


def test_every_decision_that_fails_is_told_with_its_target_and_their_number():
    told = []

    def decide(row: FeaturesComputed, promoted: ModelPromoted) -> PredictionMade:
        if promoted.alias == "challenger" and row.event_time_ms >= ms(20):
            message = "no such feature"
            raise InvariantError(message)
        return decided(row, promoted)

    machine = ScoringOperator(
        decide=decide,
        on_failure_count=lambda target, failed, n: told.append((target.arm, failed.row.event_time_ms, n)),
    )
    stepped(machine, [promotion(0), promotion(0, alias="challenger", version="c"), *bars(3)])
    assert told == [("challenger", ms(20), 1), ("challenger", ms(30), 2)]


def test_champion_that_fails_does_not_stop_the_others():
    machine = ScoringOperator(decide=refusing("champion"))
    log = [promotion(0), promotion(0, alias="challenger", version="c"), *map(features, (10, 20, 30))]
    made = by_arm(stepped(machine, log))
    assert as_of(made["challenger"]) == [10, 20, 30]
    assert as_of(made["champion"]) == [10, 30]


def test_champion_that_cannot_decide_the_rows_that_wait_for_it_is_refused_and_the_one_before_goes_on():
    machine = ScoringOperator(decide=refusing("champion"))
    with pytest.raises(InvariantError):
        stepped(machine, [*map(features, (10, 20)), promotion(20)])
    assert as_of(stepped(machine, [promotion(30), features(30)])) == [30]


def test_champion_whose_model_is_gone_ends_the_job():
    machine = ScoringOperator(decide=refusing("champion", error=StateError))
    with pytest.raises(StateError):
        stepped(machine, [promotion(0), features(20)])


@pytest.mark.parametrize("foreign", [b"", b"\xc1", b"{}", b"\x93\xa9scoring/0\x90\x90"])
def test_a_foreign_state_is_refused(foreign):
    machine = operator()
    stepped(machine, [promotion(0), features(10)])
    entries = kept(machine)
    for key in entries:
        with pytest.raises(SnapshotMismatchError):
            operator().restore(entries | {key: foreign})


# Its laws


@st.composite
def rows_and_promotions(draw) -> tuple[list[FeaturesComputed], list[ModelPromoted]]:
    n = draw(st.integers(1, 14))
    rows = [
        features(
            10 * (i + 1),
            is_warm=draw(st.integers(0, 5)) > 0,
            spec=draw(st.sampled_from(["spec-a", "spec-a", "spec-a", "spec-b"])),
            value=draw(st.floats(-1, 1)),
        )
        for i in range(n)
    ]
    promotions = []
    for horizon in (M15, H1):
        effective = sorted(draw(st.lists(st.integers(0, 10 * n), max_size=3)))
        promotions += [
            promotion(
                time_ms,
                version=f"{horizon}-{i}",
                horizon=horizon,
                spec=draw(st.sampled_from(["spec-a", "spec-a", "spec-b"])),
            )
            for i, time_ms in enumerate(effective)
        ]
    return rows, draw(st.permutations(promotions).map(_by_target_in_order))


def _by_target_in_order(promotions: Sequence[ModelPromoted]) -> list[ModelPromoted]:
    waiting = {horizon: [one for one in promotions if one.horizon is horizon] for horizon in (M15, H1)}
    for queue in waiting.values():
        queue.sort(key=lambda one: (one.effective_from_ms, one.model_version))
    return [waiting[one.horizon].pop(0) for one in promotions]


@st.composite
def interleavings_in_time(draw) -> tuple[list[Event], list[FeaturesComputed], list[ModelPromoted]]:
    """A log where every promotion but the first of its target comes before the rows it is for."""
    rows, promotions = draw(rows_and_promotions())
    log: list[Event] = []
    left = list(promotions)
    for row in rows:
        n_due = max(
            (
                i + 1
                for i, one in enumerate(left)
                if one.effective_from_ms <= row.event_time_ms and _is_later(one, promotions)
            ),
            default=0,
        )
        n_taken = draw(st.integers(n_due, len(left)))
        log += left[:n_taken]
        left = left[n_taken:]
        log.append(row)
    return [*log, *left], rows, promotions


def _is_later(promoted: ModelPromoted, promotions: Sequence[ModelPromoted]) -> bool:
    first = next(one for one in promotions if one.horizon is promoted.horizon)
    return first is not promoted


def oracle(rows: Sequence[FeaturesComputed], promotions: Sequence[ModelPromoted]) -> AlongTarget:
    """The rules in one place, over the whole of both topics at once."""
    found: AlongTarget = {}
    for horizon in (M15, H1):
        for row in rows:
            effective = [
                one
                for one in promotions
                if one.horizon is horizon and one.effective_from_ms <= row.event_time_ms
            ]
            if not row.is_warm or not effective:
                continue
            newest = max(one.effective_from_ms for one in effective)
            champion = [one for one in effective if one.effective_from_ms == newest][-1]
            if champion.feature_spec_hash == row.feature_spec_hash:
                found.setdefault(horizon, []).append(decided(row, champion))
    return found


@given(interleavings_in_time())
def test_interleaving_the_topics_changes_no_prediction(drawn):
    log, rows, promotions = drawn
    assert by_target(stepped(operator(), log)) == oracle(rows, promotions)


@st.composite
def any_log(draw) -> list[Event]:
    """Any interleaving, late promotions included."""
    rows, promotions = draw(rows_and_promotions())
    takes_row = draw(st.permutations([True] * len(rows) + [False] * len(promotions)))
    waiting = {True: list(rows), False: list(promotions)}
    return [waiting[kind].pop(0) for kind in takes_row]


@given(any_log())
def test_no_as_of_time_is_predicted_twice_and_they_only_grow(log):
    for made in by_target(stepped(operator(n_kept=2), log)).values():
        assert as_of(made) == sorted(set(as_of(made)))


@given(any_log(), st.data())
def test_a_repeated_event_changes_no_prediction(log, data):
    """Nor the state, but for a promotion that was displaced and forgotten: its start is recorded again."""
    machine, entries = operator(n_kept=2), dict[bytes, bytes]()
    made = []
    for i, event in enumerate(log):
        made += stepped(machine, [event])
        again = log[data.draw(st.integers(0, i))]
        keep(machine, entries)
        assert not stepped(machine, [again])
        assert isinstance(again, ModelPromoted) or not list(machine.changes())
    assert made == stepped(operator(n_kept=2), log)


@st.composite
def live_logs(draw) -> list[Event]:
    """Any interleaving of rows, promotions late and early, and watermarks behind the rows."""
    log: list[Event] = []
    for event in draw(any_log()):
        log.append(event)
        if isinstance(event, FeaturesComputed) and draw(st.booleans()):
            log.append(watermark(event.event_time_ms * 10 // QUARTER_MS))
    return log


def with_starts(rows: Sequence[FeaturesComputed], log: Sequence[Event]) -> AlongTarget:
    """What the recorded starts say: of each row the greatest started promotion, the later one of two."""
    promotions = [one for one in log if isinstance(one, ModelPromoted)]
    starts = {(one.horizon, one.model_version): one.event_time_ms for one in records_of(log)}
    found: AlongTarget = {}
    for horizon in (M15, H1):
        for row in rows:
            started = [
                (one.effective_from_ms, number, one)
                for number, one in enumerate(promotions)
                if one.horizon is horizon
                and starts.get((horizon, one.model_version), 2**62) <= row.event_time_ms
            ]
            champion = max(started, key=lambda one: one[:2])[2] if started else None
            if row.is_warm and champion is not None and champion.feature_spec_hash == row.feature_spec_hash:
                found.setdefault(horizon, []).append(decided(row, champion))
    return found


@given(live_logs(), st.integers(1, 6))
def test_recorded_starts_say_what_was_predicted_live(log, n_kept):
    found = outputs(operator(n_kept=n_kept), log)
    rows = [one for one in log if isinstance(one, FeaturesComputed)]
    made = [one for one in found if isinstance(one, PredictionMade)]
    assert by_target(made) == with_starts(rows, [*log, *records_of(found)])


@given(live_logs(), st.integers(1, 6), st.randoms(use_true_random=False))
def test_replay_predicts_what_was_predicted_live(log, n_kept, chance):
    """Promotions and their records are read before the rows, in any order of the two topics."""
    live = outputs(operator(n_kept=n_kept), log)
    promotions = [one for one in log if isinstance(one, ModelPromoted)]
    known: list[Event] = interleaved(promotions, records_of(live), chance)
    rows = [one for one in log if not isinstance(one, ModelPromoted)]
    again = outputs(operator(n_kept=n_kept), [*known, *rows])
    assert by_target([one for one in again if isinstance(one, PredictionMade)]) == by_target(
        [one for one in live if isinstance(one, PredictionMade)]
    )
    recorded = {(one.horizon, one.model_version) for one in records_of(live)}
    assert [one for one in records_of(again) if (one.horizon, one.model_version) in recorded] == []


@given(live_logs(), st.integers(1, 6))
def test_nothing_is_predicted_that_the_label_join_was_told_will_not_come(log, n_kept):
    told_ms = -(2**62)
    for one in outputs(operator(n_kept=n_kept), log):
        if isinstance(one, PredictionsAdvanced):
            told_ms = one.event_time_ms - n_kept * QUARTER_MS
        elif isinstance(one, PredictionMade):
            assert one.event_time_ms > told_ms


@given(live_logs(), st.data())
def test_snapshot_and_restore_at_any_cut_gives_the_same_later_outputs(log, data):
    cut = data.draw(st.integers(0, len(log)))
    whole, first, second = (operator(n_kept=2) for _ in range(3))
    expected = outputs(whole, log)
    made = outputs(first, log[:cut])
    entries = kept(first)
    second.restore(entries)
    made += outputs(second, log[cut:])
    assert made == expected
    keep(second, entries)
    assert entries == kept(whole)


@given(any_log())
def test_the_inputs_are_left_unchanged_and_two_runs_agree_to_the_byte(log):
    copies = copy.deepcopy(log)
    first, second = operator(), operator()
    assert stepped(first, log) == stepped(second, log)
    assert kept(first) == kept(second)
    assert log == copies

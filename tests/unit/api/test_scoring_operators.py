"""The state machine that predicts: its rules one by one, and its laws over drawn logs."""

import copy
import hashlib
from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.scoring.operators import ScoringOperator, TargetKey
from schemas.errors import InvariantError, SnapshotMismatchError
from schemas.events import (
    Event,
    FeaturesComputed,
    ModelPromoted,
    PredictionMade,
    VectorComputed,
    WatermarkAdvanced,
)
from schemas.topics import FEATURES_MARKET, MODELS_EVENT, PREDICTIONS
from tests.fixtures.keeping import keep, kept
from tests.unit.api.events import H1, INSTRUMENT, M15, features, prediction, promotion

AlongTarget = dict[str, list[PredictionMade]]


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
    )


def operator(**options) -> ScoringOperator:
    return ScoringOperator(decide=decided, **options)


def stepped(machine: ScoringOperator, events: Sequence[Event]) -> list[PredictionMade]:
    made = []
    for event in events:
        topic = MODELS_EVENT if isinstance(event, ModelPromoted) else FEATURES_MARKET
        for output in machine.step(topic, event):
            assert output.topic is PREDICTIONS
            assert output.key == INSTRUMENT
            made.append(output.event)
    return made


def as_of(made: Sequence[PredictionMade]) -> list[int]:
    return [one.features_as_of_ms for one in made]


def by_target(made: Sequence[PredictionMade]) -> AlongTarget:
    found: AlongTarget = {}
    for one in made:
        found.setdefault(one.horizon, []).append(one)
    return found


# Its rules


def vector(as_of_ms: int, spec: str = "spec-a") -> VectorComputed:
    """The row of an instrument with companions."""
    row = msgspec.structs.asdict(features(as_of_ms, spec=spec))
    return VectorComputed(**row, joined={"ETH-USDT.BINANCE": as_of_ms}, n_late=0)


def test_instrument_with_companions_is_predicted_from_its_vectors_alone():
    machine = operator(joined=frozenset({INSTRUMENT}))
    assert stepped(machine, [promotion(20), features(20), features(30)]) == []
    assert as_of(stepped(machine, [vector(20), vector(30)])) == [20, 30]


def test_instrument_without_companions_is_predicted_from_its_market_features_alone():
    machine = operator(joined=frozenset({"ETH-USDT.BINANCE"}))
    assert as_of(stepped(machine, [promotion(20), vector(20), features(30)])) == [30]


def test_vectors_wait_for_their_champion_through_a_restart():
    machine = operator(joined=frozenset({INSTRUMENT}))
    stepped(machine, [vector(20), vector(30)])
    again = operator(joined=frozenset({INSTRUMENT}))
    again.restore(kept(machine))
    assert as_of(stepped(again, [promotion(20)])) == [20, 30]


def test_vector_of_other_features_than_the_champions_is_counted_and_left():
    told = []
    machine = operator(joined=frozenset({INSTRUMENT}), on_mismatch=lambda *pair: told.append(pair))
    assert stepped(machine, [promotion(20), vector(20, spec="other companions")]) == []
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

    def last_stored_ms(target: TargetKey) -> int | None:
        asked.append(target.horizon)
        return 20 if target.horizon is M15 else None

    machine = operator(last_stored_ms=last_stored_ms)
    made = stepped(machine, [*map(features, (10, 20, 30)), promotion(0), promotion(0, horizon=H1)])
    assert {name: as_of(some) for name, some in by_target(made).items()} == {"15m": [30], "1h": [10, 20, 30]}
    assert asked == [M15, H1]


def test_only_the_champion_alias_predicts():
    assert not stepped(operator(), [promotion(0, alias="challenger"), features(10)])


def test_a_promotion_of_another_interval_or_stream_predicts_nothing():
    log = [promotion(0, interval=H1), promotion(0, stream="replay-other"), features(10)]
    assert not stepped(operator(), log)


def test_watermarks_change_nothing():
    machine = operator()
    kept(machine)
    mark = WatermarkAdvanced(event_time_ms=1, known_time_ms=1, source="binance", stream="replay-test")
    assert not stepped(machine, [mark])
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
    assert [(one.features_as_of_ms, one.model_version) for one in made] == [(20, "b")]


def test_rows_wait_in_a_queue_of_bounded_length():
    machine = operator(n_waiting=3)
    assert as_of(stepped(machine, [*map(features, range(10)), promotion(0)])) == [7, 8, 9]


def test_with_a_champion_only_a_few_rows_are_kept_for_a_second_horizon():
    machine = operator(n_waiting=8, n_kept=2)
    stepped(machine, [promotion(0), *map(features, range(10))])
    assert as_of(stepped(machine, [promotion(0, horizon=H1)])) == [8, 9]


def test_a_full_queue_makes_a_state_that_fits_into_a_record():
    machine = operator()
    wide = {f"feature_{i}": 1.0 / (i + 1) for i in range(40)}
    for as_of_ms in range(300):
        stepped(machine, [msgspec.structs.replace(features(as_of_ms), values=wide)])
    assert sum(map(len, kept(machine).values())) < 110_000


def test_newest_predictions_survive_a_restore():
    machine = operator()
    made = stepped(machine, [promotion(0), promotion(0, horizon=H1), features(10), features(20)])
    restored = operator()
    restored.restore(kept(machine))
    assert list(restored.newest()) == made[-2:]


def test_a_row_that_cannot_be_decided_leaves_the_state_as_it_was():
    def refusing(row: FeaturesComputed, promoted: ModelPromoted) -> PredictionMade:
        if promoted.horizon is H1 and row.event_time_ms == 20:
            message = "no such feature"
            raise InvariantError(message)
        return decided(row, promoted)

    machine = ScoringOperator(decide=refusing)
    stepped(machine, [promotion(0), promotion(0, horizon=H1), features(10)])
    kept(machine)
    with pytest.raises(InvariantError):
        stepped(machine, [features(20)])
    assert not list(machine.changes())


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
    for made in by_target(stepped(operator(n_waiting=6, n_kept=2), log)).values():
        assert as_of(made) == sorted(set(as_of(made)))


@given(any_log(), st.data())
def test_a_repeated_event_changes_nothing(log, data):
    machine = operator(n_waiting=6, n_kept=2)
    for i, event in enumerate(log):
        stepped(machine, [event])
        again = log[data.draw(st.integers(0, i))]
        kept(machine)
        assert not stepped(machine, [again])
        assert not list(machine.changes())


@given(any_log(), st.data())
def test_snapshot_and_restore_at_any_cut_gives_the_same_later_outputs(log, data):
    cut = data.draw(st.integers(0, len(log)))
    whole, first, second = (operator(n_waiting=6, n_kept=2) for _ in range(3))
    expected = stepped(whole, log)
    made = stepped(first, log[:cut])
    entries = kept(first)
    second.restore(entries)
    made += stepped(second, log[cut:])
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

"""The label join: predictions and bars make outcomes."""

from collections.abc import Sequence

import msgspec
import pytest

from schemas.errors import SnapshotMismatchError
from schemas.events import Direction, Event, Outcome, OutcomeResolved, PredictionMade, PredictionsAdvanced
from schemas.time import Interval
from schemas.topics import MARKET_BAR
from stream_processors.operators.outcomes import MOST_AHEAD_OF_A_SERIES, OutcomesOperator
from tests.fixtures.keeping import keep, kept
from tests.fixtures.market_events import (
    HOUR,
    INSTRUMENT,
    MINUTE,
    STREAM,
    T0,
    bar,
    candle,
    prediction,
    watermark,
)
from tests.fixtures.operators import progress_at, topic_of


def feed(operator: OutcomesOperator, events: Sequence[Event]) -> list[OutcomeResolved]:
    outcomes: list[OutcomeResolved] = []
    for event in events:
        outcomes += [output.event for output in operator.step(topic_of(event), event)]  # type: ignore[misc]
    return outcomes


@pytest.mark.parametrize(
    ("direction", "close", "outcome", "is_hit"),
    [
        (Direction.UP, 101.0, Outcome.UP, True),
        (Direction.UP, 99.0, Outcome.DOWN, False),
        (Direction.DOWN, 99.0, Outcome.DOWN, True),
        (Direction.DOWN, 101.0, Outcome.UP, False),
        (Direction.UP, 100.0, Outcome.TIE, None),
        (Direction.DOWN, 100.0, Outcome.TIE, None),
    ],
)
def test_prediction_is_judged_by_the_close_at_its_horizon(
    direction: Direction,
    close: float,
    outcome: Outcome,
    is_hit: bool | None,  # noqa: FBT001
) -> None:
    made = prediction(MINUTE, direction=direction)
    (resolved,) = feed(OutcomesOperator(), [bar(0), made, bar(MINUTE, close)])
    assert (resolved.outcome, resolved.is_hit, resolved.final_price) == (outcome, is_hit, close)
    assert (resolved.features_as_of_ms, resolved.event_time_ms) == (T0 + MINUTE, T0 + 2 * MINUTE)


def test_nothing_is_said_before_the_horizon() -> None:
    made = prediction(MINUTE, horizon=Interval.FIVE_MINUTES)
    assert feed(OutcomesOperator(), [made, *(bar(i * MINUTE) for i in range(5))]) == []


def test_outcome_is_void_when_bars_go_on_without_one_at_the_horizon() -> None:
    # bars |0|   |2|     as-of 1, horizon 1: nothing ends at 2
    made = prediction(MINUTE)
    (resolved,) = feed(OutcomesOperator(), [bar(0), made, bar(2 * MINUTE)])
    assert (resolved.outcome, resolved.is_hit, resolved.final_price) == (Outcome.VOID, None, None)


def test_outcome_is_known_when_its_last_input_is() -> None:
    made = prediction(MINUTE)
    (resolved,) = feed(OutcomesOperator(), [made, bar(MINUTE, known_ms=2 * MINUTE + 7)])
    assert resolved.known_time_ms == T0 + 2 * MINUTE + 7


def test_void_is_known_with_the_first_bar_behind_the_horizon_whenever_the_prediction_comes() -> None:
    """A prediction that came behind several bars had the newest of them in its known time."""
    bars = [bar(0), bar(2 * MINUTE), bar(3 * MINUTE)]
    early = feed(OutcomesOperator(), [prediction(MINUTE), *bars])
    late = feed(OutcomesOperator(), [*bars, prediction(MINUTE)])
    assert early == late
    assert early[0].known_time_ms == T0 + 3 * MINUTE


def test_bars_of_another_interval_judge_nothing() -> None:
    made = prediction(0, horizon=Interval.ONE_HOUR)
    assert feed(OutcomesOperator(), [made, bar(0, interval=Interval.ONE_HOUR)]) == []


def test_bars_of_another_instrument_or_stream_judge_nothing() -> None:
    others = [bar(MINUTE, instrument="ETH-USDT.BINANCE"), bar(MINUTE, stream="replay-2")]
    assert feed(OutcomesOperator(), [prediction(MINUTE), *others]) == []


def test_two_horizons_of_one_vector_are_judged_apart() -> None:
    made = [prediction(0), prediction(0, horizon=Interval.FIVE_MINUTES)]
    resolved = feed(OutcomesOperator(), [*made, *(bar(i * MINUTE, 101.0 + i) for i in range(5))])
    assert [outcome.final_price for outcome in resolved] == [101.0, 105.0]


def test_repeated_prediction_is_judged_once() -> None:
    made = prediction(MINUTE)
    assert len(feed(OutcomesOperator(), [made, bar(MINUTE), made, bar(MINUTE)])) == 1


def test_prediction_ten_thousand_bars_behind_is_judged_by_its_close() -> None:
    """Bars that ran 2,048 ahead of scoring turned predictions void, where none had been read before."""
    operator = OutcomesOperator()
    feed(operator, [bar(i * MINUTE, 100.0 + i) for i in range(10_000)])
    resolved = feed(operator, [prediction(i * MINUTE) for i in range(1, 9_999)])
    assert [outcome.final_price for outcome in resolved] == [100.0 + i for i in range(1, 9_999)]


def test_no_close_is_let_go_where_scoring_says_nothing_of_its_progress() -> None:
    """Beyond 100,000 closes went whoever might ask for them."""
    operator = OutcomesOperator()
    feed(operator, [prediction(0), *(bar(i * MINUTE, 100.0 + i) for i in range(100_100))])
    assert not operator.holds
    (resolved,) = feed(operator, [prediction(MINUTE)])
    assert resolved.final_price == 101.0


def told(minute: int, made: Sequence[Event] = (), *, n_kept_bars: int = 5) -> PredictionsAdvanced:
    return msgspec.structs.replace(progress_at(minute, made), n_kept_bars=n_kept_bars)


def n_closes(operator: OutcomesOperator, entries: dict[bytes, bytes]) -> int:
    keep(operator, entries)
    return len([key for key in entries if b"\xa5close" in key])


def test_closes_that_no_prediction_can_ask_for_are_let_go() -> None:
    operator, entries = OutcomesOperator(), dict[bytes, bytes]()
    for i in range(100):
        made = prediction(i * MINUTE)
        feed(operator, [made, bar(i * MINUTE), told(i, [made])])
        keep(operator, entries)
    assert n_closes(operator, entries) == 7
    assert len(entries) == 9  # with the last as-of time, and the progress


def test_progress_counts_once_the_prediction_that_it_names_was_read() -> None:
    """The two topics come in any order: a close went whose prediction was still on its way."""
    #  bars |0|1| ... |29|   progress: all is said up to 29, and the last one is of 28
    operator, late = OutcomesOperator(), [prediction(i * MINUTE) for i in range(1, 29)]
    feed(operator, [bar(0), told(29, late), *(bar(i * MINUTE, 100.0 + i) for i in range(1, 31))])
    resolved = feed(operator, late)
    assert [outcome.final_price for outcome in resolved] == [100.0 + i for i in range(1, 29)]


def test_bars_far_ahead_of_scoring_are_held_until_it_has_caught_up() -> None:
    operator = OutcomesOperator(least_ahead=10, most_ahead=10)
    feed(operator, [told(5), *(bar(i * MINUTE) for i in range(10))])
    assert not operator.holds
    feed(operator, [bar(10 * MINUTE)])
    assert operator.holds == {MARKET_BAR.name}
    feed(operator, [told(9)])
    assert not operator.holds


def test_bars_of_a_run_that_ended_are_never_held() -> None:
    operator = OutcomesOperator(stream="replay-of-today", least_ahead=2, most_ahead=2)
    feed(operator, [told(5), *(bar(i * MINUTE) for i in range(50))])
    assert not operator.holds


def test_hold_is_known_again_after_a_restart() -> None:
    operator = OutcomesOperator(least_ahead=10, most_ahead=10)
    feed(operator, [told(5), *(bar(i * MINUTE) for i in range(20))])
    again = OutcomesOperator(least_ahead=10, most_ahead=10)
    again.restore(kept(operator))
    assert again.holds == operator.holds == {MARKET_BAR.name}


def test_bars_usually_may_be_a_week_of_minutes_ahead() -> None:
    operator = OutcomesOperator()
    feed(operator, [told(5), *(bar(i * MINUTE) for i in range(MOST_AHEAD_OF_A_SERIES))])
    assert not operator.holds


def test_run_that_ended_is_forgotten() -> None:
    operator, entries = OutcomesOperator(), dict[bytes, bytes]()
    feed(
        operator,
        [bar(0), prediction(MINUTE), told(1, [prediction(MINUTE)]), told(9, [prediction(2 * MINUTE)])],
    )
    keep(operator, entries)
    assert len(entries) == 5
    operator.forget(STREAM)
    keep(operator, entries)
    assert entries == {}


def test_close_that_came_and_went_between_two_questions_leaves_no_trace() -> None:
    operator = OutcomesOperator()
    feed(operator, [told(1000), *(bar(i * MINUTE) for i in range(100))])
    assert len(kept(operator)) == 2  # the newest close, and the progress


def test_stored_prediction_without_an_outcome_is_judged_by_the_log_made_anew() -> None:
    operator = OutcomesOperator(seeds=[prediction(MINUTE)])
    assert len(feed(operator, [bar(0), bar(MINUTE, 101.0)])) == 1


def test_stored_prediction_that_was_judged_silently_is_judged_again_when_it_is_read() -> None:
    """Re-stepping committed bars resolved the seed in silence, and its own record was then dropped."""
    made = prediction(MINUTE)
    operator = OutcomesOperator(seeds=[made])
    feed(operator, [bar(0), bar(MINUTE, 101.0)])  # what the runtime re-steps, throwing the outputs away
    assert len(feed(operator, [made])) == 1


def test_watermarks_decide_nothing() -> None:
    assert feed(OutcomesOperator(), [prediction(0), watermark(HOUR)]) == []


def test_event_of_another_topic_is_a_programmers_mistake() -> None:
    with pytest.raises(TypeError):
        feed(OutcomesOperator(), [candle(0)])


@pytest.mark.parametrize("value", [b"", b"\xc1", b"\x93\x01\x02\x03"])
def test_state_of_another_release_is_refused(value: bytes) -> None:
    operator = OutcomesOperator()
    feed(operator, [prediction(0)])
    entries = kept(operator)
    for key in entries:
        with pytest.raises(SnapshotMismatchError):
            OutcomesOperator().restore(entries | {key: value})


# Arms


def of_arm(minute: int, arm: str) -> PredictionMade:
    return msgspec.structs.replace(prediction(minute * MINUTE), arm=arm)


def told_of_champions(minute: int, *, every_arm: int) -> PredictionsAdvanced:
    return msgspec.structs.replace(told(minute), every_arm_ms=T0 + every_arm * MINUTE)


def test_arms_of_one_close_are_judged_apart() -> None:
    made = [of_arm(0, "champion"), of_arm(0, "challenger"), of_arm(0, "shadow")]
    resolved = feed(OutcomesOperator(), [*made, bar(0, 101.0)])
    assert sorted(outcome.arm for outcome in resolved) == ["challenger", "champion", "shadow"]
    assert {(outcome.final_price, outcome.is_hit) for outcome in resolved} == {(101.0, True)}


def test_arm_that_is_far_behind_holds_no_bars_and_finds_its_closes() -> None:
    operator = OutcomesOperator(least_ahead=10, most_ahead=10, most_kept=1_000)
    for minute in range(100):
        feed(operator, [bar(minute * MINUTE, 100.0 + minute), told_of_champions(minute, every_arm=0)])
        assert not operator.holds
    resolved = feed(operator, [of_arm(minute, "challenger") for minute in range(1, 90)])
    assert [outcome.final_price for outcome in resolved] == [100.0 + minute for minute in range(1, 90)]
    assert operator.n_let_go == 0


def test_closes_that_only_a_silent_arm_may_ask_for_are_let_go_in_the_end_counted_and_said_once() -> None:
    said = []
    operator = OutcomesOperator(
        least_ahead=10, most_ahead=10, most_kept=50, on_let_go=lambda *which: said.append(which)
    )
    for minute in range(200):
        feed(operator, [bar(minute * MINUTE), told_of_champions(minute, every_arm=-100)])
    assert n_closes(operator, {}) == 50
    assert operator.n_let_go == 150
    assert [series for series, _ in said] == [(STREAM, INSTRUMENT, "1m")]
    (resolved,) = feed(operator, [of_arm(3, "challenger")])
    assert resolved.outcome is Outcome.VOID


def test_closes_that_a_champion_may_ask_for_are_held_and_never_let_go() -> None:
    operator = OutcomesOperator(least_ahead=10, most_ahead=10, most_kept=20)
    feed(operator, [bar(0), told_of_champions(0, every_arm=-100)])
    feed(operator, [bar(minute * MINUTE, 100.0 + minute) for minute in range(1, 60)])
    assert operator.holds
    resolved = feed(operator, [of_arm(minute, "champion") for minute in range(1, 58)])
    assert [outcome.final_price for outcome in resolved] == [100.0 + minute for minute in range(1, 58)]


def test_last_predictions_on_other_features_may_come_after_those_of_a_newer_version() -> None:
    """An arm that changes from vectors to market features ends the former later; both are judged once."""
    newer = msgspec.structs.replace(prediction(5 * MINUTE), feature_spec_hash="of market features")
    older = [prediction(minute * MINUTE) for minute in (2, 3)]
    resolved = feed(OutcomesOperator(), [newer, *older, *older, newer, *(bar(i * MINUTE) for i in range(8))])
    assert [outcome.features_as_of_ms for outcome in resolved] == [T0 + i * MINUTE for i in (2, 3, 5)]

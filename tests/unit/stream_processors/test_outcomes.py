"""The label join: predictions and bars make outcomes."""

from collections.abc import Sequence

import pytest

from schemas.errors import SnapshotMismatchError
from schemas.events import Direction, Event, Outcome, OutcomeResolved, PredictionMade
from schemas.time import Interval
from schemas.topics import MARKET_BAR, PREDICTIONS
from stream_processors.operators.outcomes import N_CLOSES_KEPT, OutcomesOperator
from tests.fixtures.keeping import kept
from tests.fixtures.market_events import HOUR, MINUTE, T0, bar, candle, prediction, watermark


def feed(operator: OutcomesOperator, events: Sequence[Event]) -> list[OutcomeResolved]:
    outcomes: list[OutcomeResolved] = []
    for event in events:
        topic = PREDICTIONS if isinstance(event, PredictionMade) else MARKET_BAR
        outcomes += [output.event for output in operator.step(topic, event)]  # type: ignore[misc]
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


def test_prediction_far_behind_the_bars_is_judged_by_its_close() -> None:
    """Bars that ran more than 2,048 ahead of the scoring turned every prediction void."""
    operator = OutcomesOperator()
    feed(operator, [prediction(0), bar(0)])
    feed(operator, [bar(i * MINUTE, 100.0 + i) for i in range(1, N_CLOSES_KEPT + 200)])
    (resolved,) = feed(operator, [prediction(MINUTE)])
    assert resolved.final_price == 101.0


def test_closes_that_no_prediction_can_ask_for_are_let_go() -> None:
    def size_of(n_bars: int) -> int:
        operator = OutcomesOperator()
        for i in range(n_bars):
            feed(operator, [prediction(i * MINUTE), bar(i * MINUTE)])
        return sum(map(len, kept(operator).values()))

    assert size_of(3 * N_CLOSES_KEPT) < 1.1 * size_of(N_CLOSES_KEPT)


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

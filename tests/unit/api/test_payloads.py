"""What is answered, made from events."""

import msgspec
import pytest

from api.payloads.predictions import past_prediction_payload, prediction_payload
from api.payloads.records import record_payload
from api.payloads.shared import is_simulated
from schemas.contracts.examples import EXAMPLES
from schemas.events import Direction
from schemas.streams import StreamKind
from tests.unit.api.events import AS_OF_MS, H1, INSTRUMENT, outcome, prediction


@pytest.mark.parametrize(
    ("probability_up", "direction", "confidence"),
    [(0.625, Direction.UP, 0.625), (0.25, Direction.DOWN, 0.75), (0.5, Direction.UP, 0.5)],
)
def test_confidence_is_the_probability_of_the_direction(probability_up, direction, confidence):
    payload = prediction_payload(prediction(probability_up=probability_up), kind=StreamKind.REPLAY)
    assert (payload.direction, payload.confidence) == (direction, confidence)


def test_a_prediction_says_when_it_is_of_and_when_it_can_be_judged():
    payload = prediction_payload(prediction(horizon=H1), kind=StreamKind.REPLAY)
    assert payload.features_as_of == "2025-06-15T15:15:00.000Z"
    assert payload.resolves_at_ms == AS_OF_MS + 3_600_000
    assert payload.asset == "BTC"


def with_evidence(**changes):
    stated = EXAMPLES["prediction_made_with_evidence"]
    return msgspec.structs.replace(stated, **changes)


def test_a_confident_decision_comes_with_coverage_interval_and_lag():
    payload = prediction_payload(with_evidence(), kind=StreamKind.REPLAY)
    assert (payload.is_pick, payload.prediction_set, payload.miscoverage) == (True, "up", 0.1)
    assert payload.evidence.shows_edge
    assert payload.evidence.summary == (
        "On out-of-sample decisions as confident as this one: 63.6 % [62.4, 64.8] of 6,005 right, coverage 9.8 % "
        "(10.0 % aimed at), entered at the close; one bar (1m) late 55.9 % [54.6, 57.2]."
    )


@pytest.mark.parametrize("low", [0.5, 0.44, None])
def test_an_interval_that_holds_one_half_shows_no_edge(low):
    payload = prediction_payload(with_evidence(evidence_low=low), kind=StreamKind.REPLAY)
    assert not payload.evidence.shows_edge
    assert payload.evidence.summary.endswith("No edge is shown.")


@pytest.mark.parametrize(("majority", "shows"), [(None, True), (0.51, True), (0.624, False), (0.63, False)])
def test_an_interval_that_holds_the_majority_class_shows_no_edge(majority, shows):
    """63 % was called an edge where the market rose in 63 % of all decisions."""
    payload = prediction_payload(with_evidence(), kind=StreamKind.REPLAY, majority=majority)
    assert (payload.evidence.shows_edge, payload.evidence.majority_accuracy) == (shows, majority)
    assert payload.evidence.summary.endswith(
        "more frequent direction is right in " + f"{100 * majority:.1f} %." if not shows else "[54.6, 57.2]."
    )


def test_all_decisions_are_called_so():
    made = with_evidence(evidence_target=1.0, evidence_coverage=1.0, late_accuracy=None)
    payload = prediction_payload(made, kind=StreamKind.REPLAY)
    assert payload.evidence.summary.startswith("On all out-of-sample decisions: 63.6 %")
    assert payload.evidence.one_bar_late is None


def test_a_model_that_states_nothing_is_answered_without():
    payload = prediction_payload(prediction(), kind=StreamKind.REPLAY)
    assert (payload.is_pick, payload.prediction_set, payload.evidence) == (None, None, None)


@pytest.mark.parametrize(
    ("final_price", "went", "is_hit"),
    [(101.0, "up", True), (99.0, "down", False), (100.0, "tie", None), (None, "void", None)],
)
def test_an_outcome_says_hit_miss_or_neither(final_price, went, is_hit):
    made = prediction()
    payload = past_prediction_payload(made, outcome(made, final_price=final_price), kind=StreamKind.REPLAY)
    assert payload.outcome is not None
    assert (payload.outcome.outcome, payload.outcome.is_hit) == (went, is_hit)


def test_an_open_prediction_has_no_outcome():
    assert past_prediction_payload(prediction(), None, kind=StreamKind.REPLAY).outcome is None


@pytest.mark.parametrize(
    ("source", "instrument", "kind", "expected"),
    [
        ("binance", INSTRUMENT, StreamKind.REPLAY, False),
        ("simulated", INSTRUMENT, StreamKind.REPLAY, True),
        ("binance", "BTC-USDT.SIMULATED", StreamKind.LIVE, True),
        ("binance", INSTRUMENT, StreamKind.SIMULATION, True),
        ("unheard-of", INSTRUMENT, StreamKind.LIVE, False),
    ],
)
def test_any_sign_of_invention_marks_the_data(source, instrument, kind, expected):
    assert is_simulated(source=source, instrument=instrument, kind=kind) is expected


def test_ties_and_voids_are_neither_hit_nor_miss():
    payload = record_payload(n_predictions=12, n_hits=8, n_misses=2, n_ties=1, n_voids=1)
    assert payload.accuracy == pytest.approx(0.8, abs=1e-12)
    # Published for 8 of 10: Newcombe (1998), Statistics in Medicine 17, method 3.
    assert payload.accuracy_low == pytest.approx(0.4902, abs=5e-5)
    assert payload.accuracy_high == pytest.approx(0.9433, abs=5e-5)


def test_a_record_of_nothing_has_no_accuracy():
    payload = record_payload(n_predictions=3, n_hits=0, n_misses=0, n_ties=2, n_voids=0)
    assert (payload.accuracy, payload.accuracy_low, payload.accuracy_high) == (None, None, None)

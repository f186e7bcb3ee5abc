"""What is said where there is no model or prediction yet."""

from api.reading.waiting import missing_words, no_prediction_words, waiting_targets
from schemas.targets import Target
from tests.unit.api.events import H1, INSTRUMENT, M15, promotion

TARGET = Target("replay-test", INSTRUMENT, M15, M15)


def test_a_target_with_a_champion_waits_for_none():
    hourly = Target("replay-test", INSTRUMENT, H1, H1)
    assert waiting_targets([TARGET, hourly], [promotion(0)]) == [hourly]


def test_a_target_that_is_not_served_lacks_its_model_or_its_first_bar():
    assert missing_words(TARGET, {}).startswith("no model")
    assert "model-1 predicts at the next bar" in missing_words(TARGET, {TARGET[1:4]: promotion(0)})


def test_without_any_model_it_says_so():
    assert "No other target has a model yet either" in no_prediction_words(TARGET, [])


def test_the_other_models_are_named_by_the_path_to_ask():
    words = no_prediction_words(TARGET, [promotion(0, interval=H1, horizon=H1)])
    assert f"1h:1h (/v1/predictions/{INSTRUMENT}?interval=1h&horizon=1h)" in words


def test_its_own_model_meets_its_first_bar_next():
    assert "its model model-1 is trained" in no_prediction_words(TARGET, [promotion(0)])

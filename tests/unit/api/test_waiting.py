"""What is said where there is no model or prediction yet."""

import pytest

from api.reading.waiting import MissingBars, missing_bars, missing_words, no_prediction_words, waiting_targets
from schemas.targets import Target
from tests.unit.api.events import H1, INSTRUMENT, M15, QUARTER_MS, bar, promotion

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


@pytest.mark.parametrize(
    ("ends", "n_there"),
    [
        ([], 0),
        ([1, 2, 3], 3),
        ([1, 2, 3, 5, 6], 2),  # . . . X . .   a hole: the features begin anew
    ],
)
def test_missing_bars_are_counted_from_the_newest_hole(ends, n_there):
    bars = [bar(end * QUARTER_MS) for end in ends]
    assert missing_bars(bars, n_needed=5, lacks_history_file=False) == MissingBars(
        n_there, 5, lacks_history_file=False
    )


def test_bars_that_are_enough_are_not_missing():
    bars = [bar(end * QUARTER_MS) for end in range(1, 6)]
    assert missing_bars(bars, n_needed=5, lacks_history_file=False) is None


@pytest.mark.parametrize("champions", [[], [promotion(0)]])
def test_a_target_without_enough_bars_says_how_many_are_missing_and_what_helps(champions):
    """A capture without HISTORY said that no model was trained, and not that no prediction could come."""
    missing = MissingBars(3, 65, lacks_history_file=True)
    by_target = {(one.instrument, one.interval, one.horizon): one for one in champions}
    for words in (
        no_prediction_words(TARGET, champions, missing=missing),
        missing_words(TARGET, by_target, missing=missing),
    ):
        assert "need 65 bars of 15m without a hole, 3 are there, 62 are missing" in words
        assert words.count("HISTORY=FILE") == 1


def test_history_is_not_recommended_to_a_run_that_cannot_have_it():
    words = missing_words(TARGET, {}, missing=MissingBars(3, 65, lacks_history_file=False))
    assert "62 are missing" in words
    assert "HISTORY" not in words

"""Calibration in the fold: probabilities that mean what they say, and modesty where little is known."""

import msgspec
import numpy as np
import pytest

from tests.fakes.training_sets import training_set
from trainers.models.calibration import Calibrated, fitted_line
from trainers.models.gradient_boosting import Boosting, BoostingParameters
from trainers.models.logistic import sigmoid

SHARP = Boosting(parameters=BoostingParameters(n_rounds=60, min_child_weight=1.0, learning_rate=0.2))


def log_loss(probability, is_up):
    return -np.mean(np.log(np.where(is_up, probability, 1 - probability)))


def test_an_overconfident_model_is_brought_back_to_what_it_knows():
    taught, later = training_set(n=1_500, strength=0.3), training_set(n=4_000, seed=2, strength=0.3)
    plain, calibrated = (
        recipe.fit(taught).native_probabilities(later.rows)
        for recipe in (SHARP, Calibrated(members=(SHARP,)))
    )
    is_up = later.outcomes[1].is_up
    assert log_loss(plain, is_up) > log_loss(calibrated, is_up) + 0.01
    assert log_loss(calibrated, is_up) < np.log(2)
    bold = np.abs(calibrated - 0.5) > 0.05
    said, came = np.maximum(calibrated, 1 - calibrated)[bold], (calibrated >= 0.5)[bold] == is_up[bold]
    assert came.mean() > said.mean() - 0.02  # pulled towards one half, so rather too modest than too bold


def test_where_nothing_is_to_be_known_probabilities_stay_near_one_half():
    taught = training_set(n=400, strength=0.0)
    probability = (
        Calibrated(members=(SHARP,)).fit(taught).native_probabilities(training_set(n=500, seed=3).rows)
    )
    assert np.abs(probability - 0.5).mean() < 0.03


def test_too_little_to_calibrate_on_knows_nothing():
    taught = training_set(n=60)
    probability = Calibrated(members=(SHARP,)).fit(taught).native_probabilities(taught.rows)
    assert np.all(probability == 0.5)


def test_the_inner_folds_never_see_what_they_are_asked():
    """Outcomes of the newest part change the calibration, not what its older models say of it."""
    asked = []

    class Spy(msgspec.Struct, frozen=True):
        name: str = "spy"
        multiples: frozenset[int] = frozenset({1})

        def fit(self, taught):
            asked.append(int(taught.outcomes[1].rows.max()))
            return SHARP.fit(taught)

    Calibrated(members=(Spy(),), n_folds=3).fit(training_set(n=1_000))
    assert asked == [599, 732, 865, 999]


def test_the_line_is_the_planted_one_given_rows_enough():
    generator = np.random.default_rng(4)
    logits = generator.normal(size=200_000)
    is_up = generator.random(200_000) < sigmoid(0.4 * logits + 0.1)
    assert fitted_line(logits, is_up, ridge=100.0) == pytest.approx((0.4, 0.1), abs=0.02)


def test_a_model_without_opinion_divides_by_no_zero():
    slope, shift = fitted_line(np.zeros(500), np.arange(500) % 2 == 0, ridge=100.0)
    assert np.isfinite(slope)
    assert shift == pytest.approx(0.0, abs=1e-9)

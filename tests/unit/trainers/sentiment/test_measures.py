"""Measures of labels and probabilities beside those of scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score

from trainers.sentiment.measures import label_measures, probability_measures


@pytest.fixture
def generator():
    return np.random.default_rng(5)


def test_accuracy_and_f1_are_those_of_scikit_learn(generator):
    true, stated = (generator.integers(0, 3, 400).astype(np.int8) for _ in range(2))
    found = label_measures(true, stated, generator=generator)
    assert found.accuracy.value == pytest.approx(accuracy_score(true, stated))
    assert found.macro_f1.value == pytest.approx(f1_score(true, stated, average="macro"))


def test_a_refusal_is_counted_and_not_right(generator):
    true = np.array([0, 1, 2, 2], dtype=np.int8)
    found = label_measures(true, np.array([0, 1, 2, -1], dtype=np.int8), generator=generator)
    assert found.accuracy.value == 0.75
    assert found.confusion[:, 3].tolist() == [0, 0, 1]


def test_the_interval_covers_the_truth_about_as_often_as_it_says(generator):
    """Of 300 samples with an accuracy of 0.7, some 95 % of the intervals hold it."""
    n_covered = 0
    for _ in range(300):
        true = generator.integers(0, 3, 200).astype(np.int8)
        stated = np.where(generator.random(200) < 0.7, true, (true + 1) % 3).astype(np.int8)
        low, high = label_measures(true, stated, generator=generator).accuracy.interval
        n_covered += low <= 0.7 <= high
    assert 0.90 <= n_covered / 300 <= 0.99


def test_honest_probabilities_are_calibrated_and_proud_ones_are_not(generator):
    honest = generator.dirichlet([1, 1, 1], 5_000)
    true = (generator.random(5_000)[:, None] > honest.cumsum(axis=1)).sum(axis=1).clip(0, 2).astype(np.int8)
    proud = honest**3 / (honest**3).sum(axis=1, keepdims=True)
    of_honest = probability_measures(true, honest, generator=generator)
    of_proud = probability_measures(true, proud, generator=generator)
    assert of_honest.calibration_error.value < 0.03
    assert of_proud.calibration_error.value > 0.1
    assert of_honest.brier.interval.high < of_proud.brier.interval.low


def test_certainty_has_a_brier_score_of_zero_or_two(generator):
    true = np.zeros(10, dtype=np.int8)
    assert probability_measures(true, np.eye(3)[true], generator=generator).brier.value == 0
    assert probability_measures(true, np.eye(3)[true + 2], generator=generator).brier.value == 2

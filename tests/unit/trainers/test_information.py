"""Information coefficients: what is planted is found at its size, and what is not there is not found."""

import numpy as np
import pytest

from schemas.features import FeatureTable
from trainers.evaluation.feature_signals import feature_signals
from trainers.evaluation.information import (
    information_coefficient,
    rank_correlation,
    ranks,
    shift_p_value,
    shifted_coefficients,
)

HOUR_MS = 3_600_000
FROM_MS = 1_640_995_200_000  # 2022-01-01


@pytest.fixture
def generator():
    return np.random.default_rng(11)


def times(n):
    return FROM_MS + HOUR_MS * np.arange(n, dtype=np.int64)


def test_ranks_of_equal_values_are_shared():
    assert ranks(np.array([3.0, 1.0, 3.0, 2.0])).tolist() == [2.5, 0.0, 2.5, 1.0]


def test_the_correlation_is_that_of_ranks(generator):
    x = generator.normal(size=500)
    assert rank_correlation(x, np.exp(3 * x)) == pytest.approx(1)
    assert rank_correlation(x, -x) == pytest.approx(-1)
    assert np.isnan(rank_correlation(x, np.zeros(500)))


def test_a_planted_correlation_is_found_at_its_size(generator):
    x = generator.normal(size=8_000)
    y = 0.1 * x + np.sqrt(1 - 0.01) * generator.normal(size=8_000)
    found = information_coefficient(x, y, times(8_000), generator=generator)
    expected = 6 / np.pi * np.arcsin(0.1 / 2)  # Spearman's from Pearson's, for normal variables
    assert found.value == pytest.approx(expected, abs=0.03)
    assert found.is_apart_from_zero
    assert shift_p_value(found.value, shifted_coefficients(x, y, times(8_000))) < 0.01


def test_intervals_of_unrelated_slow_series_hold_zero_about_as_often_as_they_say(generator):
    """Both series change slowly, where an interval that takes rows for independent fails about half of the time."""
    n_covered = 0
    for _ in range(60):
        slow = [np.convolve(generator.normal(size=2_047), np.ones(48), "valid") for _ in range(2)]
        found = information_coefficient(*slow, times(2_000), generator=generator)
        n_covered += not found.is_apart_from_zero
    assert n_covered >= 48


def test_shifts_give_small_p_values_no_more_often_than_they_say(generator):
    p_values = []
    for _ in range(100):
        x, y = generator.normal(size=(2, 1_000))
        shifted = shifted_coefficients(x, y, times(1_000))
        p_values.append(shift_p_value(rank_correlation(x, y), shifted))
    assert np.mean(np.array(p_values) < 0.05) <= 0.12


def test_shifts_are_those_that_rolling_gives(generator):
    x, y = generator.normal(size=(2, 200))
    shifted = shifted_coefficients(x, y, times(200))
    assert len(shifted) == 200 - 2 * 24 + 1
    assert shifted[0] == pytest.approx(rank_correlation(np.roll(y, 24), x))


def test_too_few_rows_say_nothing(generator):
    found = information_coefficient(np.arange(20.0), np.arange(20.0), times(20), generator=generator)
    assert np.isnan(found.value)
    assert found.interval is None
    assert not found.is_apart_from_zero


def test_years_are_stated_apart(generator):
    n = 24 * 730
    x = generator.normal(size=n)
    y = np.where(np.arange(n) < n // 2, x, -x) + generator.normal(size=n)
    found = information_coefficient(x, y, times(n), generator=generator)
    assert found.by_year[2022] > 0.5
    assert found.by_year[2023] < -0.5
    assert found.stability == 0.5


def test_every_column_is_judged_and_only_the_planted_one_is_shown(generator):
    n = 4_000
    values = generator.normal(size=(n, 6))
    values[:1_000, 0] = np.nan
    returns = 0.15 * np.nan_to_num(values[:, 0]) + generator.normal(size=n)
    table = FeatureTable(
        names=tuple(f"news_vader_mean_{column}" for column in range(6)),
        feature_spec_hash="0" * 64,
        as_of_ms=times(n),
        known_ms=times(n),
        close=np.ones(n),
        is_warm=np.ones(n, dtype=np.bool_),
        values=values,
    )
    found = feature_signals(table, {"1h": returns}, seed=0)
    assert [signal.feature for signal in found if signal.is_shown] == ["news_vader_mean_0"]
    assert found[0].coefficient.n == 3_000

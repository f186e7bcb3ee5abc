"""Tests of significance against known values."""

import math

import numpy as np
import pytest
from scipy import stats

from trainers.evaluation.significance import (
    benjamini_hochberg,
    deflated_sharpe,
    diebold_mariano,
    expected_maximum_sharpe,
    holm,
    mcnemar,
    pesaran_timmermann,
    probabilistic_sharpe,
    student_two_sided,
)


def directions(true_up, false_up, true_down, false_down):
    says_up = [True] * (true_up + false_up) + [False] * (true_down + false_down)
    is_up = [True] * true_up + [False] * false_up + [False] * true_down + [True] * false_down
    return {"says_up": np.array(says_up), "is_up": np.array(is_up)}


def test_pesaran_timmermann_by_hand():
    """60 of 100 hits with even halves: expected 1/2, variance 1/400 less 1/10,000 * 4/16."""
    result = pesaran_timmermann(**directions(30, 20, 30, 20))
    assert result.statistic == pytest.approx(0.1 / math.sqrt(0.25 / 100 - 4 * 0.25**2 / 100**2))
    assert result.p_value == pytest.approx(stats.norm.sf(result.statistic))


def test_pesaran_timmermann_does_not_reward_a_constant_side():
    assert pesaran_timmermann(**directions(90, 10, 0, 0)).p_value == 1.0


def test_pesaran_timmermann_finds_nothing_in_chance_about_as_often_as_it_says():
    generator = np.random.default_rng(1)
    found = [
        pesaran_timmermann(says_up=generator.random(300) < 0.6, is_up=generator.random(300) < 0.55).p_value
        < 0.05
        for _ in range(1_000)
    ]
    assert np.mean(found) == pytest.approx(0.05, abs=0.02)


def test_mcnemar_of_a_textbook_table():
    """121 against 59 disagreements: (62 - 1) squared over 180."""
    first = np.array([True] * 121 + [False] * 59)
    result = mcnemar(is_hit=first, other_is_hit=~first)
    assert result.statistic == pytest.approx(61**2 / 180)
    assert result.p_value == pytest.approx(stats.chi2.sf(61**2 / 180, 1))


def test_mcnemar_is_exact_for_few_disagreements():
    first = np.array([True] * 8 + [False] * 2)
    assert mcnemar(is_hit=first, other_is_hit=~first).p_value == pytest.approx(stats.binomtest(2, 10).pvalue)
    assert mcnemar(is_hit=first, other_is_hit=first).p_value == 1.0


@pytest.mark.parametrize("degrees", [1, 4, 30, 5_000])
@pytest.mark.parametrize("statistic", [-6.0, -1.3, 0.0, 0.2, 2.5])
def test_student_tails_are_those_of_scipy(statistic, degrees):
    assert student_two_sided(statistic, degrees=degrees) == pytest.approx(
        2 * stats.t.sf(abs(statistic), degrees), rel=1e-9
    )


def test_diebold_mariano_one_step_ahead_is_a_paired_t_test():
    """For one step the correction turns the variance over n into the one over n - 1."""
    generator = np.random.default_rng(2)
    loss, other = generator.random(80), generator.random(80) + 0.05
    expected = stats.ttest_rel(loss, other)
    result = diebold_mariano(loss, other)
    assert result.statistic == pytest.approx(expected.statistic)
    assert result.p_value == pytest.approx(expected.pvalue)


def test_diebold_mariano_holds_its_level_on_overlapping_forecasts():
    generator = np.random.default_rng(3)
    kernel = np.ones(4)
    found = []
    for _ in range(500):
        noise = np.convolve(generator.normal(size=403), kernel, "valid")
        found.append(diebold_mariano(noise, np.zeros(400), n_ahead=4).p_value < 0.05)
    assert np.mean(found) == pytest.approx(0.055, abs=0.03)


def test_the_deflated_sharpe_ratio_of_its_authors_example():
    """Annual Sharpe 2.5 over five years of days, 100 tries of variance 1/2: 0.90; 46 tries, or 88 of normal returns: 0.95."""
    known = {"sharpe": 2.5 / math.sqrt(250), "n": 1250, "skewness": -3.0, "kurtosis": 10.0}
    tried = {"n_tried": 100, "variance": 1 / 2 / 250}
    assert expected_maximum_sharpe(**tried) == pytest.approx(0.1132, abs=2e-4)
    assert deflated_sharpe(**known, **tried) == pytest.approx(0.9004, abs=2e-3)
    assert deflated_sharpe(**known, **tried | {"n_tried": 46}) == pytest.approx(0.9505, abs=2e-3)
    normal = known | {"skewness": 0.0, "kurtosis": 3.0}
    assert deflated_sharpe(**normal, **tried | {"n_tried": 88}) == pytest.approx(0.9505, abs=2e-3)


def test_one_try_is_not_deflated():
    known = {"sharpe": 0.1, "n": 500, "skewness": 0.0, "kurtosis": 3.0}
    assert deflated_sharpe(**known, n_tried=1, variance=1.0) == probabilistic_sharpe(**known, benchmark=0.0)


def test_benjamini_hochberg_is_scipys():
    p_values = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.9]
    assert benjamini_hochberg(p_values) == pytest.approx(stats.false_discovery_control(p_values))


def test_holm_by_hand_never_falls_and_never_exceeds_one():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []

"""Conformal sets: they miss as often as they state where the past is like the future, and adapt where not."""

import numpy as np
import pytest

from schemas.events import PredictionSet
from trainers.models.conformal import adaptive_sets, conformal_limits, sets_of

MINUTE_MS = 60_000


def drawn(n, *, seed, spread=0.05):
    """Calibrated probabilities and outcomes drawn from them."""
    generator = np.random.default_rng(seed)
    probability = np.clip(0.5 + spread * generator.standard_normal(n), 0.01, 0.99)
    return probability, generator.random(n) < probability


@pytest.mark.parametrize("miscoverage", [0.05, 0.1, 0.3])
def test_each_direction_is_missed_at_the_stated_rate(miscoverage):
    past, later = drawn(20_000, seed=1), drawn(20_000, seed=2)
    limits = conformal_limits(*past, miscoverage=miscoverage)
    held = sets_of(later[0], limits).holds(later[1])
    for direction in (True, False):
        assert 1 - held[later[1] == direction].mean() == pytest.approx(miscoverage, abs=0.012)


def test_small_calibrations_hold_at_least_as_often_as_stated_on_average():
    """The guarantee is for any n: over many calibrations of 60 rows, coverage is not below the statement."""
    held = []
    for seed in range(300):
        limits = conformal_limits(*drawn(120, seed=seed), miscoverage=0.1)
        probability, is_up = drawn(200, seed=10_000 + seed)
        held.append(sets_of(probability, limits).holds(is_up).mean())
    assert np.mean(held) == pytest.approx(0.9, abs=0.025)
    assert np.mean(held) > 0.895


def test_a_model_that_knows_nothing_says_one_direction_twice_the_miscoverage_and_is_right_half_the_time():
    generator = np.random.default_rng(3)
    probability, is_up = drawn(40_000, seed=4)[0], generator.random(40_000) < 0.5
    limits = conformal_limits(probability[:20_000], is_up[:20_000], miscoverage=0.1)
    later = sets_of(probability[20_000:], limits)
    single = later.size == 1
    assert single.mean() == pytest.approx(0.2, abs=0.015)
    assert later.holds(is_up[20_000:])[single].mean() == pytest.approx(0.5, abs=0.025)


def test_the_set_of_one_is_the_set_of_many():
    past = drawn(1_000, seed=5)
    limits = conformal_limits(*past)
    many = sets_of(past[0], limits)
    words = {(True, True): "both", (True, False): "up", (False, True): "down", (False, False): "none"}
    for i, probability in enumerate(past[0].tolist()):
        assert limits.set_of(probability) == words[bool(many.has_up[i]), bool(many.has_down[i])]


def test_sets_only_grow_as_less_is_to_be_missed():
    past = drawn(2_000, seed=6)
    sizes = [sets_of(past[0], conformal_limits(*past, miscoverage=rate)).size for rate in (0.3, 0.1, 0.01)]
    assert (sizes[0] <= sizes[1]).all()
    assert (sizes[1] <= sizes[2]).all()


def test_too_few_outcomes_rule_nothing_out():
    probability, is_up = drawn(60, seed=7)
    assert conformal_limits(probability, is_up).set_of(0.999) is PredictionSet.BOTH


@pytest.mark.parametrize("rate", [0, 1, -0.1, 1.5])
def test_a_rate_that_is_none_is_refused(rate):
    with pytest.raises(ValueError, match="between 0 and 1"):
        conformal_limits(*drawn(100, seed=8), miscoverage=rate)


def adapted(probability, is_up, past, *, delay=1):
    as_of_ms = np.arange(len(probability), dtype=np.int64) * MINUTE_MS
    return adaptive_sets(
        probability, is_up, as_of_ms=as_of_ms, known_ms=as_of_ms + delay * MINUTE_MS, past=past
    )


def test_adaptive_sets_keep_the_rate_where_plain_ones_lose_it():
    """|--- calm past ---|--- three times as sharp and as often wrong ---|"""
    past = drawn(5_000, seed=9)
    generator = np.random.default_rng(10)
    probability = np.clip(0.5 + 0.15 * generator.standard_normal(20_000), 0.01, 0.99)
    is_up = generator.random(20_000) < 0.5
    plain = sets_of(probability, conformal_limits(*past)).holds(is_up).mean()
    adaptive = adapted(probability, is_up, past).holds(is_up).mean()
    assert plain < 0.75
    assert adaptive == pytest.approx(0.9, abs=0.01)


def test_outcomes_that_are_not_known_yet_change_no_set():
    past, (probability, is_up) = drawn(2_000, seed=11), drawn(500, seed=12)
    changed = is_up.copy()
    changed[400:] = ~changed[400:]
    first, second = (adapted(probability, outcomes, past, delay=5) for outcomes in (is_up, changed))
    assert np.array_equal(first.has_up[:405], second.has_up[:405])
    assert np.array_equal(first.has_down[:405], second.has_down[:405])

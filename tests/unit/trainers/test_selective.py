"""Selective accuracy: thresholds from before, coverage as realised, intervals by weeks."""

import numpy as np
import pytest

from trainers.evaluation.block_intervals import DAY_MS, circular_block_sums, share_interval
from trainers.evaluation.intervals import wilson_interval
from trainers.evaluation.selective import (
    NEVER,
    Thresholds,
    chosen,
    selective_accuracy,
    threshold,
    threshold_for_accuracy,
)

HOUR_MS = 3_600_000


def hours(n):
    return np.arange(n, dtype=np.int64) * HOUR_MS


def test_the_threshold_is_the_quantile_of_earlier_confidences():
    as_of = hours(24 * 100)
    confidence = np.linspace(0, 0.5, len(as_of))
    limit = threshold(confidence, as_of, at_ms=int(as_of[-1]) + DAY_MS + HOUR_MS, target=0.1)
    assert np.mean(confidence >= limit) == pytest.approx(0.1, abs=1e-3)


def test_nothing_of_the_last_day_or_later_moves_the_threshold():
    """
    |--------------- trailing half year ----------------|- a day -|start ....
    """
    as_of, start = hours(24 * 60), 50 * DAY_MS
    confidence = np.random.default_rng(1).random(len(as_of)) / 2
    changed = confidence.copy()
    changed[as_of >= start - DAY_MS] = 0.5
    first, second = (threshold(values, as_of, at_ms=start, target=0.05) for values in (confidence, changed))
    assert first == second


def test_nothing_is_chosen_without_a_past():
    as_of = hours(48)
    assert not chosen(np.full(48, 0.9), as_of, starts_ms=[0], until_ms=48 * HOUR_MS, target=0.2).any()


def test_a_steady_model_reaches_the_coverage_it_aims_at():
    generator = np.random.default_rng(2)
    as_of = hours(24 * 730)
    probability = 0.5 + 0.05 * generator.standard_normal(len(as_of))
    starts = [365 * DAY_MS, 456 * DAY_MS, 547 * DAY_MS]
    picked = chosen(probability, as_of, starts_ms=starts, until_ms=730 * DAY_MS, target=0.1)
    assert not picked[as_of < starts[0]].any()
    assert picked[as_of >= starts[0]].mean() == pytest.approx(0.1, rel=1 / 6)


def test_what_was_not_predicted_is_not_chosen():
    as_of = hours(24 * 300)
    probability = np.full(len(as_of), 0.6)
    probability[-10:] = np.nan
    picked = chosen(probability, as_of, starts_ms=[200 * DAY_MS], until_ms=300 * DAY_MS, target=0.5)
    assert picked[-20:-10].all()
    assert not picked[-10:].any()


def test_selective_figures_state_their_coverage():
    is_hit, is_chosen = np.array([True, False, True, True]), np.array([True, True, False, False])
    one = selective_accuracy(is_hit, is_chosen, hours(4), target=0.4, generator=np.random.default_rng(0))
    assert (one.coverage, one.n, one.accuracy) == (0.5, 2, 0.5)
    none = selective_accuracy(
        is_hit, ~is_hit & False, hours(4), target=0.4, generator=np.random.default_rng(0)
    )
    assert (none.coverage, none.n, none.accuracy, none.interval) == (0.0, 0, None, None)


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    generator = np.random.default_rng(4)
    as_of = hours(24 * 400)[::12]
    held = 0
    for _ in range(200):
        low, high = share_interval(generator.random(len(as_of)) < 0.6, as_of, generator=generator)
        held += low <= 0.6 <= high
    assert held / 200 == pytest.approx(0.94, abs=0.04)


def test_hits_that_come_in_weeks_widen_the_interval():
    generator = np.random.default_rng(5)
    as_of = hours(24 * 700)
    weeks = generator.random(100) < 0.5
    clustered = np.repeat(weeks, 24 * 7)
    even = generator.random(len(as_of)) < 0.5
    widths = [np.diff(share_interval(hits, as_of, generator=generator))[0] for hits in (clustered, even)]
    assert widths[0] > 5 * widths[1]


def test_blocks_wrap_round_the_end_and_count_every_row_alike():
    table = np.arange(1.0, 11.0)[:, None]
    sums = circular_block_sums(table, block=5, generator=np.random.default_rng(0), n_replicates=4_000)
    assert sums.mean() == pytest.approx(55.0, rel=0.02)
    whole = circular_block_sums(table, block=10, generator=np.random.default_rng(0))
    assert np.unique(whole) == pytest.approx([55.0])


@pytest.mark.parametrize("n_days", [1, 3, 9, 30])
def test_a_short_stretch_has_no_interval_narrower_than_that_of_independent_trials(n_days):
    """A stretch of a week was one block, so that every resample was the stretch itself: width zero."""
    as_of = hours(24 * n_days)
    is_hit = np.random.default_rng(n_days).random(len(as_of)) < 0.55
    low, high = share_interval(is_hit, as_of, generator=np.random.default_rng(0))
    least, most = wilson_interval(int(is_hit.sum()), len(is_hit))
    assert low <= least
    assert high >= most


def test_a_wanted_accuracy_is_reached_by_abstaining():
    generator = np.random.default_rng(6)
    confidence = generator.random(20_000) / 2
    is_hit = generator.random(20_000) < 0.5 + confidence / 2
    found = threshold_for_accuracy(confidence, is_hit, wanted=0.65)
    later = generator.random(20_000) / 2
    later_hit = generator.random(20_000) < 0.5 + later / 2
    assert later_hit[later >= found.limit].mean() >= 0.65
    assert np.mean(later >= found.limit) == pytest.approx(found.target, abs=0.02)
    assert found.target >= 0.5


def test_where_no_threshold_reaches_it_nothing_is_decided():
    generator = np.random.default_rng(7)
    confidence, is_hit = generator.random(5_000) / 2, generator.random(5_000) < 0.52
    assert threshold_for_accuracy(confidence, is_hit, wanted=0.65) == NEVER


def test_having_looked_at_many_shares_is_paid_for():
    """Where one half is the truth, a threshold for 52 % is found no more often than its risk says."""
    generator = np.random.default_rng(8)
    found = [
        threshold_for_accuracy(generator.random(2_000) / 2, generator.random(2_000) < 0.52, wanted=0.52)
        for _ in range(400)
    ]
    assert np.mean([one is not NEVER for one in found]) <= 0.05 + 0.02


@pytest.mark.parametrize(("how", "days"), [(Thresholds.WEEKLY, 7), (Thresholds.QUARTERLY, 91)])
def test_thresholds_are_set_at_the_beginning_and_go_on_to_the_end(how, days):
    from_ms, until_ms = 19_000 * DAY_MS, 19_400 * DAY_MS
    times = how.times(from_ms=from_ms, until_ms=until_ms)
    assert times[0] == from_ms
    assert max(np.diff([*times, until_ms])) <= (days + 1) * DAY_MS


def test_weekly_thresholds_keep_the_coverage_where_confidence_fades():
    """Confidences that halve over four years: the past is always more confident than what comes."""
    as_of = np.arange(24 * 900, dtype=np.int64) * HOUR_MS
    noise = np.random.default_rng(1).normal(size=len(as_of))
    probability = 0.5 + 0.02 * noise * np.exp2(-np.arange(len(as_of)) / (24 * 1_460))
    found = {}
    for how in Thresholds:
        starts = how.times(from_ms=200 * DAY_MS, until_ms=900 * DAY_MS)
        is_chosen = chosen(
            probability,
            as_of,
            starts_ms=starts,
            until_ms=900 * DAY_MS,
            target=0.05,
            trailing_ms=how.trailing_ms,
        )
        found[how] = is_chosen[24 * 200 :].mean()
    assert found[Thresholds.QUARTERLY] < found[Thresholds.WEEKLY] < 0.05
    assert found[Thresholds.WEEKLY] > 0.05 * 5 / 6

"""Scores against their definitions, intervals against theory, baselines fitted in the fold."""

import msgspec
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, log_loss, matthews_corrcoef

from tests.fakes.decision_sets import labelled
from tests.fakes.feature_tables import MINUTE_MS, table_of
from trainers.datasets.folds import folds_between
from trainers.evaluation import baselines, scores
from trainers.evaluation.intervals import block_rows, bootstrap_sums, percentile_interval, wilson_interval

SEED = 20


@pytest.fixture
def generator():
    return np.random.default_rng(SEED)


def drawn(generator, n=500):
    probability = generator.uniform(0.2, 0.8, size=n)
    is_up = generator.random(n) < probability
    is_tie = generator.random(n) < 0.1
    return probability, is_up & ~is_tie, is_tie


def sums_of(probability, is_up, is_tie):
    table = scores.probability_contributions(probability=probability, is_up=is_up, is_tie=is_tie)
    return table.sum(axis=0)


def test_scores_are_those_of_scikit_learn_on_rows_that_are_no_ties(generator):
    probability, is_up, is_tie = drawn(generator)
    sums = sums_of(probability, is_up, is_tie)
    p, up = probability[~is_tie], is_up[~is_tie]
    says_up = p >= 0.5
    assert scores.accuracy(sums) == pytest.approx(np.mean(says_up == up), abs=1e-12)
    assert scores.balanced_accuracy(sums) == pytest.approx(balanced_accuracy_score(up, says_up), abs=1e-12)
    assert scores.matthews_correlation(sums) == pytest.approx(matthews_corrcoef(up, says_up), abs=1e-12)
    assert scores.brier_score(sums) == pytest.approx(brier_score_loss(up, p), abs=1e-12)
    assert scores.log_loss(sums) == pytest.approx(log_loss(up, p), abs=1e-12)


def test_ties_change_nothing_but_their_share(generator):
    probability, is_up, is_tie = drawn(generator)
    with_ties = sums_of(probability, is_up, is_tie)
    without = sums_of(probability[~is_tie], is_up[~is_tie], is_tie[~is_tie])
    for score in scores.PROBABILITY_SCORES.values():
        assert score(with_ties) == pytest.approx(score(without), abs=1e-12)
    assert scores.tie_share(with_ties) == pytest.approx(is_tie.mean(), abs=1e-12)


def test_one_said_direction_has_no_correlation_with_the_true_one():
    sums = scores.direction_contributions(
        says_up=np.ones(4, bool), is_up=np.array([True, False, True, True]), is_tie=np.zeros(4, bool)
    ).sum(axis=0)
    assert (scores.accuracy(sums), scores.balanced_accuracy(sums), scores.matthews_correlation(sums)) == (
        0.75,
        0.5,
        0.0,
    )


def test_nothing_but_ties_leaves_scores_undefined():
    sums = sums_of(np.full(5, 0.5), np.zeros(5, bool), np.ones(5, bool))
    assert np.isnan(scores.accuracy(sums))
    assert scores.tie_share(sums) == 1.0


def test_calibration_error_sees_a_probability_that_boasts(generator):
    n = 20_000
    truth = generator.uniform(0.4, 0.6, size=n)
    is_up, is_tie = generator.random(n) < truth, np.zeros(n, bool)
    honest = scores.calibration_error(sums_of(truth, is_up, is_tie))
    boasting = scores.calibration_error(sums_of(0.5 + 3 * (truth - 0.5), is_up, is_tie))
    assert honest < 0.02
    assert boasting == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"), [(52, 100, 0.4232, 0.6154), (0, 10, 0, 0.2775), (0, 0, 0, 1)]
)
def test_wilson_intervals_are_those_of_the_book(hits, n, low, high):
    assert wilson_interval(hits, n) == pytest.approx((low, high), abs=1e-4)


def test_more_hits_than_trials_are_refused():
    with pytest.raises(ValueError, match="within"):
        wilson_interval(3, 2)


@pytest.mark.parametrize(("n", "rows"), [(10_000, 96), (1_000, 20), (30, 4)])
def test_a_block_is_a_day_unless_rows_are_few_and_never_shorter_than_a_label(n, rows):
    assert block_rows(n=n, interval_ms=15 * MINUTE_MS, horizon_ms=60 * MINUTE_MS) == rows


@pytest.mark.parametrize("mean_rows", [1, 7, 300])
def test_every_resample_has_as_many_rows_as_there_are(generator, mean_rows):
    sums = bootstrap_sums(np.ones((101, 1)), mean_block_rows=mean_rows, generator=generator, n_replicates=50)
    assert np.array_equal(sums, np.full((50, 1), 101.0))


def test_the_same_seed_gives_the_same_interval(generator):
    hits = generator.random((400, 1))
    twice = [
        bootstrap_sums(hits, mean_block_rows=10, generator=np.random.default_rng(3), n_replicates=50)
        for _ in range(2)
    ]
    assert np.array_equal(*twice)


def test_blocks_widen_the_interval_of_dependent_rows(generator):
    runs = np.repeat(generator.integers(0, 2, size=200), 20).astype(float)[:, None]

    def width(rows):
        sums = bootstrap_sums(runs, mean_block_rows=rows, generator=generator)
        low, high = percentile_interval(sums[:, 0] / len(runs))
        return high - low

    independent = 2 * 1.96 * 0.5 / np.sqrt(len(runs))
    assert width(1) == pytest.approx(independent, rel=0.15)
    assert width(100) == pytest.approx(independent * np.sqrt(20), rel=0.25)


def test_the_interval_holds_the_truth_about_as_often_as_it_says(generator):
    held = 0
    for _ in range(300):
        hits = (generator.random(800) < 0.5).astype(float)[:, None]
        sums = bootstrap_sums(hits, mean_block_rows=16, generator=generator, n_replicates=200)
        low, high = percentile_interval(sums[:, 0] / 800)
        held += low <= 0.5 <= high
    assert 0.90 <= held / 300 <= 0.99


def test_no_defined_replicate_has_no_interval():
    assert percentile_interval(np.full(10, np.nan)) is None


def samples_of(generator, n=400):
    values = generator.normal(size=(n, 2)) * [1.0, 50.0] + [0.0, 1000.0]
    values[generator.random(values.shape) < 0.05] = np.nan
    signs = np.where(np.nan_to_num(values[:, 0]) + generator.normal(size=n) > 0, 1, -1)
    close = 100 * np.exp(np.concatenate([[0.0], np.cumsum(signs[:-1] * 1e-3)]))
    return labelled(table_of(close, values=values))


def fold_of(decisions):
    """The first 40 % to learn from, the rest to test."""
    at_ms = int(decisions.as_of_ms[int(0.4 * len(decisions))])
    (fold,) = folds_between(decisions, refits_ms=[at_ms], until_ms=2**62)
    return fold


def test_the_logistic_baseline_is_scikit_learns_on_the_same_scaled_rows(generator):
    samples = samples_of(generator)
    fold = fold_of(samples)
    train, test = samples.rows[fold.train].astype(float), samples.rows[fold.test].astype(float)
    centre, scale = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
    peer = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(
        np.clip(np.nan_to_num((train - centre) / scale), -5, 5), samples.own.is_up[fold.train]
    )
    expected = peer.predict_proba(np.clip(np.nan_to_num((test - centre) / scale), -5, 5))[:, 1]
    forecast = baselines.logistic_regression(samples, fold)
    assert np.abs(forecast.probability - expected).max() < 1e-5


@pytest.mark.parametrize("name", list(baselines.BASELINES))
def test_a_baseline_sees_nothing_of_the_test_stretch_but_its_rows(generator, name):
    """Turning every label of the test stretch round leaves what is said of it as it was."""
    samples = samples_of(generator)
    fold = fold_of(samples)
    turned = samples.own.log_return.copy()
    turned[fold.test] *= -1
    own = msgspec.structs.replace(samples.own, log_return=turned)
    other = msgspec.structs.replace(samples, forward_returns={1: own})
    for one, two in zip(
        baselines.BASELINES[name](samples, fold), baselines.BASELINES[name](other, fold), strict=True
    ):
        assert (one is None and two is None) or np.array_equal(one, two)


def test_persistence_says_the_last_direction_and_the_majority_where_there_is_none(generator):
    samples = samples_of(generator)
    fold = fold_of(samples)
    said = baselines.persistence(samples, fold).says_up
    assert np.array_equal(said, samples.trailing_log_return[fold.test] > 0)

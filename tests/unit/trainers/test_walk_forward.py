"""The walk-forward: each model knows what came before its fold, and baselines are refitted beside it."""

import msgspec
import numpy as np
import pytest

from tests.fakes.decision_sets import ALWAYS_MS, labelled
from tests.fakes.feature_tables import MINUTE_MS, table_of
from trainers.datasets.folds import Fold, equal_folds
from trainers.evaluation import baselines
from trainers.evaluation.baselines import BASELINES, forecast_of
from trainers.evaluation.summaries import baseline_figures
from trainers.evaluation.version_metrics import version_metrics
from trainers.evaluation.walk_forward import out_of_sample
from trainers.models.logistic import LogisticRegression
from trainers.training.workers import Workers

N = 1_500


def market(n=N, *, seed=2, known_late=0):
    """Minutes in which the first feature tells the direction of the next one in three of four cases."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(n, 2))
    is_right = generator.random(n) < 0.75
    signs = np.where(is_right, np.sign(values[:, 0]), -np.sign(values[:, 0]))
    signs[generator.random(n) < 0.05] = 0
    close = 100 * np.exp(np.concatenate([[0.0], np.cumsum(signs[:-1] * 1e-3)]))
    as_of = np.arange(1, n + 1, dtype=np.int64) * MINUTE_MS
    return table_of(close, values=values, as_of_ms=as_of, known_ms=as_of + known_late * MINUTE_MS)


class Recording:
    """A recipe that keeps the training sets that it is fitted on."""

    name = "recording"
    multiples = frozenset({1, 2})

    def __init__(self):
        self.training_sets = []

    def fit(self, training_set):
        self.training_sets.append(training_set)
        return LogisticRegression().fit(training_set)


@pytest.fixture(scope="module")
def decisions():
    return labelled(market(known_late=3), multiples=(1, 2))


@pytest.fixture(scope="module")
def folds(decisions):
    return equal_folds(decisions, n_folds=3, until_ms=ALWAYS_MS)


@pytest.fixture(scope="module")
def probability(decisions, folds):
    return out_of_sample(decisions, LogisticRegression(), folds=folds)


def test_every_tested_row_is_predicted_and_no_other(decisions, folds, probability):
    tested = np.concatenate([fold.test for fold in folds])
    assert np.flatnonzero(~np.isnan(probability)).tolist() == tested.tolist()
    hit = np.equal(probability[tested] >= 0.5, decisions.own.is_up[tested])
    assert hit[decisions.own.is_decided[tested]].mean() == pytest.approx(0.75, abs=0.05)


def test_each_fold_learns_every_outcome_that_was_known_at_its_first_decision_and_none_besides(
    decisions, folds
):
    """Closes are known three minutes late, so that the newest rows are purged, of two minutes one more."""
    recipe = Recording()
    out_of_sample(decisions, recipe, folds=folds)
    assert len(recipe.training_sets) == len(folds)
    for fold, training_set in zip(folds, recipe.training_sets, strict=True):
        first = int(fold.test[0])
        for multiple, outcome in training_set.outcomes.items():
            returns = decisions.forward_returns[multiple]
            known = returns.is_decided & (np.arange(len(decisions)) <= first - multiple - 3)
            assert outcome.rows.tolist() == np.flatnonzero(known).tolist()
            assert outcome.known_ms.max() <= decisions.as_of_ms[first]


def test_turning_everything_from_a_fold_on_leaves_what_was_predicted_before(decisions, folds, probability):
    cut = int(folds[1].test[0])
    turned = decisions.own.log_return.copy()
    turned[cut:] *= -1
    own = msgspec.structs.replace(decisions.own, log_return=turned)
    other = msgspec.structs.replace(decisions, forward_returns={**decisions.forward_returns, 1: own})
    found = out_of_sample(other, LogisticRegression(), folds=folds)
    last = folds[1].test[-1] + 1
    assert np.array_equal(found[:last], probability[:last], equal_nan=True)
    assert not np.array_equal(found[last:], probability[last:])


def test_a_fold_with_too_few_rows_stays_without_predictions(decisions, folds):
    few = Fold(train=folds[0].train[:99], test=folds[0].test)
    found = out_of_sample(decisions, LogisticRegression(), folds=[few, folds[1]], least_rows=100)
    assert np.isnan(found[folds[0].test]).all()
    assert not np.isnan(found[folds[1].test]).any()


def test_the_watch_gets_the_model_that_predicted_each_fold(decisions, folds, probability):
    seen = []
    out_of_sample(decisions, LogisticRegression(), folds=folds, watch=seen.append)
    assert [found.fold for found in seen] == list(folds)
    for found in seen:
        rows = decisions.rows[found.fold.test]
        assert found.model.probabilities_up(rows).tolist() == probability[found.fold.test].tolist()
        native = found.fitted.native_probabilities(rows)
        assert np.abs(native - probability[found.fold.test]).max() < 1e-5


def test_the_order_in_which_folds_are_worked_through_changes_no_bit(decisions, folds, probability):
    def backwards(function, items):
        return [function(item) for item in reversed(items)][::-1]

    told = []
    with Workers(3, told.append) as workers:
        workers.n_steps = len(folds)
        threaded = out_of_sample(decisions, LogisticRegression(), folds=folds, mapper=workers.map_folds)
    reversed_ = out_of_sample(decisions, LogisticRegression(), folds=folds, mapper=backwards)
    assert np.array_equal(threaded, probability, equal_nan=True)
    assert np.array_equal(reversed_, probability, equal_nan=True)
    assert max(told) == 1.0
    assert len(told) == len(folds)


# Metrics and baselines


def metrics_of(decisions, folds, probability):
    return version_metrics(decisions, folds, probability, generator=np.random.default_rng(0))


def test_the_metrics_of_a_version_are_counted_on_tested_rows_without_ties(decisions, folds, probability):
    found = metrics_of(decisions, folds, probability).metrics
    tested = np.concatenate([fold.test for fold in folds])
    decided = tested[decisions.own.is_decided[tested]]
    p, up = probability[decided], decisions.own.is_up[decided]
    assert found["accuracy"].n == len(decided)
    assert found["accuracy"].value == np.mean((p >= 0.5) == up)
    assert found["brier_score"].value == pytest.approx(np.mean((p - up) ** 2), abs=1e-12)
    assert found["tie_share"].value == pytest.approx(1 - len(decided) / len(tested), abs=1e-12)
    assert found["accuracy"].low < found["accuracy"].value < found["accuracy"].high


def test_who_knows_the_outcome_is_always_right_and_who_knows_its_opposite_never(decisions, folds):
    certain = np.where(decisions.own.is_up, 0.9, 0.1)
    assert metrics_of(decisions, folds, certain).metrics["accuracy"].value == 1
    assert metrics_of(decisions, folds, 1 - certain).metrics["accuracy"].value == 0


def test_a_version_stands_beside_every_baseline_and_each_has_the_scores_that_it_states(
    decisions, folds, probability
):
    found = metrics_of(decisions, folds, probability).baselines
    assert set(found) == set(BASELINES)
    assert set(found["random_walk"]) == {"brier_score", "log_loss"}
    assert found["random_walk"]["brier_score"].value == 0.25
    assert "brier_score" not in found["always_up"]
    assert found["logistic_regression"]["accuracy"].value > found["always_up"]["accuracy"].value


def test_reversal_is_against_persistence_wherever_the_price_had_moved(decisions, folds):
    with_it = forecast_of(decisions, folds, baselines.persistence).says_up
    against = forecast_of(decisions, folds, baselines.reversal).says_up
    tested = np.concatenate([fold.test for fold in folds])
    trailing = decisions.trailing_log_return[tested]
    moved = ~np.isnan(trailing) & (trailing != 0)
    assert (with_it[tested][moved] != against[tested][moved]).all()
    assert (with_it[tested][~moved] == against[tested][~moved]).all()


def test_the_majority_is_of_what_was_known_and_changes_with_the_folds():
    """Up in the first half, down in the second: the majority of the last fold's past is down."""
    close = np.concatenate([np.arange(100.0, 400.0), np.arange(400.0, 0.0, -0.5)])
    decisions = labelled(table_of(close))
    folds = equal_folds(decisions, n_folds=5, until_ms=ALWAYS_MS)
    stated = forecast_of(decisions, folds, baselines.majority_class)
    first, last = folds[0].test, folds[-1].test
    assert stated.says_up[first].all()
    assert not stated.says_up[last].any()
    n_known = len(folds[-1].train)
    assert stated.probability[last] == pytest.approx(300 / n_known, abs=0.005)


def test_the_baselines_of_an_evaluation_are_those_of_a_version_on_the_same_rows(
    decisions, folds, probability
):
    tested = np.concatenate([fold.test for fold in folds])
    figures = baseline_figures(decisions, folds, tested[decisions.own.is_decided[tested]])
    stated = metrics_of(decisions, folds, probability).baselines
    for name in ("always_up", "majority_class", "persistence"):
        assert figures[name]["accuracy"] == stated[name]["accuracy"].value
    assert figures["majority_class"]["brier"] == pytest.approx(stated["majority_class"]["brier_score"].value)
    assert set(figures) == {"always_up", "majority_class", "persistence", "reversal", "random_walk"}

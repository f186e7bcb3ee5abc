"""Prequential evaluation with delayed labels: nothing is known too early, nothing found that is not there."""

import msgspec
import numpy as np
import pytest

from schemas.time import Interval
from tests.fakes.truths import holds
from tests.fixtures.feature_rows import NAMES, decisions_of_rows, feature_rows
from trainers.datasets.prices import ForwardReturn
from trainers.evaluation.prequential import prequential
from trainers.evaluation.progressive import ProgressiveRecord
from trainers.models.online.recipes import OnlineBagging, OnlineForest, OnlineLogistic, OnlineTree
from trainers.training.evaluating import Question, evaluated_online
from trainers.training.offered import online_offered

#: Far apart, so that there are many blocks of seven days for the intervals.
STEP = Interval.FOUR_HOURS
N = 3_000
#: Quick to learn, since few rows are there: the rates of the defaults are for tens of thousands.
RECIPES = {
    recipe.name: recipe
    for recipe in (
        OnlineLogistic(learning_rate=0.01),
        OnlineTree(),
        OnlineForest(n_models=5, grace_period=60, delta=0.05, tau=0.05),
        OnlineBagging(n_models=5, learning_rate=0.01),
    )
}
every_recipe = pytest.mark.parametrize("name", RECIPES)


def question_of(decisions, *, share=0.25):
    """The test begins after some of the decisions."""
    first_ms, last_ms = int(decisions.as_of_ms[0]), int(decisions.as_of_ms[-1])
    return Question(STEP, STEP, train_until_ms=first_ms + int(share * (last_ms - first_ms)))


def accuracy(decisions, recipe):
    figures, _ = evaluated_online(decisions, recipe, question_of(decisions))
    return figures


@pytest.fixture(scope="module")
def martingale():
    return decisions_of_rows(feature_rows(N, seed=5, strength=0.0, interval=STEP), horizon=STEP)


@pytest.fixture(scope="module")
def planted():
    """A standard normal column of strength 1/2 beside noise of 1: the best rule is right in 64.8 % of cases."""
    return decisions_of_rows(feature_rows(N, seed=6, strength=0.5, interval=STEP), horizon=STEP)


def test_every_model_that_is_offered_is_under_control():
    assert set(RECIPES) == set(online_offered())


@every_recipe
def test_a_martingale_gives_one_half_within_its_interval(name, martingale):
    figures = accuracy(martingale, RECIPES[name])
    assert holds(figures["accuracy_interval"], 0.5)
    assert np.diff(figures["accuracy_interval"]) < 0.1


@every_recipe
def test_permuted_labels_give_one_half_where_an_edge_was(name, planted):
    order = np.random.default_rng(7).permutation(len(planted))
    own = planted.own
    forward_returns = {
        1: ForwardReturn(log_return=np.nan_to_num(own.log_return)[order], known_ms=np.abs(own.known_ms))
    }
    figures = accuracy(msgspec.structs.replace(planted, forward_returns=forward_returns), RECIPES[name])
    assert holds(figures["accuracy_interval"], 0.5)


@every_recipe
def test_a_planted_edge_is_found_and_not_beaten(name, planted):
    figures = accuracy(planted, RECIPES[name])
    first = planted.as_of_ms >= question_of(planted).train_until_ms
    decided = first & (np.nan_to_num(planted.own.log_return) != 0)
    best = np.mean((planted.rows[decided, 0] > 0) == (planted.own.log_return[decided] > 0))
    assert best == pytest.approx(0.5 + np.arctan(0.5) / np.pi, abs=0.03)
    assert best - 0.08 < figures["accuracy"] < best + 0.01
    assert figures["accuracy_interval"][0] > 0.55


def test_a_label_is_not_known_before_its_horizon():
    """as-of   0    1    2    3 ...: with a horizon of an hour nothing is learnt before the fifth quarter."""

    class Counting:
        feature_names = NAMES
        n_learned = 0

        def predict_one(self, row):
            return np.float32(self.n_learned / 1000)

        def learn_one(self, row, *, is_up):
            self.n_learned += 1

    decisions = decisions_of_rows(feature_rows(40, n_cold=0), horizon=Interval.ONE_HOUR)
    said = np.round(prequential(decisions, Counting(), least_rows=0) * 1000)
    learnable = np.nan_to_num(decisions.own.log_return) != 0
    known = [int((learnable & (decisions.as_of_ms + 3_600_000 <= now)).sum()) for now in decisions.as_of_ms]
    assert said.tolist() == known


@every_recipe
def test_truncating_the_future_changes_no_probability(name):
    rows = feature_rows(500, seed=8, interval=STEP)
    whole, shorter = (
        prequential(decisions_of_rows(part, horizon=STEP), RECIPES[name].begin(NAMES), least_rows=0)
        for part in (rows, rows[:400])
    )
    assert np.array_equal(whole[: len(shorter)], shorter)


def test_a_running_record_is_what_a_whole_computation_finds():
    generator = np.random.default_rng(1)
    probability, is_up = generator.uniform(0.01, 0.99, 500), generator.random(500) < 0.6
    record = ProgressiveRecord()
    for said, up in zip(probability.tolist(), is_up.tolist(), strict=True):
        record.add(said, is_up=up)
    metrics = record.metrics()
    assert metrics["accuracy"].value == np.mean((probability >= 0.5) == is_up)
    assert metrics["brier_score"].value == pytest.approx(np.mean((probability - is_up) ** 2))
    likelihood = np.where(is_up, probability, 1 - probability)
    assert metrics["log_loss"].value == pytest.approx(-np.mean(np.log(likelihood)))
    assert record.baselines()["always_up"]["accuracy"].value == is_up.mean()
    assert ProgressiveRecord().metrics() == {}

"""The science of ``driftline evaluate`` as a test: every recipe through the whole of it.

What is not there is not found, what is there is found at its strength: from bars through features,
labels, calendar refits, the ONNX model and thresholds to the summary.
"""

import msgspec
import numpy as np
import pytest

from schemas.time import Interval
from stream_processors.features.bars import CLOSE, bar_table
from stream_processors.features.batch import compute_table
from tests.fakes.candle_files import simulated_candles
from tests.fakes.truths import holds
from tests.properties.trainers.test_recipe_laws import RECIPES, made_small
from trainers.datasets.prices import ForwardReturn, PricePath
from trainers.datasets.schedules import Refit
from trainers.models.logistic import LogisticRegression
from trainers.training.evaluating import Question, decisions_for, evaluated
from trainers.training.offered import offered

EDGE = 0.58
QUESTION = Question(
    interval=Interval.ONE_HOUR,
    horizon=Interval.ONE_HOUR,
    train_until_ms=int(np.datetime64("2021-05-20", "ms").astype(np.int64)),
    refit=Refit.QUARTERLY,
)
every_recipe = pytest.mark.parametrize("name", RECIPES)


def decisions_of(*, n=6_500, seed, continuation=0.5, multiples=frozenset({1, 2})):
    table = simulated_candles(n=6_500, seed=seed, continuation=continuation).slice(0, n)
    start_ms = table.column("timestamp").to_numpy().astype("datetime64[ms]").astype(np.int64)
    bars = bar_table(
        start_ms=start_ms,
        prices=np.column_stack([table.column(name).to_numpy() for name in ("open", "high", "low", "close")]),
        volume=table.column("volume").to_numpy(),
        interval=Interval.ONE_HOUR,
    )
    prices = PricePath(
        end_ms=bars.known_ms, known_ms=bars.known_ms, close=bars.rows[:, CLOSE].copy(), interval_ms=3_600_000
    )
    return decisions_for(compute_table(bars), prices, QUESTION, multiples)


@pytest.fixture(scope="module")
def martingale():
    return decisions_of(seed=5)


@pytest.fixture(scope="module")
def planted():
    return decisions_of(seed=6, continuation=EDGE)


@every_recipe
def test_a_martingale_gives_one_half_within_its_interval(name, martingale):
    figures, _ = evaluated(martingale, RECIPES[name], QUESTION)
    assert holds(figures["accuracy_interval"], 0.5)
    assert np.diff(figures["accuracy_interval"]) < 0.06
    confident = next(item for item in figures["selective"] if item["target_coverage"] == 0.1)
    assert holds(confident["interval"], 0.5)
    for item in figures["wanted_accuracy"]:
        assert item["n"] == 0 or holds(item["interval"], 0.5)
    # Models of few rows are unequally sharp from refit to refit, which exchangeability rules out: most sets
    # hold more than the nine tenths they state, and some less.
    assert figures["conformal"]["coverage"] > 0.8
    assert holds(figures["conformal"]["one_direction_interval"], 0.5)


@every_recipe
def test_a_planted_edge_is_found_at_the_strength_that_theory_predicts(name, planted):
    """Every decision has the same best accuracy, so none of the selective ones may beat it either."""
    figures, _ = evaluated(planted, RECIPES[name], QUESTION)
    assert holds(figures["accuracy_interval"], EDGE)
    assert figures["accuracy_interval"][0] > 0.53
    assert figures["baselines"]["persistence"]["accuracy"] == pytest.approx(EDGE, abs=0.03)
    assert figures["leak_alarm"] == (figures["accuracy_interval"][0] > 0.56)


@every_recipe
def test_permuted_labels_give_one_half_where_an_edge_was(name, planted):
    order = np.random.default_rng(7).permutation(len(planted))
    forward_returns = {
        multiple: ForwardReturn(
            log_return=np.nan_to_num(forward_return.log_return)[order],
            known_ms=np.abs(forward_return.known_ms),
        )
        for multiple, forward_return in planted.forward_returns.items()
    }
    figures, _ = evaluated(
        msgspec.structs.replace(planted, forward_returns=forward_returns), RECIPES[name], QUESTION
    )
    assert holds(figures["accuracy_interval"], 0.5)


ACCOMPANIED = made_small(offered(is_accompanied=True)["mixture"])


def test_a_companion_brings_no_edge_to_a_martingale(martingale):
    beside = msgspec.structs.replace(martingale, companions=(decisions_of(seed=11),))
    figures, _ = evaluated(beside, ACCOMPANIED, QUESTION)
    assert holds(figures["accuracy_interval"], 0.5)


def test_an_edge_is_found_with_a_companion_beside_it(planted):
    beside = msgspec.structs.replace(planted, companions=(decisions_of(seed=12, continuation=EDGE),))
    figures, _ = evaluated(beside, ACCOMPANIED, QUESTION)
    assert holds(figures["accuracy_interval"], EDGE)


def test_truncating_the_future_changes_no_probability():
    whole = decisions_of(n=5_000, seed=8)
    shorter = decisions_of(n=4_000, seed=8)
    recipe = LogisticRegression()
    first, second = (evaluated(decisions, recipe, QUESTION)[1] for decisions in (whole, shorter))
    assert np.array_equal(first[: len(second)], second, equal_nan=True)


def test_threads_change_nothing():
    decisions = decisions_of(n=5_000, seed=9)
    recipe = RECIPES["mixture"]
    alone, together = (
        evaluated(decisions, recipe, QUESTION._replace(n_workers=workers))[0] for workers in (1, 3)
    )
    assert alone == together


def test_weights_by_uniqueness_change_nothing_without_overlap():
    decisions = decisions_of(n=4_000, seed=10)
    recipe = LogisticRegression()
    even, weighted = (
        evaluated(decisions, recipe, QUESTION._replace(is_weighted=flag))[1] for flag in (False, True)
    )
    assert even == pytest.approx(weighted, nan_ok=True)

"""The science as a test: what is not there is not found, what is there is found at its strength.

Through the whole path of training: bars, the features' own kernel, labels, purged walk-forward,
XGBoost by ONNX, block-bootstrap intervals.
"""

import msgspec
import numpy as np
import pytest

from schemas.artifacts import ModelTarget
from schemas.time import Interval
from tests.fakes.feature_tables import simulated_table
from trainers.models.gradient_boosting import Boosting, BoostingParameters
from trainers.training.fitting import FitOptions, Origin, trained, training_decisions

RECIPE = Boosting(parameters=BoostingParameters(n_rounds=80, n_threads=1))
EDGE = 0.58


def decisions_of(table, horizon=Interval.ONE_MINUTE, *, known_by_ms=2**62):
    target = ModelTarget(instrument="BTC-USDT.SIMULATED", interval=Interval.ONE_MINUTE, horizon=horizon)
    return training_decisions(table, RECIPE, target=target, known_by_ms=known_by_ms)


def manifest_of(decisions):
    origin = Origin(
        instrument="BTC-USDT.SIMULATED",
        stream="simulation-1",
        source="simulated",
        trained_until_ms=int(decisions.own.known_ms[-1]),
        created_ms=0,
        code_version="test",
    )
    return trained(decisions, FitOptions("xgboost", RECIPE, n_folds=3), origin).manifest


@pytest.mark.parametrize("horizon", [Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES])
def test_a_martingale_gives_one_half_within_its_interval(horizon):
    """Labels that overlap fifteen-fold tempt most: a shuffled split "finds" 66-88 % in them."""
    table = simulated_table(n=5_000, seed=5)
    manifest = manifest_of(decisions_of(table, horizon))
    accuracy = manifest.metrics["accuracy"]
    assert accuracy.low <= 0.5 <= accuracy.high
    assert accuracy.high - accuracy.low < 0.25


def test_a_planted_edge_is_found_at_the_strength_that_theory_predicts():
    """No rule can beat the planted probability; a model with enough rows comes within a point of it."""
    table = simulated_table(n=12_000, seed=6, continuation=EDGE)
    manifest = manifest_of(decisions_of(table))
    accuracy = manifest.metrics["accuracy"]
    assert accuracy.low > 0.55
    assert accuracy.low <= EDGE <= accuracy.high
    assert manifest.baselines["persistence"]["accuracy"].value == pytest.approx(EDGE, abs=0.015)


def test_permuted_labels_give_one_half_where_an_edge_was():
    """One 95 % interval in twenty misses by chance, so that four permutations are judged together."""
    table = simulated_table(n=5_000, seed=7, continuation=EDGE)
    found = [_accuracy_of_permuted(decisions_of(table), seed) for seed in range(4)]
    assert sum(accuracy.low <= 0.5 <= accuracy.high for accuracy in found) >= 3
    assert np.mean([accuracy.value for accuracy in found]) == pytest.approx(0.5, abs=0.012)


def _accuracy_of_permuted(decisions, seed):
    shuffled = np.random.default_rng(seed).permutation(decisions.own.log_return)
    own = msgspec.structs.replace(decisions.own, log_return=shuffled)
    permuted = msgspec.structs.replace(decisions, forward_returns={1: own})
    return manifest_of(permuted).metrics["accuracy"]


def test_the_same_history_gives_the_same_version_and_the_same_figures():
    table = simulated_table(n=1_200, seed=8)
    one, two = (manifest_of(decisions_of(table)) for _ in range(2))
    assert msgspec.json.encode(one) == msgspec.json.encode(two)
    assert one.version.startswith("xgboost-btc-usdt.simulated-1m-1m-")


def test_what_comes_after_the_warm_up_changes_nothing():
    """Truncating the future never changes the past: the model is that of the shorter history."""
    table = simulated_table(n=1_500, seed=9)
    until_ms = int(table.as_of_ms[1_199])
    arrays = ("as_of_ms", "known_ms", "close", "is_warm", "values")
    shorter = msgspec.structs.replace(table, **{name: getattr(table, name)[:1_200] for name in arrays})
    whole, past = (manifest_of(decisions_of(made, known_by_ms=until_ms)) for made in (table, shorter))
    assert whole.model_hash == past.model_hash

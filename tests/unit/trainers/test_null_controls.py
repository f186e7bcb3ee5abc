"""The science as a test: what is not there is not found, what is there is found at its strength.

Through the whole path of training: bars, the features' own kernel, labels, purged walk-forward,
XGBoost by ONNX, block-bootstrap intervals.
"""

import msgspec
import numpy as np
import pytest

from schemas.time import Interval
from tests.fakes.feature_tables import simulated_table
from trainers.datasets.decisions import PricePath
from trainers.datasets.samples import labelled_samples
from trainers.models.gradient_boosting import Boosting, BoostingParameters
from trainers.training.fitting import FitOptions, Origin, trained

PARAMETERS = BoostingParameters(n_rounds=80, n_threads=1)
EDGE = 0.58


def samples_of(table, horizon=Interval.ONE_MINUTE):
    return labelled_samples(table, interval=Interval.ONE_MINUTE, horizon=horizon, known_by_ms=2**62)


def manifest_of(samples, table):
    origin = Origin(
        instrument="BTC-USDT.SIMULATED",
        stream="simulation-1",
        source="simulated",
        trained_until_ms=int(samples.label_known_ms[-1]),
        created_ms=0,
        code_version="test",
    )
    options = FitOptions("xgboost", Boosting(parameters=PARAMETERS), n_folds=3)
    return trained(samples, options, origin, prices=prices_of(table)).manifest


def prices_of(table):
    return PricePath(end_ms=table.as_of_ms, known_ms=table.known_ms, close=table.close, interval_ms=60_000)


@pytest.mark.parametrize("horizon", [Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES])
def test_a_martingale_gives_one_half_within_its_interval(horizon):
    """Labels that overlap fifteen-fold tempt most: a shuffled split "finds" 66-88 % in them."""
    table = simulated_table(n=5_000, seed=5)
    manifest = manifest_of(samples_of(table, horizon), table)
    accuracy = manifest.metrics["accuracy"]
    assert accuracy.low <= 0.5 <= accuracy.high
    assert accuracy.high - accuracy.low < 0.25


def test_a_planted_edge_is_found_at_the_strength_that_theory_predicts():
    """No rule can beat the planted probability; a model with enough rows comes within a point of it."""
    table = simulated_table(n=12_000, seed=6, continuation=EDGE)
    manifest = manifest_of(samples_of(table), table)
    accuracy = manifest.metrics["accuracy"]
    assert accuracy.low > 0.55
    assert accuracy.low <= EDGE <= accuracy.high
    assert manifest.baselines["persistence"]["accuracy"].value == pytest.approx(EDGE, abs=0.015)


def test_permuted_labels_give_one_half_where_an_edge_was():
    """One 95 % interval in twenty misses by chance, so that four permutations are judged together."""
    table = simulated_table(n=5_000, seed=7, continuation=EDGE)
    found = [_accuracy_of_permuted(samples_of(table), table, seed) for seed in range(4)]
    assert sum(accuracy.low <= 0.5 <= accuracy.high for accuracy in found) >= 3
    assert np.mean([accuracy.value for accuracy in found]) == pytest.approx(0.5, abs=0.012)


def _accuracy_of_permuted(samples, table, seed):
    shuffled = np.random.default_rng(seed).permutation(samples.log_return)
    fields = {name: getattr(samples, name) for name in samples.__struct_fields__}
    return manifest_of(type(samples)(**(fields | {"log_return": shuffled})), table).metrics["accuracy"]


def test_the_same_history_gives_the_same_version_and_the_same_figures():
    table = simulated_table(n=1_200, seed=8)
    one, two = (manifest_of(samples_of(table), table) for _ in range(2))
    assert msgspec.json.encode(one) == msgspec.json.encode(two)
    assert one.version.startswith("xgboost-btc-usdt.simulated-1m-1m-")


def test_what_comes_after_the_warm_up_changes_nothing():
    """Truncating the future never changes the past: the model is that of the shorter history."""
    table = simulated_table(n=1_500, seed=9)
    until_ms = int(table.as_of_ms[1_199])
    arrays = ("as_of_ms", "known_ms", "close", "is_warm", "values")
    shorter = msgspec.structs.replace(table, **{name: getattr(table, name)[:1_200] for name in arrays})
    kinds = {"interval": Interval.ONE_MINUTE, "horizon": Interval.ONE_MINUTE, "known_by_ms": until_ms}
    whole = manifest_of(labelled_samples(table, **kinds), table)
    assert whole.model_hash == manifest_of(labelled_samples(shorter, **kinds), shorter).model_hash

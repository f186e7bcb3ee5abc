"""Decisions, prices and models for tests of backtesting."""

import numpy as np

from schemas.artifacts import MODEL_FILE, ModelManifest, ModelTarget, RecipeStatement, sha256
from schemas.features import FeatureTable
from schemas.time import Interval
from tests.fakes.decision_sets import labelled
from trainers.backtesting.decisions import ModelDecisions, ScheduledModel
from trainers.datasets.prices import PricePath
from trainers.models.descriptions import described
from trainers.models.gradient_boosting import Boosting, BoostingParameters, fit

MINUTE_MS = 60_000
TARGET = ModelTarget(instrument="BTC-USDT.BINANCE", interval=Interval.ONE_MINUTE, horizon=Interval.ONE_MINUTE)


def prices_of(closes, *, end_ms=None) -> PricePath:
    """Closes of minutes, the first one at minute 1 unless the times say otherwise."""
    ends = np.arange(1, len(closes) + 1) * MINUTE_MS if end_ms is None else end_ms
    ends = np.asarray(ends, dtype=np.int64)
    return PricePath(
        interval_ms=MINUTE_MS, end_ms=ends, known_ms=ends, close=np.asarray(closes, dtype=np.float64)
    )


def decisions_of(
    probabilities, *, closes=None, as_of_ms=None, target: ModelTarget = TARGET
) -> ModelDecisions:
    """One decision a minute from minute 1 on."""
    n = len(probabilities)
    as_of = (
        np.arange(1, n + 1, dtype=np.int64) * MINUTE_MS
        if as_of_ms is None
        else np.asarray(as_of_ms, np.int64)
    )
    return ModelDecisions(
        target=target,
        as_of_ms=as_of,
        known_ms=as_of,
        close=np.full(n, 100.0) if closes is None else np.asarray(closes, np.float64),
        probability=np.asarray(probabilities, dtype=np.float32),
        served=np.zeros(n, dtype=np.int64),
    )


class ConstantModel:
    """Says the same of everything."""

    feature_names = ("b", "a")
    model_hash = "constant"
    policy = None

    def __init__(self, probability: float) -> None:
        self._probability = np.float32(probability)

    def probability_up(self, values):
        return self._probability

    def probabilities_up(self, rows):
        return np.full(len(rows), self._probability, dtype=np.float32)


def served_of(
    model, *, from_ms=-(2**53), version="constant-1", spec="spec", trained=(0, 0)
) -> ScheduledModel:
    return ScheduledModel(from_ms, version, model, spec, *trained)


def small_artifact(
    table: FeatureTable, *, until_ms: int, target: ModelTarget, stream: str = "replay-1", n_rounds: int = 10
) -> tuple[ModelManifest, dict[str, bytes]]:
    """A real model, fitted on a table's rows up to a time, with a manifest that says so."""
    samples = labelled(table, interval=target.interval, horizon=target.horizon, known_by_ms=until_ms)
    decided = samples.own.is_decided
    parameters = BoostingParameters(n_rounds=n_rounds)
    trees = fit(
        samples.rows[decided], samples.own.is_up[decided], feature_names=samples.names, parameters=parameters
    )
    onnx = trees.onnx()
    model_hash = sha256(onnx)
    manifest = ModelManifest(
        version=f"xgboost-{target.instrument.lower()}-{target.interval}-{target.horizon}-{model_hash[:8]}",
        kind="xgboost",
        target=target,
        model_hash=model_hash,
        feature_spec_hash=samples.feature_spec_hash,
        feature_names=samples.names,
        stream=stream,
        source="binance",
        trained_from_ms=int(samples.as_of_ms[0]),
        trained_until_ms=until_ms,
        n_rows=int(decided.sum()),
        metrics={},
        baselines={},
        parameters={"n_rounds": n_rounds},
        code_version="test",
        created_ms=until_ms,
        files={MODEL_FILE: model_hash},
        recipe=RecipeStatement(name="xgboost", parameters=described(Boosting(parameters=parameters))),
    )
    return manifest, {MODEL_FILE: onnx}

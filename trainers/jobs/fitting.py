"""From samples to a version: evidence by walk-forward, a fit on everything, and its manifest.

Apart from the job that waits, stores and announces, so that the whole science of training runs in
a test without a server. It sees no clock; its times come as arguments.
"""

import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import MODEL_FILE, Artifact, Metric, ModelManifest, ModelTarget, sha256
from schemas.time import Interval
from trainers.datasets.samples import Samples
from trainers.evaluation.walk_forward import Evaluation, Learner, evaluate
from trainers.models.gradient_boosting import BoostingParameters, Exported, fit
from trainers.models.onnx_models import OnnxModel

KIND = "xgboost"
NATIVE_FILE = "model.ubj"


def boosting_learner(names: tuple[str, ...], parameters: BoostingParameters) -> Learner:
    """Fits by XGBoost and predicts by ONNX, as the served model does, each export checked."""

    def learn(
        rows: NDArray[np.float32], is_up: NDArray[np.bool_], test: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        trees = fit(rows, is_up, feature_names=names, parameters=parameters)
        return OnnxModel.from_bytes(trees.export(test).onnx).probabilities_up(test)

    return learn


def trained(
    samples: Samples,
    *,
    instrument: str,
    stream: str,
    source: str,
    trained_until_ms: int,
    created_ms: int,
    code_version: str,
    parameters: BoostingParameters,
    n_folds: int,
) -> Artifact:
    """A version: what it predicts, how well it did out of sample, and its bytes.

    The figures are of the walk-forward; the model itself is fitted on all samples. Same samples
    and parameters give the same bytes, so the same version.

    Args:
        samples: Oldest first.
        instrument: Whose.
        stream: Where the samples came from.
        source: What their events say in ``source``.
        trained_until_ms: Every label was known by then.
        created_ms: By the trainer's clock.
        code_version: Of the project.
        parameters: Of the fit; the seed is the bootstrap's too.
        n_folds: Refits of the walk-forward.

    Raises:
        ValueError: If there are too few samples, or the export does not agree with the model.
    """
    evaluation = evaluate(
        samples,
        boosting_learner(samples.names, parameters),
        n_folds=n_folds,
        generator=np.random.default_rng(parameters.seed),
    )
    decided = ~samples.is_tie
    trees = fit(
        samples.rows[decided], samples.is_up[decided], feature_names=samples.names, parameters=parameters
    )
    exported = trees.export(samples.rows)
    files = {MODEL_FILE: exported.onnx, NATIVE_FILE: exported.native}
    target = ModelTarget(instrument=instrument, interval=samples.interval, horizon=samples.horizon)
    model_hash = sha256(exported.onnx)
    manifest = ModelManifest(
        version=version_name(target, model_hash),
        kind=KIND,
        target=target,
        model_hash=model_hash,
        feature_spec_hash=samples.feature_spec_hash,
        feature_names=samples.names,
        stream=stream,
        source=source,
        trained_from_ms=int(samples.as_of_ms[0]),
        trained_until_ms=trained_until_ms,
        n_rows=int(decided.sum()),
        metrics=_metrics(evaluation, exported, n=len(samples)),
        baselines=evaluation.baselines,
        parameters=_stated(parameters, n_folds=n_folds),
        code_version=code_version,
        created_ms=created_ms,
        files={name: sha256(data) for name, data in files.items()},
    )
    return Artifact(manifest=manifest, files=files)


def version_name(target: ModelTarget, model_hash: str) -> str:
    """Such as ``xgboost-btc-usdt.binance-15m-15m-3f9a1c02``."""
    interval, horizon = Interval(target.interval), Interval(target.horizon)
    return f"{KIND}-{target.instrument.lower()}-{interval}-{horizon}-{model_hash[:8]}"


def _metrics(evaluation: Evaluation, exported: Exported, *, n: int) -> dict[str, Metric]:
    difference = Metric(value=exported.largest_difference, low=None, high=None, n=n)
    return {**evaluation.metrics, "export_difference": difference}


def _stated(parameters: BoostingParameters, *, n_folds: int) -> dict[str, float | int | str]:
    fields = {name: getattr(parameters, name) for name in parameters.__struct_fields__}
    return {**fields, "n_folds": n_folds}

"""A real model, small and quickly fitted, for benchmarks that need some champion."""

import numpy as np

from schemas.artifacts import MODEL_FILE, ModelManifest, ModelTarget, sha256
from schemas.features import FeatureSpec
from schemas.time import Interval
from stream_processors.features.declarations import SPEC
from trainers.models.gradient_boosting import BoostingParameters, fit
from trainers.registry.folders import FolderRegistry


def publish_small_model(
    registry: FolderRegistry, *, instrument: str, stream: str, spec: FeatureSpec = SPEC, seed: int = 7
) -> ModelManifest:
    """Fit on noise, export, and publish as a version for one-minute bars.

    Args:
        spec: Of the features that it takes.
        seed: Of the noise: another one gives another model.
    """
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(2_000, len(spec.names))).astype(np.float32)
    fitted = fit(
        rows,
        rng.random(2_000) < 0.5,
        feature_names=spec.names,
        parameters=BoostingParameters(n_rounds=100),
    )
    onnx = fitted.export(rows).onnx
    model_hash = sha256(onnx)
    manifest = ModelManifest(
        version=f"benchmark-{instrument.lower()}-{model_hash[:8]}",
        kind="xgboost",
        target=ModelTarget(instrument=instrument, interval=Interval.ONE_MINUTE, horizon=Interval.ONE_MINUTE),
        model_hash=model_hash,
        feature_spec_hash=spec.hash,
        feature_names=spec.names,
        stream=stream,
        source="simulated",
        trained_from_ms=0,
        trained_until_ms=0,
        n_rows=len(rows),
        metrics={},
        baselines={},
        parameters={},
        code_version="benchmark",
        created_ms=0,
        files={MODEL_FILE: model_hash},
    )
    registry.publish(manifest, {MODEL_FILE: onnx})
    return manifest

"""Manifests and ledger lines for tests that are not about what is in them."""

from schemas.arms import CHAMPION
from schemas.artifacts import MODEL_FILE, LedgerEntry, Metric, ModelManifest, ModelTarget, sha256
from schemas.time import Interval

TARGET = ModelTarget(
    instrument="BTC-USDT.BINANCE", interval=Interval.FIFTEEN_MINUTES, horizon=Interval.FIFTEEN_MINUTES
)


def manifest_of(
    data: bytes,
    *,
    version: str = "xgboost-a-1",
    created_ms: int = 1,
    feature_names: tuple[str, ...] = ("a", "b"),
    target: ModelTarget = TARGET,
) -> ModelManifest:
    return ModelManifest(
        version=version,
        kind="xgboost",
        target=target,
        model_hash=sha256(data),
        feature_spec_hash="spec",
        feature_names=feature_names,
        stream="replay-1",
        source="binance",
        trained_from_ms=0,
        trained_until_ms=900_000,
        n_rows=10,
        metrics={"accuracy": Metric(value=0.51, low=0.49, high=0.53, n=10)},
        baselines={"always_up": {"accuracy": Metric(value=0.5, low=None, high=None, n=10)}},
        parameters={"max_depth": 3},
        code_version="0.1.0",
        created_ms=created_ms,
        files={MODEL_FILE: sha256(data)},
    )


def entry_of(
    manifest: ModelManifest, *, stream: str = "replay-1", alias: str = CHAMPION, at_ms: int = 5
) -> LedgerEntry:
    return LedgerEntry(
        alias=alias,
        target=manifest.target,
        version=manifest.version,
        model_hash=manifest.model_hash,
        stream=stream,
        effective_from_ms=at_ms,
        recorded_ms=at_ms,
        reason="a test",
    )

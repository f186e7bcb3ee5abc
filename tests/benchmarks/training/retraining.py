"""From stored bars to a registered model, and what XGBoost alone takes of that on the same matrix."""

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

import numpy as np

from schemas.artifacts import MODEL_FILE, ModelTarget
from schemas.time import Interval
from stream_processors.features.batch import compute_table, warm_up
from tests.benchmarks.recorded import HourlyFile, hourly_file
from tests.benchmarks.reporting import Figure
from tests.benchmarks.stream.telling import tell
from tests.fakes.artifacts import manifest_of
from trainers.datasets.decisions import DecisionSet
from trainers.inputs.bar_files import read_bars
from trainers.models.gradient_boosting import Boosting, BoostingParameters, import_libraries
from trainers.models.onnx_models import OnnxModel
from trainers.models.recipes import EXPORT_TOLERANCE, OWN_HORIZON, Outcome, TrainingSet, exported
from trainers.registry.folders import FolderRegistry
from trainers.training.fitting import FitOptions, Origin, trained, training_decisions

BAR_S = 12.0
ROUNDS = 3
PARAMETERS = BoostingParameters(n_rounds=300, max_depth=5, n_threads=2)
TARGET = ModelTarget(instrument="BTC-USDT.BINANCE", interval=Interval.ONE_HOUR, horizon=Interval.ONE_HOUR)
_ALWAYS_MS = 2**53
_PEER = "xgboost alone"
#: Rows on which the two models are held against each other.
_COMPARED = 5_000


class Retrained(NamedTuple):
    """One retraining: its seconds by part, the bars, what was learnt from and what came of it."""

    n_bars: int
    seconds: dict[str, float]
    training_set: TrainingSet
    onnx: bytes


def retraining_figures() -> list[Figure]:
    """Medians of rounds in which ours and XGBoost's turns alternate, everything imported."""
    import_libraries()
    warm_up()
    with tempfile.TemporaryDirectory() as folder:
        bars = hourly_file(Path(folder))
        rounds = [_round(bars, Path(folder) / f"registry-{number}") for number in range(ROUNDS)]
        evidence_s = _with_evidence(bars.path, FolderRegistry(Path(folder) / "registry"))
    ours = median(sum(retrained.seconds.values()) for retrained, _ in rounds)
    theirs = median(alone_s for _, alone_s in rounds)
    first = rounds[0][0]
    n_rows, n_columns = len(first.training_set.outcomes[OWN_HORIZON].rows), len(first.training_set.names)
    title = (
        f"{first.n_bars:,} {bars.words} ({n_rows:,} with an outcome) and {n_columns} features, "
        "from stored bars to a registered model"
    )
    return [
        Figure(
            metric=title,
            value=ours,
            unit="s",
            bar=BAR_S,
            holds=ours <= BAR_S,
            peer=_PEER,
            ratio=ours / theirs,
        ),
        *(_part(name, [retrained.seconds[name] for retrained, _ in rounds]) for name in first.seconds),
        Figure(
            metric="the version as the train job makes it: four folds, thresholds and sets judged besides",
            value=evidence_s,
            unit="s",
            bar=None,
            holds=None,
        ),
        Figure(
            metric=f"{_PEER}, fitting the same matrix",
            value=theirs,
            unit="s",
            bar=None,
            holds=None,
            peer=_PEER,
        ),
    ]


def _round(bars: HourlyFile, registry: Path) -> tuple[Retrained, float]:
    retrained = _retrained(bars.path, FolderRegistry(registry))
    alone_s, theirs = _alone(retrained.training_set)
    rows, _, _ = retrained.training_set.examples()
    ours = OnnxModel.from_bytes(retrained.onnx).probabilities_up(rows[:_COMPARED])
    if np.abs(ours - theirs).max() > EXPORT_TOLERANCE:
        message = "XGBoost alone must have learnt the same trees, has not: the two are not comparable"
        raise AssertionError(message)
    tell(f"retraining: {sum(retrained.seconds.values()):.2f} s, XGBoost alone {alone_s:.2f} s of it")
    return retrained, alone_s


def _retrained(path: Path, registry: FolderRegistry) -> Retrained:
    seconds: dict[str, float] = {}
    began_s = time.perf_counter()

    def took(what: str) -> None:
        nonlocal began_s
        now_s = time.perf_counter()
        seconds[what], began_s = now_s - began_s, now_s

    bars = read_bars(path)
    took("reading bars")
    table = compute_table(bars.bars)
    took("features")
    decisions = training_decisions(
        table, Boosting(parameters=PARAMETERS), target=TARGET, known_by_ms=_ALWAYS_MS
    )
    training_set = _training_set(decisions)
    took("labels and data set")
    fitted = Boosting(parameters=PARAMETERS).fit(training_set)
    took("fitting")
    checked = exported(fitted, decisions.rows)
    took("export, checked on every row")
    manifest = manifest_of(checked.onnx, feature_names=decisions.names, target=TARGET)
    registry.publish(manifest, {MODEL_FILE: checked.onnx})
    took("registering")
    return Retrained(len(table.as_of_ms), seconds, training_set, checked.onnx)


def _with_evidence(path: Path, registry: FolderRegistry) -> float:
    """Seconds of one version with all that its manifest states, from stored bars to the registry."""
    began_s = time.perf_counter()
    bars = read_bars(path)
    recipe = Boosting(parameters=PARAMETERS)
    decisions = training_decisions(
        compute_table(bars.bars), recipe, target=TARGET, known_by_ms=_ALWAYS_MS, finer=bars.prices()
    )
    origin = Origin(
        instrument=TARGET.instrument,
        stream="benchmark",
        source="binance",
        trained_until_ms=int(decisions.own.known_ms[-1]),
        created_ms=0,
        code_version="benchmark",
    )
    options = FitOptions(name="xgboost", recipe=recipe)
    artifact = trained(decisions, options, origin)
    registry.publish(artifact.manifest, artifact.files)
    return time.perf_counter() - began_s


def _training_set(decisions: DecisionSet) -> TrainingSet:
    rows = np.flatnonzero(decisions.own.is_decided)
    outcome = Outcome(rows, decisions.own.is_up[rows])
    return TrainingSet(decisions.names, decisions.rows, {OWN_HORIZON: outcome})


def _alone(training_set: TrainingSet) -> tuple[float, np.ndarray]:
    """Seconds of XGBoost's own interface, as its documentation has it, and the probabilities learnt."""
    xgboost = import_libraries()
    rows, is_up, _ = training_set.examples()
    settings = {
        "objective": "binary:logistic",
        "base_score": 0.5,
        "tree_method": "hist",
        "max_depth": 5,
        "learning_rate": PARAMETERS.learning_rate,
        "min_child_weight": PARAMETERS.min_child_weight,
        "subsample": PARAMETERS.subsample,
        "colsample_bytree": PARAMETERS.column_share,
        "reg_lambda": PARAMETERS.l2,
        "max_bin": PARAMETERS.n_bins,
        "nthread": 2,
        "seed": PARAMETERS.seed,
    }
    began_s = time.perf_counter()
    matrix = xgboost.QuantileDMatrix(
        rows, is_up.astype(np.float32), max_bin=settings["max_bin"], nthread=settings["nthread"]
    )
    booster = xgboost.train(settings, matrix, 300)
    alone_s = time.perf_counter() - began_s
    return alone_s, booster.inplace_predict(rows[:_COMPARED])


def _part(name: str, seconds: list[float]) -> Figure:
    return Figure(metric=f"  {name}", value=median(seconds), unit="s", bar=None, holds=None)

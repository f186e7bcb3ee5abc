"""What a trained model is, as a set of files with a manifest; no file of it is ever executed.

A model's identity is ``model_hash``, the SHA-256 of its ONNX bytes, or of its River snapshot where it
learns row by row. The version is a name for people made from it. Nothing is pickled: ONNX, XGBoost's
own UBJ and JSON, and River snapshots of a format of ours only.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from schemas.time import Interval

MODEL_FILE = "model.onnx"
#: The snapshot of a model that learns row by row; its format is in ``trainers/models/online/snapshots.py``.
RIVER_FILE = "model.river"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """A measured figure with its 95 % interval and what it was measured on."""

    value: float
    low: float | None
    high: float | None
    n: int


class ModelTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What a model alias belongs to."""

    instrument: str
    interval: Interval
    horizon: Interval

    def __str__(self) -> str:
        """Such as ``BTC-USDT.BINANCE 15m->15m``."""
        return f"{self.instrument} {self.interval}->{self.horizon}"


class RecipeStatement(msgspec.Struct, frozen=True, kw_only=True):
    """How a model is made, completely enough to make one like it anew.

    Attributes:
        name: What it was asked for by, such as ``calibrated-xgboost``.
        parameters: The whole recipe as ``trainers.models.descriptions.described`` writes it, members
            included; ``recipe_of`` reads it.
    """

    name: str
    parameters: dict[str, Any]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """How decisions of at least some confidence turned out where the model had not seen them.

    The thresholds behind the figures were each chosen on data before the decisions that they are of;
    ``least_confidence`` is the one that serves from now on, chosen in the same way.

    Attributes:
        target: The most confident share of all decisions that was aimed at; 1 is all.
        least_confidence: The probability of the stated direction from which on it serves.
        coverage: The share of all decisions that was made in fact.
        at_close: How many of them were right, entered at the close that was decided on.
        late: The same entered some seconds later and held as long, by the seconds; a bar is among
            them where it could be had.
    """

    target: float
    least_confidence: float
    coverage: float
    at_close: Metric
    late: dict[int, Metric]


class ConformalStatement(msgspec.Struct, frozen=True, kw_only=True):
    """The conformal sets of a version, and what came of such sets where they could be judged.

    Attributes:
        miscoverage: The rate at which they are meant to miss the outcome.
        least_up: The least probability of up with which it is in the set.
        least_down: Likewise of down.
        n_up, n_down: Past outcomes that the two were settled on.
        coverage: How often such sets held the outcome, walk-forward; None where too little was there.
    """

    miscoverage: float
    least_up: float
    least_down: float
    n_up: int
    n_down: int
    coverage: Metric | None


class LeakAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the accuracy of a version is so high that a leak in its data must be ruled out first.

    Attributes:
        is_ringing: Whether the lower end of the interval lies above the limit.
        accuracy: The accuracy over all decisions out of sample that was judged.
        limit: The limit that was applied.
    """

    is_ringing: bool
    accuracy: Metric
    limit: float


class ModelManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be known about a model before it is loaded.

    Attributes:
        version: Such as ``xgboost-btc-usdt.binance-15m-15m-3f9a1c02``; unique, made from the hash.
        kind: The model family, such as ``xgboost``.
        model_hash: SHA-256 of ``model.onnx`` or ``model.river``, hexadecimal.
        feature_spec_hash: Of the features it takes.
        feature_names: Its input columns, in order.
        stream: The run its training data came from.
        source: What its training data said in ``source``.
        trained_from_ms: As-of time of the first training row.
        trained_until_ms: Every training label was known by then.
        metrics: By name, measured out of sample by purged walk-forward.
        baselines: The same figures for each baseline, by baseline and metric.
        parameters: What the model was fitted with.
        code_version: Of the project.
        created_ms: By the trainer's clock.
        files: SHA-256 by file name.
        recipe: How it was fitted, and can be again; None of versions older than this field, as the
            fields below are empty.
        evidence: By growing confidence, the first of all decisions.
        picks_from: The confidence from which on it makes a decision; None always abstains.
        conformal: Of its sets; None states none.
        configurations_tried: How many were judged before this one was chosen, itself included.
        leak_alarm: The judgement of its accuracy; None where nothing was measured, and of versions older
            than this field.
    """

    version: str
    kind: str
    target: ModelTarget
    model_hash: str
    feature_spec_hash: str
    feature_names: tuple[str, ...]
    stream: str
    source: str
    trained_from_ms: int
    trained_until_ms: int
    n_rows: int
    metrics: dict[str, Metric]
    baselines: dict[str, dict[str, Metric]]
    parameters: dict[str, bool | float | int | str]
    code_version: str
    created_ms: int
    files: dict[str, str]
    recipe: RecipeStatement | None = None
    evidence: tuple[Evidence, ...] = ()
    picks_from: float | None = None
    conformal: ConformalStatement | None = None
    configurations_tried: int = 1
    leak_alarm: LeakAlarm | None = None


class Artifact(msgspec.Struct, frozen=True, kw_only=True):
    """A manifest with the bytes it describes."""

    manifest: ModelManifest
    files: Mapping[str, bytes]


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the append-only ledger: which version an alias pointed to, since when, and why.

    Attributes:
        effective_from_ms: In the stream's time.
        recorded_ms: By the clock of who wrote it.
        leak_alarm_confirmed_by: Who looked for a leak, found none and says so, where the leak alarm of the
            version rings; ``reason`` says why. None in every other line.
    """

    alias: str
    target: ModelTarget
    version: str
    model_hash: str
    stream: str
    effective_from_ms: int
    recorded_ms: int
    reason: str
    leak_alarm_confirmed_by: str | None = None


def sha256(data: bytes) -> str:
    """The hash that names content, hexadecimal."""
    return hashlib.sha256(data).hexdigest()

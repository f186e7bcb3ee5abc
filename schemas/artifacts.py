"""A trained model as a set of files with a manifest. No file of it is ever executed.

The identity of a model is ``model_hash``, the SHA-256 of its ONNX bytes, or of its River snapshot if it
learns row by row. The version is a name for people that is made from the hash. Nothing is pickled: files are ONNX,
XGBoost's own UBJ and JSON, and River snapshots in a format of this project.
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
    """A measured figure with its 95 % interval and the number of cases that it was measured on."""

    value: float
    low: float | None
    high: float | None
    n: int


class ModelTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is trained to predict."""

    instrument: str
    interval: Interval
    horizon: Interval

    def __str__(self) -> str:
        """Return the target in words, such as ``BTC-USDT.BINANCE 15m->15m``."""
        return f"{self.instrument} {self.interval}->{self.horizon}"


class RecipeStatement(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe of a model, complete enough to fit such a model again.

    Attributes:
        name: The name by which it was requested, such as ``calibrated-xgboost``.
        parameters: The whole recipe, members included, as ``trainers.models.descriptions.described`` writes it and
            ``recipe_of`` reads it.
    """

    name: str
    parameters: dict[str, Any]


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The accuracy of decisions of at least some confidence, on data that the model had not seen.

    Each threshold behind the figures was chosen on data before the decisions that it applies to;
    ``least_confidence`` is the threshold that serves from now on, and was chosen in the same way.

    Attributes:
        target: The most confident share of all decisions that was aimed at; 1 is all.
        least_confidence: The smallest probability of the stated direction at which the threshold is passed.
        coverage: The share of all decisions that passed the threshold.
        at_close: The accuracy of these decisions if they are entered at the close that was decided on.
        late: The accuracy if they are entered some seconds later and held as long, by the seconds; one bar is among
            them if its price is known.
    """

    target: float
    least_confidence: float
    coverage: float
    at_close: Metric
    late: dict[int, Metric]


class ConformalStatement(msgspec.Struct, frozen=True, kw_only=True):
    """The conformal sets of a version, and their measured coverage.

    Attributes:
        miscoverage: The rate at which they are meant to miss the outcome.
        least_up: The least probability of up with which up is in the set.
        least_down: The least probability of down with which down is in the set.
        n_up, n_down: The numbers of past outcomes from which the two were computed.
        coverage: How often such sets held the outcome in walk-forward; None if the data were too few.
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
    """The description of a model, which is read before the model is loaded.

    Attributes:
        version: Such as ``xgboost-btc-usdt.binance-15m-15m-3f9a1c02``; it is unique and made from the hash.
        kind: The model family, such as ``xgboost``.
        model_hash: SHA-256 of ``model.onnx`` or ``model.river``, hexadecimal.
        feature_spec_hash: The hash of the features that it takes.
        feature_names: Its input columns, in order.
        stream: The run of its training data.
        source: The ``source`` of its training data.
        trained_from_ms: The as-of time of the first training row.
        trained_until_ms: The time by which every training label was known.
        metrics: The figures by name, measured out of sample by purged walk-forward.
        baselines: The same figures for each baseline, by baseline and metric.
        parameters: The parameters that the model was fitted with.
        code_version: The version of the project.
        created_ms: When it was fitted, by the clock of the trainer.
        files: SHA-256 by file name.
        recipe: The recipe by which it was fitted and can be fitted again; None in versions that are older than this
            field, where the fields below are empty, too.
        evidence: The evidence by growing confidence; the first is of all decisions.
        picks_from: The least confidence at which it makes a decision; None always abstains.
        conformal: Its conformal sets; None if it has none.
        configurations_tried: The number of configurations that were judged before this one was chosen, itself included.
        leak_alarm: The judgement of its accuracy; None if nothing was measured, and in versions older
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
    """A manifest with the files that it describes."""

    manifest: ModelManifest
    files: Mapping[str, bytes]


class LedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the append-only ledger: the version to which an alias points, since when, and why.

    Attributes:
        effective_from_ms: The time of the stream from which it holds.
        recorded_ms: When the line was written, by the clock of its writer.
        leak_alarm_confirmed_by: Who looked for a leak and found none, if the leak alarm of the
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
    """Return the SHA-256 of a content, hexadecimal."""
    return hashlib.sha256(data).hexdigest()

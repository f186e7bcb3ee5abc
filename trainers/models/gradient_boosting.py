"""Fits XGBoost, and exports it to ONNX with a check that the exported model is the fitted one.

Stands apart from the other models because it is the only module that imports xgboost, which
serving must not import. The same rows and parameters give the same ONNX bytes.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainers.models.onnx_models import FEATURE_NAMES, INPUT
from trainers.models.recipes import EXPORT_TOLERANCE, OWN_HORIZON, TrainingSet, exported, largest_difference

__all__ = [
    "EXPORT_TOLERANCE",
    "BoostedExport",
    "BoostedTrees",
    "Boosting",
    "BoostingParameters",
    "fit",
    "import_libraries",
    "largest_difference",
]

_GRAPH_NAME = "gradient_boosting"
_OPSET = 15


class BoostingParameters(msgspec.Struct, frozen=True, kw_only=True):
    """The parameters of a gradient-boosted model; they were chosen beforehand and not searched.

    Attributes:
        n_rounds: The number of trees.
        max_depth: The greatest depth of a tree.
        learning_rate: The share of each tree that is added.
        min_child_weight: The least sum of hessians in a leaf: a quarter of a row each at p = 0.5.
        subsample: The share of rows of each tree.
        column_share: The share of columns of each tree.
        l2: The penalty on leaf weights.
        n_bins: The bins of the histogram.
        n_parallel_trees: More than one, with one round and a learning rate of one, make a random
            forest.
        n_threads: A fixed number and not the machine's, so that no model depends on the machine. It is one,
            because threads that wait for each other on busy cores are many times slower (RESULTS.md).
        seed: The seed of the sampling.
    """

    n_rounds: int = 150
    max_depth: int = 3
    learning_rate: float = 0.05
    min_child_weight: float = 10.0
    subsample: float = 0.7
    column_share: float = 0.5
    l2: float = 5.0
    n_bins: int = 64
    n_parallel_trees: int = 1
    n_threads: int = 1
    seed: int = 0


class BoostedExport(NamedTuple):
    """A fitted model as bytes, and how closely the two forms agree on the rows it was checked on."""

    onnx: bytes
    native: bytes
    largest_difference: float


class BoostedTrees:
    """A fitted model, before export."""

    def __init__(self, booster: Any, *, feature_names: tuple[str, ...]) -> None:
        self._booster = booster
        self._feature_names = feature_names

    def native_probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns what XGBoost itself predicts; used only to check the export."""
        probabilities: NDArray[np.float32] = self._booster.inplace_predict(rows)
        return probabilities

    def onnx(self) -> bytes:
        """Returns the model as deterministic ONNX bytes that name their input columns."""
        with _without_scikit_learn():
            from onnxmltools.convert import convert_xgboost
            from onnxmltools.convert.common.data_types import FloatTensorType

        width = len(self._feature_names)
        model = convert_xgboost(
            self._booster,
            name=_GRAPH_NAME,
            initial_types=[(INPUT, FloatTensorType([None, width]))],
            target_opset=_OPSET,
        )
        _drop_base_values(model)
        entry = model.metadata_props.add()
        entry.key = FEATURE_NAMES
        entry.value = msgspec.json.encode(self._feature_names).decode()
        data: bytes = model.SerializeToString(deterministic=True)
        return data

    def native(self) -> bytes:
        """Returns the model in XGBoost's own binary JSON."""
        return bytes(self._booster.save_raw("ubj"))

    def export(self, rows: NDArray[np.float32]) -> BoostedExport:
        """Returns both forms, after checking that they predict the same.

        Args:
            rows: The rows to check on, shape (n, k): the training rows.

        Raises:
            ValueError: If a probability differs by more than :data:`EXPORT_TOLERANCE`, or a
                direction differs where the probability is farther than that from one half.
        """
        checked = exported(self, rows)
        return BoostedExport(checked.onnx, self.native(), checked.largest_difference)


def fit(
    rows: NDArray[np.float32],
    is_up: NDArray[np.bool_],
    *,
    feature_names: tuple[str, ...],
    parameters: BoostingParameters,
    weight: NDArray[np.float64] | None = None,
) -> BoostedTrees:
    """Fits a classifier of up against down by histograms.

    Args:
        rows: Shape (n, k), oldest first, NaN where undefined.
        is_up: Shape (n,); ties are left out by the caller.
        feature_names: The names of the k columns.
        parameters: The parameters; with the rows they decide the result.
        weight: Shape (n,); None weighs all rows alike.
    """
    xgboost = import_libraries()
    data = xgboost.QuantileDMatrix(
        rows,
        is_up.astype(np.float32),
        weight=weight,
        max_bin=parameters.n_bins,
        nthread=parameters.n_threads,
    )
    booster = xgboost.train(_settings(parameters), data, parameters.n_rounds)
    booster.set_param({"nthread": parameters.n_threads})
    return BoostedTrees(booster, feature_names=feature_names)


def _settings(parameters: BoostingParameters) -> dict[str, Any]:
    return {
        "objective": "binary:logistic",
        "base_score": 0.5,
        "tree_method": "hist",
        "max_depth": parameters.max_depth,
        "learning_rate": parameters.learning_rate,
        "min_child_weight": parameters.min_child_weight,
        "subsample": parameters.subsample,
        **_columns_drawn(parameters),
        "reg_lambda": parameters.l2,
        "max_bin": parameters.n_bins,
        "nthread": parameters.n_threads,
        "seed": parameters.seed,
        "verbosity": 0,
    }


def _columns_drawn(parameters: BoostingParameters) -> dict[str, Any]:
    """A forest draws its columns at every split; boosting draws them once for each tree."""
    if parameters.n_parallel_trees == 1:
        return {"colsample_bytree": parameters.column_share}
    return {"colsample_bynode": parameters.column_share, "num_parallel_tree": parameters.n_parallel_trees}


class Boosting(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe of boosted trees, or of a forest.

    Attributes:
        parameters: The parameters of the fit.
        multiple: The number of horizons over which the outcome reaches.
    """

    parameters: BoostingParameters = BoostingParameters()
    multiple: int = OWN_HORIZON

    @property
    def name(self) -> str:
        """The kind, and the multiple of the horizon if it is not one."""
        kind = "xgboost" if self.parameters.n_parallel_trees == 1 else "random-forest"
        return kind if self.multiple == OWN_HORIZON else f"{kind}-x{self.multiple}"

    @property
    def multiples(self) -> frozenset[int]:
        """The one multiple of this recipe."""
        return frozenset({self.multiple})

    def fit(self, training_set: TrainingSet) -> BoostedTrees:
        """Fits the trees by histograms."""
        rows, is_up, weight = training_set.examples(self.multiple)
        return fit(rows, is_up, feature_names=training_set.names, parameters=self.parameters, weight=weight)


def _drop_base_values(model: Any) -> None:
    """Makes the graph begin at a margin of zero, which the base score of one half means.

    The converter does not turn the score into a margin if the first tree is a single leaf of
    zero, as it is on evenly split rows, and is then wrong by half a logit.
    """
    for node in model.graph.node:
        kept = [attribute for attribute in node.attribute if attribute.name != "base_values"]
        del node.attribute[:]
        node.attribute.extend(kept)


def import_libraries() -> Any:
    """Imports xgboost and the converter, which takes seconds; a second call returns at once.

    Returns:
        The module ``xgboost``.
    """
    with _without_scikit_learn():
        import onnxmltools.convert  # noqa: F401  (loaded while scikit-learn is hidden, for those who import it later)
        import xgboost
    return xgboost


@contextmanager
def _without_scikit_learn() -> Iterator[None]:
    """Hides scikit-learn while xgboost is imported, unless it is loaded already.

    xgboost imports it, with scipy.stats and pandas, if it is installed. The interface of xgboost that is used
    here needs none of them. RESULTS.md states what this saves.
    """
    if "sklearn" in sys.modules or "xgboost" in sys.modules:
        yield
        return
    sys.modules["sklearn"] = None  # type: ignore[assignment]  # the documented way to block an import
    try:
        yield
    finally:
        del sys.modules["sklearn"]

"""Fits LightGBM, by default extremely randomised trees, and translates it exactly to ONNX.

This is the only module that imports lightgbm. The translation is written here because LightGBM compares
float32 values with double thresholds. Rounding the thresholds down to float32 keeps the result of every comparison,
and the usual converter does not do this.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainers.models.recipes import OWN_HORIZON, TrainingSet


class LightBoosting(msgspec.Struct, frozen=True, kw_only=True):
    """The recipe of LightGBM.

    Attributes:
        n_rounds: The number of trees.
        n_leaves: The most leaves of a tree.
        learning_rate: The share of each tree that is added.
        min_rows_in_leaf: The least rows in a leaf.
        row_share, column_share: The shares of rows and columns of each tree.
        l2: The penalty on leaf weights.
        n_bins: The bins of the histogram.
        is_extra: Whether one random threshold of each column is tried instead of all.
        multiple: The number of horizons over which the outcome reaches.
        n_threads: One, for the reason given in :mod:`trainers.models.gradient_boosting`.
    """

    n_rounds: int = 300
    n_leaves: int = 31
    learning_rate: float = 0.03
    min_rows_in_leaf: int = 200
    row_share: float = 0.7
    column_share: float = 0.5
    l2: float = 5.0
    n_bins: int = 63
    is_extra: bool = True
    multiple: int = OWN_HORIZON
    n_threads: int = 1
    seed: int = 0

    @property
    def name(self) -> str:
        """The kind, and the multiple of the horizon if it is not one."""
        kind = "lightgbm-extra" if self.is_extra else "lightgbm"
        return kind if self.multiple == OWN_HORIZON else f"{kind}-x{self.multiple}"

    @property
    def multiples(self) -> frozenset[int]:
        """The one multiple of this recipe."""
        return frozenset({self.multiple})

    def fit(self, training_set: TrainingSet) -> "LightTrees":
        """Fits the trees by histograms."""
        import lightgbm

        rows, is_up, weight = training_set.examples(self.multiple)
        data = lightgbm.Dataset(rows, is_up.astype(np.float64), weight=weight, params=self._settings())
        booster = lightgbm.train(self._settings(), data, num_boost_round=self.n_rounds)
        return LightTrees(booster, names=training_set.names)

    def _settings(self) -> dict[str, Any]:
        return {
            "objective": "binary",
            "boost_from_average": False,
            "extra_trees": self.is_extra,
            "num_leaves": self.n_leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": self.min_rows_in_leaf,
            "bagging_fraction": self.row_share,
            "bagging_freq": 1,
            "feature_fraction": self.column_share,
            "lambda_l2": self.l2,
            "max_bin": self.n_bins,
            "num_threads": self.n_threads,
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        }


class LightTrees:
    """A fitted ensemble."""

    def __init__(self, booster: Any, *, names: tuple[str, ...]) -> None:
        self._booster = booster
        self._names = names

    def native_probabilities(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Returns what LightGBM itself predicts."""
        probabilities: NDArray[np.float32] = self._booster.predict(rows, num_threads=1).astype(np.float32)
        return probabilities

    def onnx(self) -> bytes:
        """Returns the model as ONNX bytes, translated node by node."""
        from trainers.models.onnx_graphs import TreeNodes, trees_graph

        nodes = TreeNodes([], [], [], [], [], [], [], [], [])
        for number, tree in enumerate(self._booster.dump_model()["tree_info"]):
            _add_tree(nodes, number, tree["tree_structure"])
        return trees_graph(nodes, feature_names=self._names)


def _add_tree(nodes: Any, number: int, root: dict[str, Any]) -> None:
    """Appends the nodes of a tree, numbered in the order in which they are met."""
    waiting = [(root, 0)]
    n_nodes = 1
    while waiting:
        node, own = waiting.pop()
        if "split_feature" not in node:
            _append(nodes, number, own, "LEAF", leaf=float(node["leaf_value"]))
            continue
        left, right = n_nodes, n_nodes + 1
        n_nodes += 2
        threshold = float(node["threshold"])
        _append(
            nodes,
            number,
            own,
            "BRANCH_LEQ",
            feature=int(node["split_feature"]),
            threshold=rounded_down(threshold),
            branches=(left, right),
            missing_is_true=_missing_goes_left(node, threshold),
        )
        waiting += [(node["left_child"], left), (node["right_child"], right)]


def _append(
    nodes: Any,
    tree: int,
    node: int,
    mode: str,
    *,
    feature: int = 0,
    threshold: float = 0.0,
    branches: tuple[int, int] = (0, 0),
    missing_is_true: bool = False,
    leaf: float = 0.0,
) -> None:
    row = (tree, node, mode, feature, threshold, *branches, int(missing_is_true), leaf)
    for column, value in zip(nodes, row, strict=True):
        column.append(value)


def rounded_down(threshold: float) -> float:
    """Returns the largest float32 that is at most the threshold; no float32 lies between the two."""
    with np.errstate(
        over="ignore"
    ):  # LightGBM separates defined from undefined values by the largest double.
        rounded = np.float32(threshold)
    # Compared as doubles, because numpy would otherwise round the threshold before it compares.
    is_above = float(rounded) > threshold
    return float(np.nextafter(rounded, np.float32(-np.inf)) if is_above else rounded)


def _missing_goes_left(node: dict[str, Any], threshold: float) -> bool:
    """Whether NaN goes left: as the split says, or like zero if there was no NaN in training."""
    return bool(node["default_left"]) if node["missing_type"] == "NaN" else threshold >= 0

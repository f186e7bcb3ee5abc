"""The classes that River's four models consist of, each with the kinds of its attributes.

This is the allow-list of format 1, as River 0.26 has its classes. A class that is not here is
neither written nor read. Families are built when they are asked for: a process that learns by
logistic regression need not import River's trees, and with them scipy and scikit-learn.
"""

from collections import defaultdict
from functools import partial
from typing import Any, NamedTuple

from trainers.models.online.generators import Generators, unused_generator
from trainers.models.online.graphs import Attributes, Entry
from trainers.models.online.kinds import (
    FLAG,
    LABEL,
    NOTHING,
    NUMBER,
    WHOLE,
    Distinct,
    Feature,
    Inline,
    Kind,
    Many,
    Maybe,
    Pairs,
    Reader,
    Reference,
    Unkept,
    Writer,
    constant,
)
from trainers.models.online.windows import window_numbers, window_of

_WEIGHT_BY_LABEL = Pairs(LABEL, NUMBER)


class Family(NamedTuple):
    """What a kind of model consists of.

    Attributes:
        root: The code of the class that all belongs to.
        entries: The classes that may be met.
    """

    root: str
    entries: tuple[Entry, ...]


class _Weights:
    """A linear model's weights by column, in the order in which columns were first met."""

    def __init__(self) -> None:
        self._pairs = Pairs(Feature(), NUMBER)

    def write(self, value: Any, writer: Writer) -> Any:
        return self._pairs.write(value.to_dict(), writer)

    def read(self, data: Any, reader: Reader) -> Any:
        from river.utils import VectorDict

        return VectorDict(self._pairs.read(data, reader), None)


def logistic_family() -> Family:
    """Of the scaled logistic regression."""
    from river import optim
    from river.linear_model import LogisticRegression

    regression: dict[str, Kind] = {
        "optimizer": Reference("SGD"),
        "loss": Reference("Log"),
        "l2": NUMBER,
        "l1": NUMBER,
        "intercept_init": NUMBER,
        "intercept": NUMBER,
        "intercept_lr": Reference("Constant"),
        "clip_gradient": NUMBER,
        "initializer": Reference("Zeros"),
        "_weights": _Weights(),
        "_y_name": NOTHING,
    }
    entries = (
        Attributes("LogisticRegression", LogisticRegression, regression),
        Attributes("SGD", optim.SGD, {"lr": Reference("Constant"), "n_iterations": WHOLE}),
        Attributes("Constant", optim.schedulers.Constant, {"learning_rate": NUMBER}),
        Attributes("Log", optim.losses.Log, {"weight_pos": NUMBER, "weight_neg": NUMBER}),
        Attributes("Zeros", optim.initializers.Zeros, {"value": NUMBER}),
    )
    return Family("LogisticRegression", entries)


def bagging_family() -> Family:
    """Of ADWIN bagging, over logistic regressions."""
    from trainers.models.online.bagging import ErrorBagging

    kinds: dict[str, Kind] = {
        "data": Many(Reference("LogisticRegression")),
        "model": Reference("LogisticRegression"),
        "n_models": WHOLE,
        "seed": WHOLE,
        "_rng": Reference("Random"),
        "_drift_detectors": Many(Reference("ADWIN")),
    }
    bagging = Attributes("ErrorBagging", ErrorBagging, kinds)
    return Family("ErrorBagging", (bagging, *logistic_family().entries, _adwin(), Generators()))


def tree_family() -> Family:
    """Of the Hoeffding adaptive tree."""
    from river.tree import HoeffdingAdaptiveTreeClassifier
    from river.tree.nodes.hatc_nodes import AdaLeafClassifier, AdaNumBinaryBranchClass

    nodes = ("AdaLeafClassifier", "AdaNumBinaryBranchClass")
    adaptive: dict[str, Kind] = {"drift_detector": Reference("ADWIN"), "_mean_error": Reference("Mean")}
    tree: dict[str, Kind] = {
        **_tree_kinds(nodes),
        "bootstrap_sampling": FLAG,
        "drift_window_threshold": WHOLE,
        "drift_detector": Reference("ADWIN"),
        "switch_significance": NUMBER,
        "seed": WHOLE,
        "_n_alternate_trees": WHOLE,
        "_n_pruned_alternate_trees": WHOLE,
        "_n_switch_alternate_trees": WHOLE,
        "_rng": Reference("Random"),
    }
    leaf = {**_leaf_kinds(), **adaptive, "rng": Reference("Random")}
    branch = {**_branch_kinds(nodes), **adaptive, "_alternate_tree": Maybe(Reference(*nodes))}
    entries = (
        Attributes("HoeffdingAdaptiveTreeClassifier", HoeffdingAdaptiveTreeClassifier, tree),
        Attributes("AdaLeafClassifier", AdaLeafClassifier, leaf),
        Attributes("AdaNumBinaryBranchClass", AdaNumBinaryBranchClass, branch),
    )
    return Family("HoeffdingAdaptiveTreeClassifier", (*entries, *_observers(), _adwin(), Generators()))


def forest_family() -> Family:
    """Of the adaptive random forest."""
    from river.forest.adaptive_random_forest import ARFClassifier, BaseTreeClassifier
    from river.metrics import Accuracy, ConfusionMatrix
    from river.tree.nodes.arf_htc_nodes import RandomLeafNaiveBayesAdaptive
    from river.tree.nodes.branch import NumericBinaryBranch

    nodes = ("RandomLeafNaiveBayesAdaptive", "NumericBinaryBranch")
    of_features: dict[str, Kind] = {"max_features": WHOLE, "rng": Reference("Random")}
    by_label = Pairs(LABEL, NUMBER, default=float)
    confusion: dict[str, Kind] = {
        "_init_classes": Distinct(LABEL),
        "sum_row": by_label,
        "sum_col": by_label,
        "data": Pairs(LABEL, by_label, default=partial(defaultdict, float)),
        "n_samples": WHOLE,
        "total_weight": NUMBER,
        "_total_true_positives": NUMBER,
    }
    entries = (
        Attributes("ARFClassifier", ARFClassifier, _forest_kinds()),
        Attributes("BaseTreeClassifier", BaseTreeClassifier, {**_tree_kinds(nodes), **of_features}),
        Attributes(
            "RandomLeafNaiveBayesAdaptive",
            RandomLeafNaiveBayesAdaptive,
            {**_leaf_kinds(), **of_features, "feature_indices": Many(Feature())},
        ),
        Attributes("NumericBinaryBranch", NumericBinaryBranch, _branch_kinds(nodes)),
        Attributes("Accuracy", Accuracy, {"cm": Reference("ConfusionMatrix")}),
        Attributes("ConfusionMatrix", ConfusionMatrix, confusion),
    )
    return Family("ARFClassifier", (*entries, *_observers(), _adwin(), Generators()))


def _forest_kinds() -> dict[str, Kind]:
    detectors = Many(Reference("ADWIN"))
    counts = Pairs(WHOLE, WHOLE, default=int)
    return {
        "data": Many(Reference("BaseTreeClassifier")),
        "n_models": WHOLE,
        "max_features": WHOLE,
        "lambda_value": WHOLE,
        "metric": Reference("Accuracy"),
        "disable_weighted_vote": FLAG,
        "drift_detector": Reference("ADWIN"),
        "warning_detector": Reference("ADWIN"),
        "seed": WHOLE,
        "_rng": Reference("Random"),
        "_warning_detection_disabled": FLAG,
        "_warning_detectors": detectors,
        "_drift_detection_disabled": FLAG,
        "_drift_detectors": detectors,
        "_background": Many(Maybe(Reference("BaseTreeClassifier"))),
        "_metrics": Many(Reference("Accuracy")),
        "_warning_tracker": counts,
        "_drift_tracker": counts,
        "grace_period": WHOLE,
        "max_depth": WHOLE,
        "split_criterion": constant("info_gain"),
        "delta": NUMBER,
        "tau": NUMBER,
        "leaf_prediction": constant("nba"),
        "nb_threshold": WHOLE,
        "nominal_attributes": NOTHING,
        "splitter": NOTHING,
        "binary_split": FLAG,
        "min_branch_fraction": NUMBER,
        "max_share_to_split": NUMBER,
        "max_size": NUMBER,
        "memory_estimate_period": WHOLE,
        "stop_mem_management": FLAG,
        "remove_poor_attrs": FLAG,
        "merit_preprune": FLAG,
    }


def _tree_kinds(nodes: tuple[str, ...]) -> dict[str, Kind]:
    return {
        "_split_criterion": constant("info_gain"),
        "_leaf_prediction": constant("nba"),
        "max_depth": WHOLE,
        "binary_split": FLAG,
        "_max_size": NUMBER,
        "_max_byte_size": NUMBER,
        "memory_estimate_period": WHOLE,
        "stop_mem_management": FLAG,
        "remove_poor_attrs": FLAG,
        "merit_preprune": FLAG,
        "_root": Maybe(Reference(*nodes)),
        "_n_active_leaves": NUMBER,
        "_n_inactive_leaves": NUMBER,
        "_inactive_leaf_size_estimate": NUMBER,
        "_active_leaf_size_estimate": NUMBER,
        "_size_estimate_overhead_fraction": NUMBER,
        "_growth_allowed": FLAG,
        "_train_weight_seen_by_model": NUMBER,
        "grace_period": WHOLE,
        "delta": NUMBER,
        "tau": NUMBER,
        "nb_threshold": WHOLE,
        "nominal_attributes": NOTHING,
        "splitter": Reference("GaussianSplitter"),
        "min_branch_fraction": NUMBER,
        "max_share_to_split": NUMBER,
        "classes": Distinct(LABEL),
    }


def _leaf_kinds() -> dict[str, Kind]:
    return {
        "stats": _WEIGHT_BY_LABEL,
        "depth": WHOLE,
        "splitter": Reference("GaussianSplitter"),
        "splitters": Maybe(Pairs(Feature(), Reference("GaussianSplitter"))),
        "_disabled_attrs": Distinct(Feature()),
        "_last_split_attempt_at": NUMBER,
        "_mc_correct_weight": NUMBER,
        "_nb_correct_weight": NUMBER,
    }


def _branch_kinds(nodes: tuple[str, ...]) -> dict[str, Kind]:
    return {
        "children": Many(Reference(*nodes), n=2),
        "stats": _WEIGHT_BY_LABEL,
        "feature": Feature(),
        "threshold": NUMBER,
        "depth": WHOLE,
    }


def _observers() -> tuple[Entry, ...]:
    """What a leaf knows of each column, by label."""
    from river.proba import Gaussian
    from river.stats import Mean, Var
    from river.tree.splitter import GaussianSplitter

    splitter: dict[str, Kind] = {
        "_min_per_class": _WEIGHT_BY_LABEL,
        "_max_per_class": _WEIGHT_BY_LABEL,
        "_att_dist_per_class": Pairs(LABEL, Reference("Gaussian")),
        "n_splits": WHOLE,
    }
    # Each Gaussian comes with a generator, seeded by the machine, for drawing from it: nobody does.
    gaussian: dict[str, Kind] = {"seed": NOTHING, "_rng": Unkept(unused_generator), "_var": Reference("Var")}
    return (
        Attributes("GaussianSplitter", GaussianSplitter, splitter),
        Attributes("Gaussian", Gaussian, gaussian),
        Attributes("Var", Var, {"ddof": WHOLE, "mean": Reference("Mean"), "_S": NUMBER}),
        Attributes("Mean", Mean, {"n": NUMBER, "_mean": NUMBER}),
    )


def _adwin() -> Entry:
    from river.drift import ADWIN

    kinds: dict[str, Kind] = {
        "_drift_detected": FLAG,
        "delta": NUMBER,
        "clock": WHOLE,
        "max_buckets": WHOLE,
        "min_window_length": WHOLE,
        "grace_period": WHOLE,
        "_helper": Inline(window_numbers, window_of),
    }
    return Attributes("ADWIN", ADWIN, kinds)

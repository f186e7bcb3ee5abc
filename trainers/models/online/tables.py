"""Lists the classes of River's four models, each with the kinds of its attributes.

This is the list of allowed classes of format 1, as they are in River 0.26. Other classes are
neither written nor read. A family is built when it is asked for, so that a process that learns by
logistic regression does not import River's trees, and with them scipy and scikit-learn.
"""

from collections import defaultdict
from functools import partial
from typing import Any, NamedTuple

from trainers.models.online.generators import GeneratorEntry, unused_generator
from trainers.models.online.graphs import AttributeEntry, ClassEntry
from trainers.models.online.kinds import (
    FLAG,
    LABEL,
    NOTHING,
    NUMBER,
    WHOLE,
    FeatureKind,
    InlineKind,
    ListKind,
    MappingKind,
    ObjectReader,
    ObjectWriter,
    OptionalKind,
    ReferenceKind,
    SetKind,
    UnkeptKind,
    ValueKind,
    constant,
)
from trainers.models.online.windows import window_numbers, window_of

_WEIGHT_BY_LABEL = MappingKind(LABEL, NUMBER)


class ModelFamily(NamedTuple):
    """The classes of one kind of model.

    Attributes:
        root: The code of the class of the model itself.
        entries: The classes that may occur.
    """

    root: str
    entries: tuple[ClassEntry, ...]


class _Weights:
    """A linear model's weights by column, in the order in which columns were first met."""

    def __init__(self) -> None:
        self._pairs = MappingKind(FeatureKind(), NUMBER)

    def write(self, value: Any, writer: ObjectWriter) -> Any:
        return self._pairs.write(value.to_dict(), writer)

    def read(self, data: Any, reader: ObjectReader) -> Any:
        from river.utils import VectorDict

        return VectorDict(self._pairs.read(data, reader), None)


def logistic_family() -> ModelFamily:
    """Returns the classes of the scaled logistic regression."""
    from river import optim
    from river.linear_model import LogisticRegression

    regression: dict[str, ValueKind] = {
        "optimizer": ReferenceKind("SGD"),
        "loss": ReferenceKind("Log"),
        "l2": NUMBER,
        "l1": NUMBER,
        "intercept_init": NUMBER,
        "intercept": NUMBER,
        "intercept_lr": ReferenceKind("Constant"),
        "clip_gradient": NUMBER,
        "initializer": ReferenceKind("Zeros"),
        "_weights": _Weights(),
        "_y_name": NOTHING,
    }
    entries = (
        AttributeEntry("LogisticRegression", LogisticRegression, regression),
        AttributeEntry("SGD", optim.SGD, {"lr": ReferenceKind("Constant"), "n_iterations": WHOLE}),
        AttributeEntry("Constant", optim.schedulers.Constant, {"learning_rate": NUMBER}),
        AttributeEntry("Log", optim.losses.Log, {"weight_pos": NUMBER, "weight_neg": NUMBER}),
        AttributeEntry("Zeros", optim.initializers.Zeros, {"value": NUMBER}),
    )
    return ModelFamily("LogisticRegression", entries)


def bagging_family() -> ModelFamily:
    """Returns the classes of ADWIN bagging over logistic regressions."""
    from trainers.models.online.bagging import ErrorBagging

    kinds: dict[str, ValueKind] = {
        "data": ListKind(ReferenceKind("LogisticRegression")),
        "model": ReferenceKind("LogisticRegression"),
        "n_models": WHOLE,
        "seed": WHOLE,
        "_rng": ReferenceKind("Random"),
        "_drift_detectors": ListKind(ReferenceKind("ADWIN")),
    }
    bagging = AttributeEntry("ErrorBagging", ErrorBagging, kinds)
    return ModelFamily("ErrorBagging", (bagging, *logistic_family().entries, _adwin(), GeneratorEntry()))


def tree_family() -> ModelFamily:
    """Returns the classes of the Hoeffding adaptive tree."""
    from river.tree import HoeffdingAdaptiveTreeClassifier
    from river.tree.nodes.hatc_nodes import AdaLeafClassifier, AdaNumBinaryBranchClass

    nodes = ("AdaLeafClassifier", "AdaNumBinaryBranchClass")
    adaptive: dict[str, ValueKind] = {
        "drift_detector": ReferenceKind("ADWIN"),
        "_mean_error": ReferenceKind("Mean"),
    }
    tree: dict[str, ValueKind] = {
        **_tree_kinds(nodes),
        "bootstrap_sampling": FLAG,
        "drift_window_threshold": WHOLE,
        "drift_detector": ReferenceKind("ADWIN"),
        "switch_significance": NUMBER,
        "seed": WHOLE,
        "_n_alternate_trees": WHOLE,
        "_n_pruned_alternate_trees": WHOLE,
        "_n_switch_alternate_trees": WHOLE,
        "_rng": ReferenceKind("Random"),
    }
    leaf = {**_leaf_kinds(), **adaptive, "rng": ReferenceKind("Random")}
    branch = {**_branch_kinds(nodes), **adaptive, "_alternate_tree": OptionalKind(ReferenceKind(*nodes))}
    entries = (
        AttributeEntry("HoeffdingAdaptiveTreeClassifier", HoeffdingAdaptiveTreeClassifier, tree),
        AttributeEntry("AdaLeafClassifier", AdaLeafClassifier, leaf),
        AttributeEntry("AdaNumBinaryBranchClass", AdaNumBinaryBranchClass, branch),
    )
    return ModelFamily(
        "HoeffdingAdaptiveTreeClassifier", (*entries, *_observers(), _adwin(), GeneratorEntry())
    )


def forest_family() -> ModelFamily:
    """Returns the classes of the adaptive random forest."""
    from river.forest.adaptive_random_forest import ARFClassifier, BaseTreeClassifier
    from river.metrics import Accuracy, ConfusionMatrix
    from river.tree.nodes.arf_htc_nodes import RandomLeafNaiveBayesAdaptive
    from river.tree.nodes.branch import NumericBinaryBranch

    nodes = ("RandomLeafNaiveBayesAdaptive", "NumericBinaryBranch")
    of_features: dict[str, ValueKind] = {"max_features": WHOLE, "rng": ReferenceKind("Random")}
    by_label = MappingKind(LABEL, NUMBER, default=float)
    confusion: dict[str, ValueKind] = {
        "_init_classes": SetKind(LABEL),
        "sum_row": by_label,
        "sum_col": by_label,
        "data": MappingKind(LABEL, by_label, default=partial(defaultdict, float)),
        "n_samples": WHOLE,
        "total_weight": NUMBER,
        "_total_true_positives": NUMBER,
    }
    entries = (
        AttributeEntry("ARFClassifier", ARFClassifier, _forest_kinds()),
        AttributeEntry("BaseTreeClassifier", BaseTreeClassifier, {**_tree_kinds(nodes), **of_features}),
        AttributeEntry(
            "RandomLeafNaiveBayesAdaptive",
            RandomLeafNaiveBayesAdaptive,
            {**_leaf_kinds(), **of_features, "feature_indices": ListKind(FeatureKind())},
        ),
        AttributeEntry("NumericBinaryBranch", NumericBinaryBranch, _branch_kinds(nodes)),
        AttributeEntry("Accuracy", Accuracy, {"cm": ReferenceKind("ConfusionMatrix")}),
        AttributeEntry("ConfusionMatrix", ConfusionMatrix, confusion),
    )
    return ModelFamily("ARFClassifier", (*entries, *_observers(), _adwin(), GeneratorEntry()))


def _forest_kinds() -> dict[str, ValueKind]:
    detectors = ListKind(ReferenceKind("ADWIN"))
    counts = MappingKind(WHOLE, WHOLE, default=int)
    return {
        "data": ListKind(ReferenceKind("BaseTreeClassifier")),
        "n_models": WHOLE,
        "max_features": WHOLE,
        "lambda_value": WHOLE,
        "metric": ReferenceKind("Accuracy"),
        "disable_weighted_vote": FLAG,
        "drift_detector": ReferenceKind("ADWIN"),
        "warning_detector": ReferenceKind("ADWIN"),
        "seed": WHOLE,
        "_rng": ReferenceKind("Random"),
        "_warning_detection_disabled": FLAG,
        "_warning_detectors": detectors,
        "_drift_detection_disabled": FLAG,
        "_drift_detectors": detectors,
        "_background": ListKind(OptionalKind(ReferenceKind("BaseTreeClassifier"))),
        "_metrics": ListKind(ReferenceKind("Accuracy")),
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


def _tree_kinds(nodes: tuple[str, ...]) -> dict[str, ValueKind]:
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
        "_root": OptionalKind(ReferenceKind(*nodes)),
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
        "splitter": ReferenceKind("GaussianSplitter"),
        "min_branch_fraction": NUMBER,
        "max_share_to_split": NUMBER,
        "classes": SetKind(LABEL),
    }


def _leaf_kinds() -> dict[str, ValueKind]:
    return {
        "stats": _WEIGHT_BY_LABEL,
        "depth": WHOLE,
        "splitter": ReferenceKind("GaussianSplitter"),
        "splitters": OptionalKind(MappingKind(FeatureKind(), ReferenceKind("GaussianSplitter"))),
        "_disabled_attrs": SetKind(FeatureKind()),
        "_last_split_attempt_at": NUMBER,
        "_mc_correct_weight": NUMBER,
        "_nb_correct_weight": NUMBER,
    }


def _branch_kinds(nodes: tuple[str, ...]) -> dict[str, ValueKind]:
    return {
        "children": ListKind(ReferenceKind(*nodes), n=2),
        "stats": _WEIGHT_BY_LABEL,
        "feature": FeatureKind(),
        "threshold": NUMBER,
        "depth": WHOLE,
    }


def _observers() -> tuple[ClassEntry, ...]:
    """The classes that hold what a leaf knows of each column, by label."""
    from river.proba import Gaussian
    from river.stats import Mean, Var
    from river.tree.splitter import GaussianSplitter

    splitter: dict[str, ValueKind] = {
        "_min_per_class": _WEIGHT_BY_LABEL,
        "_max_per_class": _WEIGHT_BY_LABEL,
        "_att_dist_per_class": MappingKind(LABEL, ReferenceKind("Gaussian")),
        "n_splits": WHOLE,
    }
    # Each Gaussian has a generator for drawing from it, seeded by the machine; nobody draws from it.
    gaussian: dict[str, ValueKind] = {
        "seed": NOTHING,
        "_rng": UnkeptKind(unused_generator),
        "_var": ReferenceKind("Var"),
    }
    return (
        AttributeEntry("GaussianSplitter", GaussianSplitter, splitter),
        AttributeEntry("Gaussian", Gaussian, gaussian),
        AttributeEntry("Var", Var, {"ddof": WHOLE, "mean": ReferenceKind("Mean"), "_S": NUMBER}),
        AttributeEntry("Mean", Mean, {"n": NUMBER, "_mean": NUMBER}),
    )


def _adwin() -> ClassEntry:
    from river.drift import ADWIN

    kinds: dict[str, ValueKind] = {
        "_drift_detected": FLAG,
        "delta": NUMBER,
        "clock": WHOLE,
        "max_buckets": WHOLE,
        "min_window_length": WHOLE,
        "grace_period": WHOLE,
        "_helper": InlineKind(window_numbers, window_of),
    }
    return AttributeEntry("ADWIN", ADWIN, kinds)

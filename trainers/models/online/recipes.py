"""The recipes of River's models, with their parameters.

Parameters are River's own, with three exceptions. Trees have a greatest depth, so that a snapshot has a
greatest size. Their ``tau`` is small: at River's 0.05 a leaf that cannot tell two splits apart takes one
of them after some 1,000 to 3,000 rows, which on prices is a split on noise. Their memory is not
estimated, because the estimate depends on the object sizes of the interpreter and becomes a part of the state.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from trainers.models.online.families import BAGGING, FOREST, LOGISTIC, TREE
from trainers.models.online.river_models import RiverModel

#: The number of rows between two estimates of a tree's memory; so many that it is never estimated.
_NEVER = 2**53


class _Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """The part that all recipes share."""

    @property
    def parameters(self) -> Mapping[str, float | int | str]:
        """The parameters by name."""
        return msgspec.structs.asdict(self)


def _regression(learning_rate: float, *, l2: float) -> Any:
    from river.linear_model import LogisticRegression
    from river.optim import SGD

    return LogisticRegression(SGD(learning_rate), l2=l2)


class OnlineLogistic(_Recipe, frozen=True, kw_only=True):
    """Logistic regression by stochastic gradient descent, on scaled columns.

    Attributes:
        learning_rate: The size of each step; it is constant, so that the model follows changes.
        l2: How far each step pulls the weights towards zero.
    """

    learning_rate: float = 0.0005
    l2: float = 0.001

    @property
    def name(self) -> str:
        """The name on the command line."""
        return LOGISTIC

    def begin(self, feature_names: tuple[str, ...]) -> RiverModel:
        """Returns a model that has learnt nothing yet."""
        classifier = _regression(self.learning_rate, l2=self.l2)
        return RiverModel(LOGISTIC, classifier, feature_names=feature_names)


class OnlineTree(_Recipe, frozen=True, kw_only=True):
    """A Hoeffding tree that grows an alternative branch beside a branch whose errors rise.

    In River 0.26 the alternative replaces the branch when it splits, or when it makes fewer errors.

    Attributes:
        grace_period: The rows in a leaf between two attempts to split it.
        delta: The accepted probability of a wrong split, in the Hoeffding bound.
        tau: If the bound is below this, a tie between splits is broken.
        max_depth: A leaf at this depth is not split.
        seed: The seed of the tree.
    """

    grace_period: int = 200
    delta: float = 1e-5
    tau: float = 0.02
    max_depth: int = 5
    seed: int = 0

    @property
    def name(self) -> str:
        """The name on the command line."""
        return TREE

    def begin(self, feature_names: tuple[str, ...]) -> RiverModel:
        """Returns a model that has learnt nothing yet."""
        from river.tree import HoeffdingAdaptiveTreeClassifier

        classifier = HoeffdingAdaptiveTreeClassifier(
            grace_period=self.grace_period,
            delta=self.delta,
            tau=self.tau,
            max_depth=self.max_depth,
            memory_estimate_period=_NEVER,
            seed=self.seed,
        )
        return RiverModel(TREE, classifier, feature_names=feature_names)


class OnlineForest(_Recipe, frozen=True, kw_only=True):
    """Trees on few columns each; a tree is replaced when its errors rise.

    Attributes:
        n_models: The number of trees.
        grace_period: The weight in a leaf between two attempts to split it; a row weighs six on average.
        delta: The accepted probability of a wrong split, in the Hoeffding bound.
        tau: If the bound is below this, a tie between splits is broken.
        max_depth: A leaf at this depth is not split.
        seed: The seed of the forest.
    """

    n_models: int = 10
    grace_period: int = 300
    delta: float = 1e-3
    tau: float = 0.02
    max_depth: int = 6
    seed: int = 0

    @property
    def name(self) -> str:
        """The name on the command line."""
        return FOREST

    def begin(self, feature_names: tuple[str, ...]) -> RiverModel:
        """Returns a model that has learnt nothing yet."""
        from river.forest import ARFClassifier

        classifier = ARFClassifier(
            n_models=self.n_models,
            max_features=max(1, round(len(feature_names) ** 0.5)),
            grace_period=self.grace_period,
            delta=self.delta,
            tau=self.tau,
            max_depth=self.max_depth,
            memory_estimate_period=_NEVER,
            seed=self.seed,
        )
        return RiverModel(FOREST, classifier, feature_names=feature_names)


class OnlineBagging(_Recipe, frozen=True, kw_only=True):
    """Logistic regressions that learn each row a random number of times; the worst one is replaced on drift.

    Attributes:
        n_models: The number of members.
        learning_rate: As for a single regression.
        l2: As for a single regression.
        seed: The seed of the draws.
    """

    n_models: int = 10
    learning_rate: float = 0.0005
    l2: float = 0.001
    seed: int = 0

    @property
    def name(self) -> str:
        """The name on the command line."""
        return BAGGING

    def begin(self, feature_names: tuple[str, ...]) -> RiverModel:
        """Returns a model that has learnt nothing yet."""
        from trainers.models.online.bagging import ErrorBagging

        member = _regression(self.learning_rate, l2=self.l2)
        classifier = ErrorBagging(member, n_models=self.n_models, seed=self.seed)
        return RiverModel(BAGGING, classifier, feature_names=feature_names)

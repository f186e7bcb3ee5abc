"""The recipes of River's models: what each is made with.

Parameters are River's own but for what follows. Trees have a greatest depth, so that a snapshot has a
greatest size, and a small ``tau``: at River's 0.05 a leaf that cannot tell two splits apart takes one
of them after some 1,000 to 3,000 rows, which on prices is a split on noise. Their memory is not
estimated, since the estimate hangs on the interpreter's object sizes and goes into the state.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from trainers.models.online.families import BAGGING, FOREST, LOGISTIC, TREE
from trainers.models.online.river_models import RiverModel

#: Rows between two estimates of a tree's memory: never.
_NEVER = 2**53


class _Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What recipes have in common."""

    @property
    def parameters(self) -> Mapping[str, float | int | str]:
        """What it is made with."""
        return msgspec.structs.asdict(self)


def _regression(learning_rate: float, *, l2: float) -> Any:
    from river.linear_model import LogisticRegression
    from river.optim import SGD

    return LogisticRegression(SGD(learning_rate), l2=l2)


class OnlineLogistic(_Recipe, frozen=True, kw_only=True):
    """Logistic regression by stochastic gradient descent, on scaled columns.

    Attributes:
        learning_rate: Of each step; constant, so that it follows what changes.
        l2: Pull of the weights towards zero, per step.
    """

    learning_rate: float = 0.0005
    l2: float = 0.001

    @property
    def name(self) -> str:
        """As commands know it."""
        return LOGISTIC

    def begin(self, feature_names: tuple[str, ...]) -> RiverModel:
        """A model that knows nothing yet."""
        classifier = _regression(self.learning_rate, l2=self.l2)
        return RiverModel(LOGISTIC, classifier, feature_names=feature_names)


class OnlineTree(_Recipe, frozen=True, kw_only=True):
    """A Hoeffding tree that begins another beside a branch whose errors rise.

    In River 0.26 the other takes the branch's place when it splits, or when it has come to err less.

    Attributes:
        grace_period: Rows in a leaf between two attempts to split it.
        delta: Of the Hoeffding bound: how likely a split may be the wrong one.
        tau: Below this bound a tie is broken.
        max_depth: A leaf at this depth is not split.
    """

    grace_period: int = 200
    delta: float = 1e-5
    tau: float = 0.02
    max_depth: int = 5
    seed: int = 0

    @property
    def name(self) -> str:
        """As commands know it."""
        return TREE

    def begin(self, feature_names: tuple[str, ...]) -> RiverModel:
        """A model that knows nothing yet."""
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
    """Trees on few columns each, replaced when their errors rise.

    Attributes:
        n_models: Trees.
        grace_period: Weight in a leaf between two attempts to split it; a row weighs six on average.
        delta: Of the Hoeffding bound.
        tau: Below this bound a tie is broken.
        max_depth: A leaf at this depth is not split.
    """

    n_models: int = 10
    grace_period: int = 300
    delta: float = 1e-3
    tau: float = 0.02
    max_depth: int = 6
    seed: int = 0

    @property
    def name(self) -> str:
        """As commands know it."""
        return FOREST

    def begin(self, feature_names: tuple[str, ...]) -> RiverModel:
        """A model that knows nothing yet."""
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
    """Logistic regressions that learn each row a random number of times; the worst is replaced on drift.

    Attributes:
        n_models: Members.
        learning_rate: As of one alone.
        l2: As of one alone.
    """

    n_models: int = 10
    learning_rate: float = 0.0005
    l2: float = 0.001
    seed: int = 0

    @property
    def name(self) -> str:
        """As commands know it."""
        return BAGGING

    def begin(self, feature_names: tuple[str, ...]) -> RiverModel:
        """A model that knows nothing yet."""
        from trainers.models.online.bagging import ErrorBagging

        member = _regression(self.learning_rate, l2=self.l2)
        classifier = ErrorBagging(member, n_models=self.n_models, seed=self.seed)
        return RiverModel(BAGGING, classifier, feature_names=feature_names)

"""Baselines: the simplest rules, fitted in the fold like any model, judged on the same rows.

A rule states a direction; only those that also state a probability have a Brier score.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.samples import Samples
from trainers.datasets.splits import Fold


class Forecast(NamedTuple):
    """What a rule says of a test stretch.

    Attributes:
        says_up: Shape (n,); None for a rule that takes no side.
        probability: Of up, shape (n,); None for a rule that states none.
    """

    says_up: NDArray[np.bool_] | None
    probability: NDArray[np.float64] | None


Baseline = Callable[[Samples, Fold], Forecast]

_RIDGE = 1.0
_STEPS = 25
_SMALL = 1e-8


def always_up(_samples: Samples, fold: Fold) -> Forecast:
    """Up, whatever was seen."""
    return Forecast(np.ones(len(fold.test), dtype=np.bool_), None)


def random_walk(_samples: Samples, fold: Fold) -> Forecast:
    """One half, and no side: what a probability must beat."""
    return Forecast(None, np.full(len(fold.test), 0.5))


def majority_class(samples: Samples, fold: Fold) -> Forecast:
    """The direction that was more frequent in training, with its share as probability."""
    share = _share_of_ups(samples, fold.train)
    return Forecast(np.full(len(fold.test), share >= 0.5, dtype=np.bool_), np.full(len(fold.test), share))


def persistence(samples: Samples, fold: Fold) -> Forecast:
    """The direction of the return over the horizon just passed; the majority's where that is none."""
    trailing = samples.trailing_log_return[fold.test]
    majority = _share_of_ups(samples, fold.train) >= 0.5
    return Forecast(np.where(np.isnan(trailing) | (trailing == 0), majority, trailing > 0), None)


def logistic_regression(samples: Samples, fold: Fold) -> Forecast:
    """A ridge-penalised logistic regression on the features, scaled by the fold's training rows.

    Features are centred and scaled, cut at five deviations, and undefined ones are at their mean.
    """
    train = fold.train[~samples.is_tie[fold.train]]
    centre, scale = _centre_and_scale(samples.rows[train])
    weights = _fitted(_standardised(samples.rows[train], centre, scale), samples.is_up[train])
    probability = _sigmoid(_standardised(samples.rows[fold.test], centre, scale) @ weights)
    return Forecast(probability >= 0.5, probability)


BASELINES: dict[str, Baseline] = {
    "always_up": always_up,
    "majority_class": majority_class,
    "persistence": persistence,
    "random_walk": random_walk,
    "logistic_regression": logistic_regression,
}


def _share_of_ups(samples: Samples, rows: NDArray[np.int64]) -> float:
    decided = rows[~samples.is_tie[rows]]
    return float(samples.is_up[decided].mean()) if len(decided) else 0.5


def _centre_and_scale(rows: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of the defined values per column; (0, 1) for a column without any."""
    values = rows.astype(np.float64)
    defined = ~np.isnan(values)
    n = np.maximum(defined.sum(axis=0), 1)
    centre = np.where(defined, values, 0.0).sum(axis=0) / n
    deviation = np.sqrt((np.where(defined, values - centre, 0.0) ** 2).sum(axis=0) / n)
    return centre, np.where(deviation > 0, deviation, 1.0)


def _standardised(
    rows: NDArray[np.float32], centre: NDArray[np.float64], scale: NDArray[np.float64]
) -> NDArray[np.float64]:
    scaled = np.clip((rows.astype(np.float64) - centre) / scale, -5.0, 5.0)
    return np.column_stack([np.ones(len(rows)), np.where(np.isnan(scaled), 0.0, scaled)])


def _fitted(inputs: NDArray[np.float64], is_up: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The weights, by Newton's method; the first, the intercept's, is not penalised."""
    penalty = np.full(inputs.shape[1], _RIDGE)
    penalty[0] = _SMALL
    weights = np.zeros(inputs.shape[1])
    for _ in range(_STEPS):
        probability = _sigmoid(inputs @ weights)
        gradient = inputs.T @ (probability - is_up) + penalty * weights
        curvature = (inputs.T * (probability * (1 - probability))) @ inputs + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step).max() < _SMALL:
            break
    return weights


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    probability: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(values, -30.0, 30.0)))
    return probability

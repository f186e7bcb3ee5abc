"""Baselines: the simplest rules, fitted in each fold like any model and judged on the same rows.

A rule states a direction; only a rule that also states a probability has a Brier score.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold, purged


class Forecast(NamedTuple):
    """The forecast of a rule over a test stretch.

    Attributes:
        says_up: Shape (n,); None for a rule that takes no side.
        probability: Of up, shape (n,); None for a rule that states none.
    """

    says_up: NDArray[np.bool_] | None
    probability: NDArray[np.float64] | None


#: Fits on a fold's training rows, and states a forecast of its test rows.
Baseline = Callable[[DecisionSet, Fold], Forecast]

_RIDGE = 1.0
_STEPS = 25
_SMALL = 1e-8


def always_up(_decisions: DecisionSet, fold: Fold) -> Forecast:
    """The direction is always up."""
    return Forecast(np.ones(len(fold.test), dtype=np.bool_), None)


def random_walk(_decisions: DecisionSet, fold: Fold) -> Forecast:
    """The probability is one half and no direction is taken: what any probability must beat."""
    return Forecast(None, np.full(len(fold.test), 0.5))


def majority_class(decisions: DecisionSet, fold: Fold) -> Forecast:
    """The direction that was more frequent in training, with its share as probability."""
    share = _share_of_ups(decisions, fold)
    return Forecast(np.full(len(fold.test), share >= 0.5, dtype=np.bool_), np.full(len(fold.test), share))


def persistence(decisions: DecisionSet, fold: Fold) -> Forecast:
    """The direction of the return over the horizon just passed; the majority's where that is undefined or a tie."""
    return _by_trailing(decisions, fold, np.greater)


def reversal(decisions: DecisionSet, fold: Fold) -> Forecast:
    """The direction against the return over the horizon just passed; the majority's where that is undefined or a tie."""
    return _by_trailing(decisions, fold, np.less)


def _by_trailing(
    decisions: DecisionSet,
    fold: Fold,
    is_up: Callable[[NDArray[np.float64], float], NDArray[np.bool_]],
) -> Forecast:
    trailing = decisions.trailing_log_return[fold.test]
    majority = _share_of_ups(decisions, fold) >= 0.5
    return Forecast(np.where(np.isnan(trailing) | (trailing == 0), majority, is_up(trailing, 0.0)), None)


def logistic_regression(decisions: DecisionSet, fold: Fold) -> Forecast:
    """A ridge-penalised logistic regression on the features, scaled by the fold's training rows.

    Features are centred and scaled, cut at five deviations, and undefined ones are at their mean.
    """
    train = _learnt(decisions, fold)
    centre, scale = _centre_and_scale(decisions.rows[train])
    weights = _fitted(_standardised(decisions.rows[train], centre, scale), decisions.own.is_up[train])
    probability = _sigmoid(_standardised(decisions.rows[fold.test], centre, scale) @ weights)
    return Forecast(probability >= 0.5, probability)


#: The baselines that a version's metrics are compared with.
BASELINES: dict[str, Baseline] = {
    "always_up": always_up,
    "majority_class": majority_class,
    "persistence": persistence,
    "random_walk": random_walk,
    "logistic_regression": logistic_regression,
}


def forecast_of(decisions: DecisionSet, folds: Sequence[Fold], baseline: Baseline) -> Forecast:
    """The forecast of a baseline that is refitted in every fold.

    Args:
        decisions: Oldest first.
        folds: Of these decisions, at least one.
        baseline: The rule.

    Returns:
        Arrays of shape (n,), of all decisions; False and NaN where nothing was tested.
    """
    stated = [baseline(decisions, fold) for fold in folds]
    is_told, is_sided = stated[0].probability is not None, stated[0].says_up is not None
    says_up = np.zeros(len(decisions), dtype=np.bool_)
    probability = np.full(len(decisions), np.nan)
    for fold, forecast in zip(folds, stated, strict=True):
        if forecast.says_up is not None:
            says_up[fold.test] = forecast.says_up
        if forecast.probability is not None:
            probability[fold.test] = forecast.probability
    return Forecast(says_up if is_sided else None, probability if is_told else None)


def _learnt(decisions: DecisionSet, fold: Fold) -> NDArray[np.int64]:
    """The training rows whose own outcome was known at the fold's first decision and was no tie."""
    decided_ms = int(decisions.as_of_ms[fold.test[0]])
    rows = purged(fold.train, known_ms=decisions.own.known_ms, decided_ms=decided_ms)
    learnt: NDArray[np.int64] = rows[~decisions.own.is_tie[rows]]
    return learnt


def _share_of_ups(decisions: DecisionSet, fold: Fold) -> float:
    rows = _learnt(decisions, fold)
    return float(decisions.own.is_up[rows].mean()) if len(rows) else 0.5


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

"""Inner folds, and the loss of a recipe on them: a search sees nothing else.

The folds lie wholly before the refit for which the search is made. The search is given the decisions as they were
known then (:meth:`~trainers.datasets.decisions.DecisionSet.known_at`), which hold nothing later,
and each inner model learns what was known when its own test rows began.

::

    |------------- known at the refit -------------|  refit, test ...
    |-- train --|purged|- test -|
    |------- train -------|purged|- test -|
    |------------- train ------------|purged|- test -|    -> time
"""

from collections.abc import Callable
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold, equal_folds
from trainers.datasets.schedules import FIRST_TRAINING_SHARE
from trainers.evaluation.walk_forward import LEAST_ROWS, out_of_sample
from trainers.models.recipes import Recipe

_MARGIN = 1e-7


class Objective(StrEnum):
    """The loss that a search minimises."""

    LOG_LOSS = "log-loss"
    SELECTIVE = "selective"


def inner_folds(known: DecisionSet, *, until_ms: int, n_folds: int) -> tuple[Fold, ...]:
    """Returns expanding folds of about equal length over the newer 60 % of what was known.

    Args:
        known: The decisions as they were known at ``until_ms``.
        until_ms: The refit for which the search is made.
        n_folds: The number of folds.

    Raises:
        ConfigurationError: If there is too little history for this number of folds.
    """
    labelled = np.flatnonzero(known.own.known_ms >= 0)
    first = int(len(labelled) * FIRST_TRAINING_SHARE)
    if first < LEAST_ROWS or len(labelled) - first < LEAST_ROWS * n_folds:
        needed = int(
            max(LEAST_ROWS / FIRST_TRAINING_SHARE, LEAST_ROWS * n_folds / (1 - FIRST_TRAINING_SHARE))
        )
        message = (
            f"a search over {n_folds} inner folds needs {needed + 1} labelled rows before its date, and there are "
            f"{len(labelled)}: take a later --train-until or fewer --inner-folds"
        )
        raise ConfigurationError(message)
    return equal_folds(known, n_folds=n_folds, until_ms=until_ms)


def fold_scorer(
    known: DecisionSet, recipe: Recipe, *, objective: Objective, coverage: float, is_weighted: bool
) -> Callable[[Fold], float]:
    """Returns a function that gives the loss of a recipe on a fold, by its ONNX form.

    Args:
        known: The decisions as they were known at the refit.
        recipe: The recipe, which is fitted in each fold.
        objective: The loss.
        coverage: The most confident share of decisions, for :attr:`Objective.SELECTIVE`.
        is_weighted: Whether overlapping labels share their weight.
    """

    def scored(fold: Fold) -> float:
        probability = out_of_sample(known, recipe, folds=(fold,), is_weighted=is_weighted)[fold.test]
        returns = known.own.log_return[fold.test]
        has = ~np.isnan(returns) & (returns != 0)
        probability, is_up = probability[has], returns[has] > 0
        if objective is Objective.LOG_LOSS:
            return mean_log_loss(probability, is_up)
        return selective_error(probability, is_up, coverage=coverage)

    return scored


def mean_log_loss(probability: NDArray[np.float64], is_up: NDArray[np.bool_]) -> float:
    """Returns the mean of minus the log of the probability that the outcome was given."""
    clipped = np.clip(probability, _MARGIN, 1 - _MARGIN)
    return float(-np.mean(np.log(np.where(is_up, clipped, 1 - clipped))))


def selective_error(probability: NDArray[np.float64], is_up: NDArray[np.bool_], *, coverage: float) -> float:
    """Returns the share of misses among a fold's most confident decisions.

    The threshold comes from the fold's own confidences, as in no other figure. The share ranks
    trials and is not reported as an accuracy.

    Args:
        probability: Shape (n,), of up.
        is_up: Shape (n,), the outcomes.
        coverage: The most confident share of the decisions, in (0, 1].
    """
    n = max(1, round(coverage * len(probability)))
    picked = np.argsort(-np.abs(probability - 0.5), kind="stable")[:n]
    return float(np.mean((probability[picked] >= 0.5) != is_up[picked]))

"""Inner folds, and what a recipe is worth on them: all that a search gets to see.

They lie wholly before the refit that the search is for: it is handed the decisions as they were
known then (:meth:`~trainers.datasets.decisions.DecisionSet.known_at`), in which nothing later is
left to be seen, and each inner model learns what was known at its own beginning.

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
    """What a search makes small."""

    LOG_LOSS = "log-loss"
    SELECTIVE = "selective"


def inner_folds(known: DecisionSet, *, until_ms: int, n_folds: int) -> tuple[Fold, ...]:
    """Expanding folds over the newer 60 % of what was known, about equally long.

    Args:
        known: As it was known at ``until_ms``.
        until_ms: The refit that the search is for.
        n_folds: How many.

    Raises:
        ConfigurationError: If there is too little history for so many.
    """
    labelled = np.flatnonzero(known.own.known_ms >= 0)
    first = int(len(labelled) * FIRST_TRAINING_SHARE)
    if first < LEAST_ROWS or len(labelled) - first < LEAST_ROWS * n_folds:
        needed = int(
            max(LEAST_ROWS / FIRST_TRAINING_SHARE, LEAST_ROWS * n_folds / (1 - FIRST_TRAINING_SHARE))
        )
        message = (
            f"a search over {n_folds} inner folds needs {needed + 1} labelled rows before its date, were "
            f"{len(labelled)}: move --train-until on, or take fewer --inner-folds"
        )
        raise ConfigurationError(message)
    return equal_folds(known, n_folds=n_folds, until_ms=until_ms)


def fold_scorer(
    known: DecisionSet, recipe: Recipe, *, objective: Objective, coverage: float, is_weighted: bool
) -> Callable[[Fold], float]:
    """What a recipe loses on a fold, by its ONNX form.

    Args:
        known: As it was known at the refit.
        recipe: Fitted anew in each fold.
        objective: Which loss.
        coverage: The share that :attr:`Objective.SELECTIVE` looks at.
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
    """The mean of minus the log of the probability that was given to what happened."""
    clipped = np.clip(probability, _MARGIN, 1 - _MARGIN)
    return float(-np.mean(np.log(np.where(is_up, clipped, 1 - clipped))))


def selective_error(probability: NDArray[np.float64], is_up: NDArray[np.bool_], *, coverage: float) -> float:
    """The share of misses among a fold's most confident decisions.

    The fold's own confidences set the threshold, which no later figure does: it ranks
    trials and is not reported as an accuracy.

    Args:
        probability: Shape (n,), of up.
        is_up: Shape (n,), the outcomes.
        coverage: The most confident share that is looked at, in (0, 1].
    """
    n = max(1, round(coverage * len(probability)))
    picked = np.argsort(-np.abs(probability - 0.5), kind="stable")[:n]
    return float(np.mean((probability[picked] >= 0.5) != is_up[picked]))

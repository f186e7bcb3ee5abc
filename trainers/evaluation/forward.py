"""Walk-forward by the calendar with any recipe: out-of-sample probabilities, fold by fold.

Each fold's model is exported, checked against its native form, and predicts by ONNX, as the
served model would. How folds are mapped (in order, or over threads) is the caller's: results do
not depend on it.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet
from trainers.datasets.schedules import Refit, calendar_folds, refit_times
from trainers.datasets.splits import Fold
from trainers.evaluation.training_sets import training_set_of
from trainers.models.onnx_models import OnnxModel
from trainers.models.recipes import Recipe, exported

#: Applies a function to each of a sequence, in any order of execution, results in order.
Mapper = Callable[[Callable[[Fold], NDArray[np.float32]], Sequence[Fold]], Iterable[NDArray[np.float32]]]

#: Shown each fold's model after it has predicted; may be called from several threads at once.
Watch = Callable[[Fold, OnnxModel], None]

#: Fewer rows with an outcome than this are not learnt from: the fold stays undecided.
LEAST_ROWS = 250


def out_of_sample(
    decisions: DecisionSet,
    recipe: Recipe,
    *,
    folds: Sequence[Fold],
    is_weighted: bool = False,
    mapper: Mapper = map,
    watch: Watch | None = None,
) -> NDArray[np.float64]:
    """The probability of up for every tested row, by a model that knew only what came before.

    Args:
        decisions: Oldest first.
        recipe: Fitted anew in every fold.
        folds: Of these decisions.
        is_weighted: Whether overlapping labels share their weight.
        mapper: How the folds are worked through.
        watch: Shown each fold's model.

    Returns:
        Shape (n,); NaN where nothing was tested.
    """
    learnable = [fold for fold in folds if len(fold.train) >= LEAST_ROWS]
    probability = np.full(len(decisions), np.nan)

    def predicted(fold: Fold) -> NDArray[np.float32]:
        fitted = recipe.fit(training_set_of(decisions, fold, recipe.multiples, is_weighted=is_weighted))
        test = decisions.rows[fold.test]
        model = exported(fitted, test).model
        found = model.probabilities_up(test)
        if watch is not None:
            watch(fold, model)
        return found

    for fold, found in zip(learnable, mapper(predicted, learnable), strict=True):
        probability[fold.test] = found
    return probability


def folds_of(decisions: DecisionSet, *, from_ms: int, until_ms: int, refit: Refit) -> tuple[Fold, ...]:
    """The calendar's folds over a stretch of the decisions.

    Args:
        decisions: The decisions that are to be split.
        from_ms: The first refit, and the beginning of the first test.
        until_ms: The end of the last test.
        refit: How often the model is fitted again.
    """
    return calendar_folds(
        as_of_ms=decisions.as_of_ms,
        known_ms=decisions.first_known_ms(),
        refits_ms=refit_times(from_ms=from_ms, until_ms=until_ms, refit=refit),
        until_ms=until_ms,
    )

"""The walk-forward: a recipe refitted fold by fold, and what each model says of what came next.

Training, evaluation, comparison and search all walk through here. Each fold's model is exported,
checked against its native form, and predicts by ONNX, as the served model would. How folds are
mapped (in order, or over threads) is the caller's: results do not depend on it.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold
from trainers.evaluation.training_sets import training_set_of
from trainers.models.onnx_models import OnnxModel
from trainers.models.recipes import FittedModel, Recipe, exported

#: A fold with fewer training rows than this is not fitted: its test stretch stays without predictions.
LEAST_ROWS = 250


class FoldModel(NamedTuple):
    """The model of one fold.

    Attributes:
        fold: What it was fitted and tested on.
        fitted: The model before its export.
        model: The exported model, which predicted.
    """

    fold: Fold
    fitted: FittedModel
    model: OnnxModel


#: Applies a function to each of a sequence, in any order of execution, results in order.
Mapper = Callable[[Callable[[Fold], NDArray[np.float32]], Sequence[Fold]], Iterable[NDArray[np.float32]]]

#: Called with each fold's model after it has predicted, perhaps from several threads at once.
Watch = Callable[[FoldModel], None]


def out_of_sample(
    decisions: DecisionSet,
    recipe: Recipe,
    *,
    folds: Sequence[Fold],
    is_weighted: bool = False,
    least_rows: int = LEAST_ROWS,
    mapper: Mapper = map,
    watch: Watch | None = None,
) -> NDArray[np.float64]:
    """The probability of up for every tested row, by a model that knew only what came before.

    Args:
        decisions: Oldest first.
        recipe: The recipe that is fitted again in every fold.
        folds: The folds of these decisions.
        is_weighted: Whether overlapping labels share their weight.
        least_rows: A fold with fewer training rows is left out.
        mapper: Applies the fitting of a fold to all folds, in any order of execution.
        watch: Called with each fold's model.

    Returns:
        Shape (n,); NaN where nothing was tested.
    """
    learnable = [fold for fold in folds if len(fold.train) >= least_rows]
    probability = np.full(len(decisions), np.nan)

    def predicted(fold: Fold) -> NDArray[np.float32]:
        fitted = recipe.fit(training_set_of(decisions, fold, recipe.multiples, is_weighted=is_weighted))
        test = decisions.rows[fold.test]
        model = exported(fitted, test).model
        found = model.probabilities_up(test)
        if watch is not None:
            watch(FoldModel(fold, fitted, model))
        return found

    for fold, found in zip(learnable, mapper(predicted, learnable), strict=True):
        probability[fold.test] = found
    return probability

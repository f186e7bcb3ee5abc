"""Walk-forward by the calendar with any recipe: out-of-sample probabilities, fold by fold.

Each fold's model is exported, checked against its native form, and predicts by ONNX, as the
served model would. How folds are mapped (in order, or over threads) is the caller's: results do
not depend on it.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet, Move
from trainers.datasets.schedules import Refit, calendar_folds, purged, refit_times
from trainers.datasets.splits import Fold
from trainers.datasets.uniqueness import uniqueness
from trainers.models.onnx_models import OnnxModel
from trainers.models.recipes import Lesson, Outcome, Recipe, exported

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
        fitted = recipe.fit(lesson_of(decisions, fold, recipe.multiples, is_weighted=is_weighted))
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
    """The calendar's folds over a stretch of the decisions."""
    return calendar_folds(
        as_of_ms=decisions.as_of_ms,
        known_ms=decisions.first_known_ms(),
        refits_ms=refit_times(from_ms=from_ms, until_ms=until_ms, refit=refit),
        until_ms=until_ms,
    )


def lesson_of(
    decisions: DecisionSet, fold: Fold, multiples: Iterable[int], *, is_weighted: bool = False
) -> Lesson:
    """What a fold's model may learn: every outcome by its own known time.

    Purged for each horizon apart, since a longer outcome is known later.
    """
    decided_ms = int(decisions.as_of_ms[fold.test[0]])
    outcomes = {
        multiple: _outcome(decisions, fold, multiple, decided_ms=decided_ms, is_weighted=is_weighted)
        for multiple in multiples
    }
    last = int(fold.train[-1]) + 1
    return Lesson(decisions.names, decisions.rows[:last], outcomes, decisions.as_of_ms[:last])


def lesson_at(decisions: DecisionSet, multiples: Iterable[int], *, time_ms: int | None = None) -> Lesson:
    """What could be learnt at a time: all that was known then over each horizon, ties left out.

    Args:
        decisions: Oldest first.
        multiples: Of the horizon.
        time_ms: When; None is at the end of all.
    """
    outcomes = {multiple: _known(decisions.moves[multiple], time_ms) for multiple in multiples}
    last = max((int(outcome.rows[-1]) + 1 for outcome in outcomes.values() if len(outcome.rows)), default=0)
    return Lesson(decisions.names, decisions.rows[:last], outcomes, decisions.as_of_ms[:last])


def _known(moved: Move, time_ms: int | None) -> Outcome:
    is_known = moved.known_ms >= 0
    if time_ms is not None:
        is_known &= moved.known_ms <= time_ms
    rows = np.flatnonzero(is_known & (moved.log_return != 0)).astype(np.int64)
    return Outcome(rows, moved.log_return[rows] > 0, None, moved.known_ms[rows])


def _outcome(
    decisions: DecisionSet, fold: Fold, multiple: int, *, decided_ms: int, is_weighted: bool
) -> Outcome:
    moved = decisions.moves[multiple]
    rows = purged(fold.train, known_ms=moved.known_ms, decided_ms=decided_ms)
    rows = rows[moved.log_return[rows] != 0]
    weight = _weights(decisions, rows, multiple) if is_weighted else None
    return Outcome(rows, moved.log_return[rows] > 0, weight, moved.known_ms[rows])


def _weights(decisions: DecisionSet, rows: NDArray[np.int64], multiple: int) -> NDArray[np.float64]:
    start_ms = decisions.as_of_ms[rows]
    weights = uniqueness(start_ms=start_ms, end_ms=start_ms + multiple * decisions.horizon.milliseconds)
    scaled: NDArray[np.float64] = weights / weights.mean()
    return scaled

"""Nested search: parameters found anew on the way through a test, never from the test itself.

Once a year of refits, at the year's first: a search costs as much as N times its inner folds of
refits, parameters drift slowly if at all, and a search at each quarter would cost four times as much
and be led by the same rows again. Every search is handed what was known at its refit alone.
"""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.folds import Fold
from trainers.evaluation.summaries import stretch_names
from trainers.evaluation.walk_forward import Mapper, Watch, out_of_sample
from trainers.models.recipes import Recipe
from trainers.models.spaces import with_parameters
from trainers.selection.searching import Search, Searched, SearchPlan, new_study


class Nesting(NamedTuple):
    """A search on the way.

    Attributes:
        model: The recipe's name on the command line.
        plan: Of each search; the seed is its year's own.
        needed_from_ms: From here on there must be history enough for a search; before, the declared
            parameters do, as only thresholds hang on them.
    """

    model: str
    plan: SearchPlan
    needed_from_ms: int


class Stretch(NamedTuple):
    """Refits of one year, and the search at the first of them."""

    folds: tuple[Fold, ...]
    until_ms: int
    search: Search | None


def stretches(
    decisions: DecisionSet, recipe: Recipe, folds: Sequence[Fold], nesting: Nesting
) -> tuple[Stretch, ...]:
    """The folds by year, each with its search, not yet run.

    Args:
        decisions: The decisions.
        recipe: The recipe with its declared parameters.
        folds: Of the test, oldest first.
        nesting: How to search.

    Raises:
        ConfigurationError: If there is too little history for a search that is needed.
    """
    starts = np.array([decisions.as_of_ms[fold.test[0]] for fold in folds], dtype=np.int64)
    is_needed = starts >= nesting.needed_from_ms
    keys = list(zip(is_needed.tolist(), stretch_names(starts, unit="Y").tolist(), strict=True))
    found = []
    for (needed, year), group in groupby(range(len(folds)), key=lambda i: keys[i]):
        numbers = list(group)
        until_ms = int(starts[numbers[0]])
        plan = msgspec.structs.replace(nesting.plan, seed=nesting.plan.seed + int(year))
        search = _search(decisions, recipe, plan, nesting.model, until_ms, is_needed=needed)
        found.append(Stretch(tuple(folds[i] for i in numbers), until_ms, search))
    return tuple(found)


def _search(
    decisions: DecisionSet,
    recipe: Recipe,
    plan: SearchPlan,
    model: str,
    until_ms: int,
    *,
    is_needed: bool,
) -> Search | None:
    try:
        return Search(decisions, recipe, plan, model=model, until_ms=until_ms)
    except ConfigurationError:
        if is_needed:
            raise
        return None


def searched(stretch: Stretch, plan: SearchPlan, *, told: Callable[[], None]) -> Searched | None:
    """Run a stretch's search, in memory.

    Args:
        stretch: The stretch.
        plan: How to search.
        told: Called after each trial.
    """
    if stretch.search is None:
        return None
    study = new_study(plan)
    stretch.search.run(study, told=lambda _: told())
    return stretch.search.result(study)


def searched_out_of_sample(
    decisions: DecisionSet,
    recipe: Recipe,
    found: Sequence[tuple[Stretch, Searched | None]],
    *,
    is_weighted: bool,
    mapper: Mapper,
    watch: Watch | None = None,
) -> NDArray[np.float64]:
    """As :func:`~trainers.evaluation.walk_forward.out_of_sample`, each year by what was found for it.

    Args:
        decisions: The decisions.
        recipe: The recipe as it is declared.
        found: The stretches with their searches' results; None where the declared parameters are used.
        is_weighted: Whether overlapping labels share their weight.
        mapper: Maps over folds, in parallel perhaps.
        watch: Shown each fold's model after it has predicted.
    """
    probability = np.full(len(decisions), np.nan)
    for stretch, result in found:
        tuned = recipe if result is None else with_parameters(recipe, result.parameters)
        part = out_of_sample(
            decisions, tuned, folds=stretch.folds, is_weighted=is_weighted, mapper=mapper, watch=watch
        )
        probability = np.where(np.isnan(part), probability, part)
    return probability

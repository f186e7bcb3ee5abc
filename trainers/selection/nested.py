"""Nested search: parameters are searched again during a test, never on the test itself.

A search runs once in each year, at the year's first refit. It costs as much as N times its inner folds of
refits, parameters drift slowly if at all, and a search at each quarter would cost four times as much
for nearly the same rows. Every search is given only what was known at its refit.
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
    """How parameters are searched again during a test.

    Attributes:
        model: The recipe's name on the command line.
        plan: The plan of each search; each year has its own seed.
        needed_from_ms: From this time on there must be enough history for a search. Before it the declared
            parameters are used if there is not, because only thresholds depend on them.
    """

    model: str
    plan: SearchPlan
    needed_from_ms: int


class SearchedYear(NamedTuple):
    """The refits of one year, and the search at the first of them; None if there is too little history."""

    folds: tuple[Fold, ...]
    until_ms: int
    search: Search | None


def stretches(
    decisions: DecisionSet, recipe: Recipe, folds: Sequence[Fold], nesting: Nesting
) -> tuple[SearchedYear, ...]:
    """Returns the folds of each year with their search, which has not run yet.

    Args:
        decisions: The decisions.
        recipe: The recipe with its declared parameters.
        folds: The folds of the test, oldest first.
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
        found.append(SearchedYear(tuple(folds[i] for i in numbers), until_ms, search))
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


def searched(stretch: SearchedYear, plan: SearchPlan, *, told: Callable[[], None]) -> Searched | None:
    """Runs the search of a year in memory.

    Args:
        stretch: The refits of the year.
        plan: How to search.
        told: Is called after each trial.
    """
    if stretch.search is None:
        return None
    study = new_study(plan)
    stretch.search.run(study, told=lambda _: told())
    return stretch.search.result(study)


def searched_out_of_sample(
    decisions: DecisionSet,
    recipe: Recipe,
    found: Sequence[tuple[SearchedYear, Searched | None]],
    *,
    is_weighted: bool,
    mapper: Mapper,
    watch: Watch | None = None,
) -> NDArray[np.float64]:
    """As :func:`~trainers.evaluation.walk_forward.out_of_sample`, each year by what was found for it.

    Args:
        decisions: The decisions.
        recipe: The recipe as it is declared.
        found: The years with the results of their searches; None if the declared parameters are used.
        is_weighted: Whether overlapping labels share their weight.
        mapper: Maps a function over folds, in order or in parallel.
        watch: Is shown each fold's model after it has predicted.
    """
    probability = np.full(len(decisions), np.nan)
    for stretch, result in found:
        tuned = recipe if result is None else with_parameters(recipe, result.parameters)
        part = out_of_sample(
            decisions, tuned, folds=stretch.folds, is_weighted=is_weighted, mapper=mapper, watch=watch
        )
        probability = np.where(np.isnan(part), probability, part)
    return probability

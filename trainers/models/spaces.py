"""What may be searched of each kind of recipe: the parameters, their ranges, and why these.

Apart from the recipes so that one page shows what every search tries. Ranges are narrow on purpose:
each further trial is one more chance to be fooled, and is counted as one. Never searched: seeds,
threads, the number of bins and the horizons, which no search should choose by luck; the number of a
forest's trees, where more is never worse.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from trainers.models.gradient_boosting import Boosting
from trainers.models.light_boosting import LightBoosting
from trainers.models.logistic import LogisticRegression
from trainers.models.recipes import Recipe


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Where a parameter may lie, both ends included.

    Attributes:
        is_log: Whether doubling means as much at the low end as at the high one.
        is_whole: Whether it is a whole number.
        why: The reason for the ends.
    """

    low: float
    high: float
    why: str
    is_log: bool = False
    is_whole: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value lies within, and is whole where it must be."""
        return self.low <= value <= self.high and (not self.is_whole or value == int(value))


Space = Mapping[str, Range]
Parameters = Mapping[str, float]

_ROWS = Range(low=0.3, high=1.0, why="fewer rows make unlike trees; below a third the rare patterns go")
_COLUMNS = Range(low=0.2, high=0.9, why="features come in families of near twins: a few of each do")
_L2 = Range(low=0.5, high=100.0, is_log=True, why="from hardly any to leaves that say nothing")
_RATE = Range(
    low=0.01, high=0.1, is_log=True, why="slower needs more rounds than are allowed, faster overfits"
)

XGBOOST: Space = {
    "n_rounds": Range(
        low=50, high=400, is_log=True, is_whole=True, why="cost is linear in it; with a rate of .1 fifty do"
    ),
    "max_depth": Range(low=2, high=6, is_whole=True, why="interactions of two to six; deeper was only noise"),
    "learning_rate": _RATE,
    "min_child_weight": Range(
        low=5, high=500, is_log=True, why="a quarter of a row each: leaves of 20 to 2,000 rows"
    ),
    "subsample": _ROWS,
    "column_share": _COLUMNS,
    "l2": _L2,
}
FOREST: Space = {
    "max_depth": Range(low=3, high=10, is_whole=True, why="single trees must be deeper than boosted ones"),
    "min_child_weight": Range(
        low=5, high=500, is_log=True, why="a quarter of a row each: leaves of 20 to 2,000 rows"
    ),
    "subsample": _ROWS,
    "column_share": Range(low=0.05, high=0.7, why="of columns at each split; a root of 99 is a tenth"),
}
LIGHTGBM: Space = {
    "n_rounds": Range(low=75, high=500, is_log=True, is_whole=True, why="cost is linear in it"),
    "n_leaves": Range(low=4, high=63, is_log=True, is_whole=True, why="trees of depth two to six"),
    "learning_rate": _RATE,
    "min_rows_in_leaf": Range(
        low=20, high=2000, is_log=True, is_whole=True, why="as for XGBoost, in whole rows"
    ),
    "row_share": _ROWS,
    "column_share": _COLUMNS,
    "l2": _L2,
}
LOGISTIC: Space = {
    "ridge": Range(
        low=1.0, high=100_000.0, is_log=True, why="worth so many rows' doubts: none, to more than there are"
    ),
    "cut": Range(low=2.0, high=10.0, why="scaled values beyond it are outliers: 2 cuts one in 20"),
}


def space_of(recipe: Recipe) -> Space:
    """What may be searched of a recipe; empty where nothing is declared, as for mixtures."""
    match recipe:
        case Boosting():
            return XGBOOST if recipe.parameters.n_parallel_trees == 1 else FOREST
        case LightBoosting():
            return LIGHTGBM
        case LogisticRegression():
            return LOGISTIC
        case _:
            return {}


def declared_parameters(recipe: Recipe) -> dict[str, float]:
    """The values that a recipe has now, of what may be searched."""
    held: Any = recipe.parameters if isinstance(recipe, Boosting) else recipe
    return {name: getattr(held, name) for name in space_of(recipe)}


def with_parameters(recipe: Recipe, parameters: Parameters) -> Recipe:
    """The recipe with other values; what is not named stays.

    Raises:
        ValueError: If one cannot be searched of it, or lies outside its range.
    """
    space = space_of(recipe)
    for name, value in parameters.items():
        if name not in space:
            message = f"a parameter of {recipe.name} must be one of {', '.join(space)}, was {name!r}"
            raise ValueError(message)
        if not space[name].holds(value):
            message = f"{name} must lie in {space[name].low:g} to {space[name].high:g}, was {value!r}"
            raise ValueError(message)
    values = {name: int(value) if space[name].is_whole else value for name, value in parameters.items()}
    if isinstance(recipe, Boosting):
        values = {"parameters": msgspec.structs.replace(recipe.parameters, **values)}  # type: ignore[dict-item]
    changed: Recipe = msgspec.structs.replace(recipe, **values)  # type: ignore[type-var]
    return changed

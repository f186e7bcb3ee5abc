"""States what a search may try of each kind of recipe: the parameters, their ranges, and the reasons.

Stands apart from the recipes so that one page shows what every search tries. Ranges are narrow on purpose:
each further trial is one more chance to be fooled, and is counted as one. A search never tries seeds,
threads, the number of bins and the horizons, which must not be chosen by luck, nor the number of a
forest's trees, of which more are never worse.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from trainers.models.gradient_boosting import Boosting
from trainers.models.light_boosting import LightBoosting
from trainers.models.logistic import LogisticRegression
from trainers.models.recipes import Recipe


class ParameterRange(msgspec.Struct, frozen=True, kw_only=True):
    """The range of a parameter, both ends included.

    Attributes:
        low: The lower end.
        high: The upper end.
        why: The reason for the ends.
        is_log: Whether a factor of two means as much at the low end as at the high one.
        is_whole: Whether it is a whole number.
    """

    low: float
    high: float
    why: str
    is_log: bool = False
    is_whole: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value lies within the range, and is whole if it must be."""
        return self.low <= value <= self.high and (not self.is_whole or value == int(value))


Space = Mapping[str, ParameterRange]
Parameters = Mapping[str, float]

_ROWS = ParameterRange(
    low=0.3, high=1.0, why="fewer rows make trees differ; below a third the rare patterns are lost"
)
_COLUMNS = ParameterRange(
    low=0.2, high=0.9, why="features come in families of similar ones: a few of each family are enough"
)
_L2 = ParameterRange(low=0.5, high=100.0, is_log=True, why="from hardly any penalty to leaves near zero")
_RATE = ParameterRange(
    low=0.01, high=0.1, is_log=True, why="slower needs more rounds than are allowed, faster overfits"
)

XGBOOST: Space = {
    "n_rounds": ParameterRange(
        low=50,
        high=400,
        is_log=True,
        is_whole=True,
        why="the cost is linear in it; with a rate of .1 fifty are enough",
    ),
    "max_depth": ParameterRange(
        low=2, high=6, is_whole=True, why="interactions of two to six features; deeper trees fitted noise"
    ),
    "learning_rate": _RATE,
    "min_child_weight": ParameterRange(
        low=5, high=500, is_log=True, why="a quarter of a row each: leaves of 20 to 2,000 rows"
    ),
    "subsample": _ROWS,
    "column_share": _COLUMNS,
    "l2": _L2,
}
FOREST: Space = {
    "max_depth": ParameterRange(
        low=3, high=10, is_whole=True, why="single trees must be deeper than boosted ones"
    ),
    "min_child_weight": ParameterRange(
        low=5, high=500, is_log=True, why="a quarter of a row each: leaves of 20 to 2,000 rows"
    ),
    "subsample": _ROWS,
    "column_share": ParameterRange(
        low=0.05, high=0.7, why="the share of columns at each split; the root of 99 columns is a tenth"
    ),
}
LIGHTGBM: Space = {
    "n_rounds": ParameterRange(low=75, high=500, is_log=True, is_whole=True, why="the cost is linear in it"),
    "n_leaves": ParameterRange(low=4, high=63, is_log=True, is_whole=True, why="trees of depth two to six"),
    "learning_rate": _RATE,
    "min_rows_in_leaf": ParameterRange(
        low=20, high=2000, is_log=True, is_whole=True, why="as for XGBoost, in whole rows"
    ),
    "row_share": _ROWS,
    "column_share": _COLUMNS,
    "l2": _L2,
}
LOGISTIC: Space = {
    "ridge": ParameterRange(
        low=1.0,
        high=100_000.0,
        is_log=True,
        why="weighs as much as this number of rows: from one to more than there are",
    ),
    "cut": ParameterRange(low=2.0, high=10.0, why="scaled values beyond it are outliers: 2 cuts one in 20"),
}


def space_of(recipe: Recipe) -> Space:
    """Returns the parameters of a recipe that may be searched; empty for recipes without any, such as mixtures."""
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
    """Returns the present values of a recipe's parameters that may be searched."""
    held: Any = recipe.parameters if isinstance(recipe, Boosting) else recipe
    return {name: getattr(held, name) for name in space_of(recipe)}


def with_parameters(recipe: Recipe, parameters: Parameters) -> Recipe:
    """Returns the recipe with other values; parameters that are not named keep theirs.

    Raises:
        ValueError: If a parameter may not be searched, or a value lies outside its range.
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

"""The recipes that commands offer by name, and how many configurations were tried to find them."""

from collections.abc import Mapping

from schemas.errors import ConfigurationError
from trainers.models.gradient_boosting import Boosting, BoostingParameters
from trainers.models.light_boosting import LightBoosting
from trainers.models.logistic import LogisticRegression
from trainers.models.mixtures import Mixture, Stacked
from trainers.models.online.protocols import OnlineRecipe
from trainers.models.online.recipes import OnlineBagging, OnlineForest, OnlineLogistic, OnlineTree
from trainers.models.recipes import OWN_HORIZON, Recipe

#: What was judged on the recorded hourly file before the default was settled, and what every figure is
#: to be discounted for: 13 single models (two feature sets, horizons of one and two hours, a market
#: turned upside down as further rows), 14 mixtures, 33 ways to set thresholds.
CONFIGURATIONS_TRIED = 60
#: The same of the models that learn online: three rates and pulls of the logistic regression, two of
#: bagging, one tree, one forest.
ONLINE_CONFIGURATIONS_TRIED = 7
DEFAULT = "mixture"
#: What ``--quick`` takes instead.
QUICK = "quick"


def _xgboost(multiple: int = 1, *, seed: int = 0) -> Boosting:
    parameters = BoostingParameters(
        n_rounds=200, max_depth=4, learning_rate=0.03, min_child_weight=50.0, seed=seed
    )
    return Boosting(parameters=parameters, multiple=multiple)


def _forest() -> Boosting:
    parameters = BoostingParameters(
        n_rounds=1,
        n_parallel_trees=200,
        learning_rate=1.0,
        max_depth=7,
        min_child_weight=50.0,
        column_share=0.3,
    )
    return Boosting(parameters=parameters)


def _extra(multiple: int = 1, *, seed: int = 0) -> LightBoosting:
    return LightBoosting(multiple=multiple, seed=seed)


def _freer(multiple: int = 1, *, seed: int) -> LightBoosting:
    """Extra-trees that see fewer rows and columns each, so that they differ more."""
    return LightBoosting(multiple=multiple, row_share=0.5, column_share=0.3, seed=seed)


def _mixture(near: int) -> Mixture:
    """Unlike models of the outcome over ``near`` horizons, and over twice as many."""
    far = 2 * near
    return Mixture(
        members=(
            _xgboost(near),
            _extra(near),
            _freer(near, seed=11),
            _freer(near, seed=12),
            LogisticRegression(multiple=near),
            _xgboost(far, seed=1),
            _freer(far, seed=13),
        ),
        label="mixture",
    )


def _quick(near: int) -> Mixture:
    members = (LightBoosting(n_rounds=100, multiple=near), LogisticRegression(multiple=near))
    return Mixture(members=members, label="quick")


def offered(near: int = OWN_HORIZON) -> Mapping[str, Recipe]:
    """By name.

    Args:
        near: Over how many horizons the outcome reaches that mixtures learn from: where decisions
            are further apart than the horizon, as many as lie between them, since what moves the
            next half hour moves the hour too and is seen with less noise there.
    """
    unlike = (_xgboost(), _extra(), LogisticRegression())
    return {
        DEFAULT: _mixture(near),
        QUICK: _quick(near),
        "xgboost": _xgboost(),
        "lightgbm-extra": _extra(),
        "lightgbm-freer": _freer(seed=11),
        "lightgbm": LightBoosting(is_extra=False, n_leaves=15, n_rounds=150),
        "logistic": LogisticRegression(),
        "random-forest": _forest(),
        "vote": Mixture(members=unlike, in_logits=False, label="vote"),
        "stacked": Stacked(members=unlike),
        "calibrated": Stacked(members=(_extra(),)),
    }


def recipe_named(name: str, *, near: int = OWN_HORIZON) -> Recipe:
    """One of them.

    Args:
        name: As it is offered.
        near: See :func:`offered`.

    Raises:
        ConfigurationError: If there is none of that name.
    """
    recipes = offered(near)
    if name not in recipes:
        message = f"--model must be one of {', '.join((*recipes, *online_offered()))}, was {name!r}"
        raise ConfigurationError(message)
    return recipes[name]


def online_offered() -> Mapping[str, OnlineRecipe]:
    """Those that learn row by row, by name."""
    recipes = (OnlineLogistic(), OnlineTree(), OnlineForest(), OnlineBagging())
    return {recipe.name: recipe for recipe in recipes}


def online_recipes_named(names: str, *, variable: str) -> tuple[OnlineRecipe, ...]:
    """Some of them.

    Args:
        names: Comma-separated.
        variable: What to name in an error.

    Raises:
        ConfigurationError: If there is none of a name, or no name at all.
    """
    offered_online = online_offered()
    found = tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    if any(name not in offered_online for name in found):
        message = (
            f"{variable} must be some of {', '.join(offered_online)}, separated by commas, was {names!r}"
        )
        raise ConfigurationError(message)
    return tuple(offered_online[name] for name in found)

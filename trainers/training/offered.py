"""The recipes that commands offer by name, and how many configurations were tried to find them."""

from collections.abc import Mapping

from schemas.errors import ConfigurationError
from stream_processors.features.declarations import SPEC
from trainers.models.calibration import Calibrated
from trainers.models.gradient_boosting import Boosting, BoostingParameters
from trainers.models.light_boosting import LightBoosting
from trainers.models.logistic import LogisticRegression
from trainers.models.mixtures import Mixture, Stacked
from trainers.models.narrowing import NarrowedRecipe
from trainers.models.online.protocols import OnlineRecipe
from trainers.models.online.recipes import OnlineBagging, OnlineForest, OnlineLogistic, OnlineTree
from trainers.models.recipes import OWN_HORIZON, Recipe

#: The number of configurations that were judged on the recorded files before the default was chosen; every figure
#: must be discounted for them. They were 37 single models (feature sets, horizons, a market turned upside down as
#: further rows, lower weights for older rows, monotone trees, random Fourier features, small neural networks, the
#: other coin as columns, as rows and as both), 50 mixtures and 33 ways to set thresholds.
CONFIGURATIONS_TRIED = 120
#: The same number for models that learn online: three settings of the logistic regression, two of bagging, one tree
#: and one forest.
ONLINE_CONFIGURATIONS_TRIED = 7
DEFAULT = "mixture"
#: The recipe that the train job fits by default: it is fast, and calibrated on little history too. It was chosen among
#: ``SERVED_TRIED`` ways to calibrate, tried on the first 21 days of June 2025.
SERVED = "calibrated-xgboost"
SERVED_TRIED = 14
#: The recipe that ``--quick`` takes instead of the default.
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


def _mixture(near: int, *, is_accompanied: bool) -> Mixture:
    """A mixture of different models, of the outcome over ``near`` horizons and over twice as many.

    If there are more features than the instrument's own, these members see only its own features, and
    further members see all of them.
    """
    far = 2 * near
    own = (
        _xgboost(near),
        _extra(near),
        _freer(near, seed=11),
        _freer(near, seed=12),
        LogisticRegression(multiple=near),
        _xgboost(far, seed=1),
        _freer(far, seed=13),
    )
    if not is_accompanied:
        return Mixture(members=own, label="mixture")
    columns = tuple(feature.name for feature in SPEC.features)
    alone = tuple(NarrowedRecipe(member=member, columns=columns) for member in own)
    whole = (
        _xgboost(near),
        _extra(near),
        _freer(near, seed=11),
        _freer(near, seed=12),
        _freer(far, seed=13),
    )
    return Mixture(members=(*alone, *whole), label="mixture")


def _quick(near: int) -> Mixture:
    members = (LightBoosting(n_rounds=100, multiple=near), LogisticRegression(multiple=near))
    return Mixture(members=members, label="quick")


def offered(near: int = OWN_HORIZON, *, is_accompanied: bool = False) -> Mapping[str, Recipe]:
    """The recipes that commands offer, by name.

    Args:
        near: The number of horizons over which the outcome reaches that mixtures learn from. If decisions are further
            apart than the horizon, it is the number of horizons between them, since what moves the next half hour
            also moves the hour, and is seen with less noise there.
        is_accompanied: Whether there are more features than the instrument's own.
    """
    unlike = (_xgboost(), _extra(), LogisticRegression())
    return {
        DEFAULT: _mixture(near, is_accompanied=is_accompanied),
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
        SERVED: Calibrated(members=(Boosting(),)),
    }


def recipe_named(name: str, *, near: int = OWN_HORIZON, is_accompanied: bool = False) -> Recipe:
    """The offered recipe of a name.

    Args:
        name: The name, as it is offered.
        near: See :func:`offered`.
        is_accompanied: See :func:`offered`.

    Raises:
        ConfigurationError: If no recipe has that name.
    """
    recipes = offered(near, is_accompanied=is_accompanied)
    if name not in recipes:
        message = f"--model must be one of {', '.join((*recipes, *online_offered()))}, was {name!r}"
        raise ConfigurationError(message)
    return recipes[name]


def online_offered() -> Mapping[str, OnlineRecipe]:
    """The recipes of models that learn row by row, by name."""
    recipes = (OnlineLogistic(), OnlineTree(), OnlineForest(), OnlineBagging())
    return {recipe.name: recipe for recipe in recipes}


def online_recipes_named(names: str, *, variable: str) -> tuple[OnlineRecipe, ...]:
    """The offered recipes of some names, of models that learn row by row.

    Args:
        names: The names, separated by commas.
        variable: The setting that an error names.

    Raises:
        ConfigurationError: If no recipe has one of the names, or there is no name.
    """
    offered_online = online_offered()
    found = tuple(dict.fromkeys(name.strip() for name in names.split(",")))
    if any(name not in offered_online for name in found):
        message = (
            f"{variable} must be some of {', '.join(offered_online)}, separated by commas, was {names!r}"
        )
        raise ConfigurationError(message)
    return tuple(offered_online[name] for name in found)

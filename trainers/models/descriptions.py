"""Writes recipes as plain data and reads them, so that a version can state how it was fitted.

A manifest states the whole recipe and not only its name, because the recipe of a name may change later, and a
refit in a backtest must be fitted as the version was. The data hold kinds and numbers, never code.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from schemas.errors import StateError
from trainers.models.calibration import Calibrated
from trainers.models.gradient_boosting import Boosting
from trainers.models.light_boosting import LightBoosting
from trainers.models.logistic import LogisticRegression
from trainers.models.mixtures import Mixture, Stacked
from trainers.models.narrowing import NarrowedRecipe
from trainers.models.recipes import Recipe

#: Every class of recipe, by the word that stands for it in a description.
KINDS: Mapping[str, Any] = MappingProxyType(
    {
        "boosting": Boosting,
        "light-boosting": LightBoosting,
        "logistic": LogisticRegression,
        "mixture": Mixture,
        "stacked": Stacked,
        "calibrated": Calibrated,
        "alone": NarrowedRecipe,
    }
)
_KIND, _MEMBER, _MEMBERS = "kind", "member", "members"


def described(recipe: Recipe) -> dict[str, Any]:
    """Returns a recipe as data ready for JSON: its kind, every parameter, and its members in the same form.

    Raises:
        TypeError: If its class is not in :data:`KINDS`.
    """
    kind = next((word for word, known in KINDS.items() if type(recipe) is known), None)
    if kind is None:
        message = f"{type(recipe).__name__} must stand in trainers.models.descriptions.KINDS to be described"
        raise TypeError(message)
    fields = {name: getattr(recipe, name) for name in KINDS[kind].__struct_fields__}
    if _MEMBER in fields:
        fields[_MEMBER] = described(fields[_MEMBER])
    if _MEMBERS in fields:
        fields[_MEMBERS] = [described(member) for member in fields[_MEMBERS]]
    written: dict[str, Any] = msgspec.to_builtins({_KIND: kind, **fields})
    return written


def recipe_of(description: Mapping[str, Any]) -> Recipe:
    """Returns the recipe that :func:`described` wrote.

    Raises:
        StateError: If its kind is unknown, or it has other parameters.
    """
    fields = {name: value for name, value in description.items() if name != _KIND}
    try:
        kind = KINDS[description[_KIND]]
        if _MEMBER in fields:
            fields[_MEMBER] = recipe_of(fields[_MEMBER])
        if _MEMBERS in fields:
            fields[_MEMBERS] = tuple(recipe_of(member) for member in fields[_MEMBERS])
        unknown = set(fields) - set(kind.__struct_fields__)
        if unknown:
            message = f"a {description[_KIND]} has no {', '.join(sorted(unknown))}"
            raise StateError(message)
        made: Recipe = msgspec.convert(fields, kind)
    except (KeyError, TypeError, msgspec.ValidationError) as error:
        message = f"expected the description of a recipe of {', '.join(KINDS)}: {error!r}"
        raise StateError(message) from error
    return made

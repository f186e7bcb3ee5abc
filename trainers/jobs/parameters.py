"""Searched parameters as files: written with their evidence, and not taken where they would cheat."""

from pathlib import Path

import msgspec
import numpy as np

from schemas.errors import ConfigurationError
from trainers.jobs.evaluating import Question
from trainers.jobs.outputs import write_output
from trainers.jobs.recipes import offered
from trainers.models.recipes import Recipe
from trainers.models.spaces import space_of, with_parameters
from trainers.selection.searching import Searched


def write_searched(searched: Searched, path: Path) -> None:
    """Write the choice and the evidence as JSON.

    Raises:
        ConfigurationError: If it cannot be written there.
    """
    write_output(path, msgspec.json.format(msgspec.json.encode(searched), indent=2) + b"\n", "--json")


def read_searched(path: Path) -> Searched:
    """What a search wrote.

    Raises:
        ConfigurationError: If it is missing or is something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Searched)
    except (OSError, msgspec.DecodeError) as error:
        message = f"--parameters must name what `driftline search` wrote, {path.name} is not: {error}"
        raise ConfigurationError(message) from error


def check_searchable(model: str) -> None:
    """Refuse a recipe of which nothing can be searched.

    Raises:
        ConfigurationError: If it has no declared space.
    """
    recipes = offered()
    if model not in recipes or not space_of(recipes[model]):
        names = ", ".join(name for name, recipe in recipes.items() if space_of(recipe))
        message = f"--model must be one of those that can be searched, {names}; was {model!r}"
        raise ConfigurationError(message)


def searched_recipe(searched: Searched, question: Question, recipe: Recipe) -> Recipe:
    """The recipe with the parameters that were found.

    Raises:
        ConfigurationError: If they were found for another question, or on the test of this one.
    """
    if (searched.interval, searched.horizon) != (str(question.interval), str(question.horizon)):
        message = (
            f"--parameters must be searched for {question.interval}:{question.horizon}, are for "
            f"{searched.interval}:{searched.horizon}"
        )
        raise ConfigurationError(message)
    if searched.searched_until_ms > question.train_until_ms:
        message = (
            f"--parameters must be searched on what lies before --train-until, {_day(question.train_until_ms)}, but "
            f"that search looked at labels until {_day(searched.searched_until_ms)}, the test's among them"
        )
        raise ConfigurationError(message)
    try:
        return with_parameters(recipe, searched.parameters)
    except ValueError as error:
        message = f"--parameters do not fit {searched.model}: {error}"
        raise ConfigurationError(message) from error


def _day(time_ms: int) -> str:
    return str(np.datetime64(time_ms, "ms").astype("datetime64[D]"))

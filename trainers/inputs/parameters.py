"""Writes searched parameters with their evidence, reads them, and refuses them where they would cheat."""

from pathlib import Path
from typing import Any

import msgspec

from schemas.errors import ConfigurationError
from schemas.time import text_of_time
from trainers.datasets.decisions import DecisionSet
from trainers.models.recipes import OWN_HORIZON, Recipe
from trainers.models.spaces import space_of, with_parameters
from trainers.outputs import write_output
from trainers.selection.searching import Search, Searched, stated
from trainers.selection.statements import contradiction
from trainers.training.evaluating import Question
from trainers.training.offered import offered


def write_searched(searched: Searched, path: Path) -> None:
    """Writes the chosen parameters and the evidence as JSON.

    Raises:
        ConfigurationError: If the file cannot be written.
    """
    write_output(path, msgspec.json.format(msgspec.json.encode(searched), indent=2) + b"\n", "--json")


def read_searched(path: Path) -> Searched:
    """Reads a file that a search wrote.

    Raises:
        ConfigurationError: If the file is missing, is something else, or contradicts itself.
    """
    try:
        searched = msgspec.json.decode(path.read_bytes(), type=Searched)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"--parameters must name a file that `driftline search` wrote, and {path.name} is something else: {error}"
        raise ConfigurationError(message) from error
    try:
        wrong = contradiction(searched)
    except KeyError as error:
        wrong = f"one of its folds does not state its {error}"
    if wrong is not None:
        message = (
            f"--parameters must be as `driftline search` wrote them, and {path.name} was changed: {wrong}"
        )
        raise ConfigurationError(message)
    return searched


def is_repeated(searched: Searched, decisions: DecisionSet, recipe: Recipe) -> bool:
    """Repeats the draws of a search, if these decisions are those that it was made on.

    Args:
        searched: The result of the search.
        decisions: The decisions on which its parameters are judged.
        recipe: The recipe as it is declared.

    Returns:
        Whether every trial was drawn again; False if these are other data, on which nothing can be repeated.

    Raises:
        ConfigurationError: If the same search would have found something else.
    """
    of_recipe = msgspec.structs.replace(
        decisions,
        forward_returns={
            multiple: decisions.forward_returns[multiple]
            for multiple in sorted({OWN_HORIZON, *recipe.multiples})
        },
    )
    try:
        search = Search(
            of_recipe, recipe, searched.plan, model=searched.model, until_ms=searched.searched_until_ms
        )
    except ConfigurationError:
        return False  # There is too little history before its date, so it was searched on other data.
    if search.data_hash != searched.data_hash:
        return False
    found = search.repeated(searched.trials)
    for field in ("trials", *(name for name in Searched.__struct_fields__ if name not in {"plan", "trials"})):
        if found is None or getattr(found, field) != getattr(searched, field):
            message = (
                f"--parameters must be as `driftline search` wrote them: repeated on these data, the search gives other "
                f"{field} than the file states; search again (another release of optuna may draw other trials)"
            )
            raise ConfigurationError(message)
    return True


def stated_parameters(searched: Searched, decisions: DecisionSet, recipe: Recipe) -> dict[str, Any]:
    """Returns what figures state of an earlier search, and whether it could be repeated.

    Args:
        searched: The search's result.
        decisions: The decisions that the figures are about.
        recipe: The recipe as it is declared.

    Raises:
        ConfigurationError: If the same search would have found something else.
    """
    return {**stated(searched), "is_repeated": is_repeated(searched, decisions, recipe)}


#: What figures state of a search that could not be repeated.
NOT_REPEATED = "searched on other data than these: its trials could not be repeated, and their number could not be checked"


def check_searchable(model: str) -> None:
    """Refuses a recipe without parameters that can be searched.

    Raises:
        ConfigurationError: If the recipe is unknown or has no such parameters.
    """
    recipes = offered()
    if model not in recipes or not space_of(recipes[model]):
        names = ", ".join(name for name, recipe in recipes.items() if space_of(recipe))
        message = f"--model must be a recipe that can be searched ({names}), was {model!r}"
        raise ConfigurationError(message)


def searched_recipe(searched: Searched, question: Question, recipe: Recipe) -> Recipe:
    """Returns the recipe with the parameters that were found.

    Args:
        searched: The search's result.
        question: What is evaluated with the parameters.
        recipe: The recipe as it is declared.

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
            f"--parameters must be searched on rows before --train-until, {text_of_time(question.train_until_ms, 'day')}, but "
            f"that search used labels until {text_of_time(searched.searched_until_ms, 'day')}, some of which are the test's"
        )
        raise ConfigurationError(message)
    try:
        return with_parameters(recipe, searched.parameters)
    except ValueError as error:
        message = f"--parameters do not fit {searched.model}: {error}"
        raise ConfigurationError(message) from error

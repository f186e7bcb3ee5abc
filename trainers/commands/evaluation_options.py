"""Makes the question of an evaluation from the options of the command line."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

import click

from producers.jobs.reading_options import read_request
from producers.sources.files.forms import ReadRequest
from schemas.errors import ConfigurationError
from schemas.time import Interval, Length, length_named, parse_time
from schemas.wire.clocks import SystemClock
from trainers.datasets.schedules import Refit
from trainers.evaluation.selective import Thresholds
from trainers.inputs.evaluation_files import EvaluationFiles
from trainers.inputs.news_scores import NewsFile
from trainers.inputs.parameters import read_searched
from trainers.selection.inner import Objective
from trainers.selection.searching import Pruning, Searched, SearchPlan
from trainers.training.evaluating import Question
from trainers.training.offered import DEFAULT, QUICK

_Word = TypeVar("_Word", Interval, Refit, Thresholds)


def files_of(options: Mapping[str, Any]) -> EvaluationFiles:
    """The files that the options name."""
    paths = {name: options[name] for name in EvaluationFiles._fields if name not in {"reading", "news"}}
    return EvaluationFiles(**paths, news=news_of(options), reading=reading_of(options))


def news_of(options: Mapping[str, Any]) -> NewsFile | None:
    """The file of articles, with the scorers that the environment of the command names."""
    if options["news"] is None:
        return None
    context = click.get_current_context(silent=True)
    environment = context.obj if context is not None and isinstance(context.obj, Mapping) else {}
    return NewsFile(options["news"], options["news_delay"], environment)


def reading_of(options: Mapping[str, Any]) -> ReadRequest:
    """What the options tell of files of candles that these cannot tell."""
    return read_request(options, {}, not_after_ms=SystemClock().now_ms())


def question_of(options: Mapping[str, Any]) -> Question:
    """Returns the question that the options state: interval, horizon, dates and refits.

    Raises:
        ConfigurationError: If an option has a value that is not allowed, or a date cannot be read.
    """
    until = options["test_until"]
    return known_question_of(options)._replace(
        test_until_ms=None if until is None else parse_time(until, "--test-until"),
        refit=_one_of(Refit, options["refit"], "--refit"),
        thresholds=_one_of(Thresholds, options["thresholds"], "--thresholds"),
    )


def known_question_of(options: Mapping[str, Any]) -> Question:
    """Returns the question of a search: interval, horizon, and the date at which the training data end.

    Raises:
        ConfigurationError: If an option has a value that is not allowed, or the date cannot be read.
    """
    interval = _length_of(options["interval"], "--interval")
    return Question(
        interval=interval,
        horizon=_length_of(options["horizon"], "--horizon"),
        train_until_ms=parse_time(options["train_until"], "--train-until"),
        seed=options["seed"],
        n_workers=options["workers"] or os.cpu_count() or 1,
        is_weighted=options["is_weighted"],
        also=_also(options["also"], interval),
    )


def also_of(words: str | None) -> tuple[Interval, ...]:
    """Returns the further intervals, each once.

    Raises:
        ConfigurationError: If an interval is unknown.
    """
    return tuple(
        dict.fromkeys(_one_of(Interval, word, "--also") for word in (words or "").split(",") if word)
    )


def _length_of(word: str, option: str) -> Length:
    found = length_named(word)
    if found is None:
        message = (
            f"{option} must be one of {', '.join(Interval)}, or a length such as 45m, 3d or 1w that the file's bars "
            f"have or make up, was {word!r}"
        )
        raise ConfigurationError(message)
    return found


def _also(words: str | None, interval: Length) -> tuple[Interval, ...]:
    found = also_of(words)
    if interval in found:
        message = f"--also must name other intervals than --interval, was {words}"
        raise ConfigurationError(message)
    return found


def interval_of(word: str | None) -> Length | None:
    """Returns the interval of the bars; None if the option was not given.

    Raises:
        ConfigurationError: If the interval is unknown.
    """
    return None if word is None else _length_of(word, "--interval")


def lengths_of(words: str, option: str) -> tuple[Length, ...]:
    """Returns the lengths that an option lists, each once.

    Raises:
        ConfigurationError: If a length is unknown, or none is given.
    """
    found = tuple(
        dict.fromkeys(_length_of(word.strip(), option) for word in words.split(",") if word.strip())
    )
    if not found:
        message = f"{option} must list lengths such as 1h,4h, was {words!r}"
        raise ConfigurationError(message)
    return found


def plan_of(options: Mapping[str, Any]) -> SearchPlan:
    """Returns how to search."""
    return SearchPlan(
        n_trials=options["n_trials"],
        objective=Objective(options["objective"]),
        coverage=options["coverage"],
        pruning=Pruning(options["pruning"]),
        n_folds=options["n_folds"],
        seed=options["seed"],
        is_weighted=options["is_weighted"],
    )


class ModelChoice(NamedTuple):
    """The model that is judged.

    Attributes:
        model: The name of its recipe.
        parameters: The parameters that an earlier search found; None takes the declared ones.
        n_trials: The number of trials of a search during the test; None searches nothing.
    """

    model: str
    parameters: Searched | None
    n_trials: int | None


def choice_of(options: Mapping[str, Any]) -> ModelChoice:
    """Returns the name of the recipe, and where its parameters come from.

    Raises:
        ConfigurationError: If two options contradict each other.
    """
    model, n_trials = options["model"], options["n_trials"]
    if options["quick"] and model:
        message = f"--quick has a model of its own: leave out --model {model}"
        raise ConfigurationError(message)
    if options["parameters"] is None:
        return ModelChoice(QUICK if options["quick"] else model or DEFAULT, None, n_trials)
    found = read_searched(options["parameters"])
    if n_trials is not None or options["quick"] or model not in {None, found.model}:
        message = (
            f"--parameters are for --model {found.model} as it was searched: leave out --search, --quick "
            "and other models"
        )
        raise ConfigurationError(message)
    return ModelChoice(found.model, found, None)


def _one_of(words: type[_Word], word: str, option: str) -> _Word:
    try:
        return words(word)
    except ValueError as error:
        message = f"{option} must be one of {', '.join(words)}, was {word!r}"
        raise ConfigurationError(message) from error

"""What an evaluation is asked, from the words of the command line."""

import os
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from schemas.errors import ConfigurationError
from schemas.time import Interval, parse_time
from trainers.datasets.schedules import Refit
from trainers.evaluation.selective import Thresholds
from trainers.inputs.evaluation_files import EvaluationFiles
from trainers.inputs.parameters import read_searched
from trainers.selection.inner import Objective
from trainers.selection.searching import Pruning, Searched, SearchPlan
from trainers.training.evaluating import Question
from trainers.training.offered import DEFAULT, QUICK

_Word = TypeVar("_Word", Interval, Refit, Thresholds)


def files_of(options: Mapping[str, Any]) -> EvaluationFiles:
    """The files that the options name."""
    return EvaluationFiles(**{name: options[name] for name in EvaluationFiles._fields})


def question_of(options: Mapping[str, Any]) -> Question:
    """Interval, horizon, dates and refits.

    Raises:
        ConfigurationError: If a word is none of those allowed, or a date cannot be read.
    """
    until = options["test_until"]
    return known_question_of(options)._replace(
        test_until_ms=None if until is None else parse_time(until, "--test-until"),
        refit=_one_of(Refit, options["refit"], "--refit"),
        thresholds=_one_of(Thresholds, options["thresholds"], "--thresholds"),
    )


def known_question_of(options: Mapping[str, Any]) -> Question:
    """Interval, horizon, and the date at which what may be learnt ends.

    Raises:
        ConfigurationError: If a word is none of those allowed, or the date cannot be read.
    """
    interval = _one_of(Interval, options["interval"], "--interval")
    return Question(
        interval=interval,
        horizon=_one_of(Interval, options["horizon"], "--horizon"),
        train_until_ms=parse_time(options["train_until"], "--train-until"),
        seed=options["seed"],
        n_workers=options["workers"] or os.cpu_count() or 1,
        is_weighted=options["is_weighted"],
        also=_also(options["also"], interval),
    )


def also_of(words: str | None) -> tuple[Interval, ...]:
    """Further intervals, each once.

    Raises:
        ConfigurationError: If one is none of those there are.
    """
    return tuple(
        dict.fromkeys(_one_of(Interval, word, "--also") for word in (words or "").split(",") if word)
    )


def _also(words: str | None, interval: Interval) -> tuple[Interval, ...]:
    found = also_of(words)
    if interval in found:
        message = f"--also must name other intervals than --interval, was {words}"
        raise ConfigurationError(message)
    return found


def interval_of(word: str | None) -> Interval | None:
    """The interval of a bar, where one was given.

    Raises:
        ConfigurationError: If it is none of those there are.
    """
    return None if word is None else _one_of(Interval, word, "--interval")


def plan_of(options: Mapping[str, Any]) -> SearchPlan:
    """How to search."""
    return SearchPlan(
        n_trials=options["n_trials"],
        objective=Objective(options["objective"]),
        coverage=options["coverage"],
        pruning=Pruning(options["pruning"]),
        n_folds=options["n_folds"],
        seed=options["seed"],
        is_weighted=options["is_weighted"],
    )


class Choice(NamedTuple):
    """What is to be judged.

    Attributes:
        parameters: What an earlier search found for it.
        n_trials: How many to search on the way.
    """

    model: str
    parameters: Searched | None
    n_trials: int | None


def choice_of(options: Mapping[str, Any]) -> Choice:
    """The recipe's name, and where its parameters come from.

    Raises:
        ConfigurationError: If two options contradict each other.
    """
    model, n_trials = options["model"], options["n_trials"]
    if options["quick"] and model:
        message = f"--quick takes a model of its own: leave out --model {model}"
        raise ConfigurationError(message)
    if options["parameters"] is None:
        return Choice(QUICK if options["quick"] else model or DEFAULT, None, n_trials)
    found = read_searched(options["parameters"])
    if n_trials is not None or options["quick"] or model not in {None, found.model}:
        message = (
            f"--parameters are for --model {found.model} as it was searched: leave out --search, --quick "
            "and other models"
        )
        raise ConfigurationError(message)
    return Choice(found.model, found, None)


def _one_of(words: type[_Word], word: str, option: str) -> _Word:
    try:
        return words(word)
    except ValueError as error:
        message = f"{option} must be one of {', '.join(words)}, was {word!r}"
        raise ConfigurationError(message) from error

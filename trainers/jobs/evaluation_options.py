"""What an evaluation is asked, from the words of the command line."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from schemas.errors import ConfigurationError
from schemas.time import Interval
from trainers.datasets.schedules import Refit
from trainers.jobs.evaluate import Inputs
from trainers.jobs.evaluating import Question
from trainers.jobs.recipes import DEFAULT, QUICK

_Word = TypeVar("_Word", Interval, Refit)


def inputs_of(options: Mapping[str, Any]) -> Inputs:
    """The files."""
    return Inputs(**{name: options[name] for name in Inputs._fields})


def question_of(options: Mapping[str, Any]) -> Question:
    """Interval, horizon, dates and refits.

    Raises:
        ConfigurationError: If a word is none of those allowed, or a date cannot be read.
    """
    until = options["test_until"]
    return Question(
        interval=_one_of(Interval, options["interval"], "--interval"),
        horizon=_one_of(Interval, options["horizon"], "--horizon"),
        train_until_ms=_time_ms(options["train_until"], "--train-until"),
        test_until_ms=None if until is None else _time_ms(until, "--test-until"),
        refit=_one_of(Refit, options["refit"], "--refit"),
        seed=options["seed"],
        n_workers=options["workers"] or os.cpu_count() or 1,
    )


def interval_of(word: str | None) -> Interval | None:
    """The interval of a bar, where one was given.

    Raises:
        ConfigurationError: If it is none of those there are.
    """
    return None if word is None else _one_of(Interval, word, "--interval")


def model_of(options: Mapping[str, Any]) -> str:
    """The recipe's name.

    Raises:
        ConfigurationError: If both a model and the quick one are asked for.
    """
    if options["quick"] and options["model"]:
        message = f"--quick takes a model of its own: leave out --model {options['model']}"
        raise ConfigurationError(message)
    return QUICK if options["quick"] else options["model"] or DEFAULT


def _one_of(words: type[_Word], word: str, option: str) -> _Word:
    try:
        return words(word)
    except ValueError as error:
        message = f"{option} must be one of {', '.join(words)}, was {word!r}"
        raise ConfigurationError(message) from error


def _time_ms(text: str, option: str) -> int:
    try:
        stamp = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"{option} must be a day or a time such as 2019-01-01, was {text!r}"
        raise ConfigurationError(message) from error
    in_utc = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp
    return int(in_utc.timestamp() * 1000)

"""The job of ``driftline evaluate``: it judges a model on files, out of sample."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from schemas.errors import ConfigurationError
from schemas.time import Clock, text_of_time
from trainers.datasets.decisions import DecisionSet
from trainers.evaluation.summaries import Figures
from trainers.inputs.dataset_files import store
from trainers.inputs.evaluation_files import EvaluationFiles, EvaluationInput
from trainers.inputs.parameters import check_searchable, searched_recipe, stated_parameters
from trainers.models.recipes import OWN_HORIZON, Recipe
from trainers.outputs import write_output
from trainers.selection.nested import Nesting
from trainers.selection.searching import Searched, SearchPlan
from trainers.training.evaluating import Question, evaluated, evaluated_online
from trainers.training.offered import CONFIGURATIONS_TRIED, ONLINE_CONFIGURATIONS_TRIED, online_offered
from trainers.training.workers import Progress

#: How often a model that learns online is refitted, in the figures.
_EVERY_ROW = "every row"


def evaluate_files(
    files: EvaluationFiles,
    question: Question,
    *,
    model: str,
    clock: Clock,
    parameters: Searched | None = None,
    n_trials: int | None = None,
    progress: Progress | None = None,
    dataset_folder: Path | None = None,
) -> dict[str, object]:
    """Trains on the rows before a date and tests on the rows after it.

    Args:
        files: Files of candles with open times, and of articles.
        question: The interval, the horizon, the date and the refits.
        model: The name of a recipe.
        clock: Measures ``seconds``.
        parameters: The parameters that a search before the date found for that recipe.
        n_trials: The number of trials of a new search before the first refit of each year; None searches nothing.
        progress: Is told the share of the fits that are done.
        dataset_folder: The folder in which the data set is kept; None does not keep it.

    Raises:
        ConfigurationError: If a file or a date cannot be used.
    """
    began_s = clock.monotonic_s()
    read = EvaluationInput(files, question)
    candidate = _candidate(model, question, read, parameters=parameters, n_trials=n_trials)
    decisions = read.decisions(candidate.multiples)
    if dataset_folder is not None:
        store(decisions, dataset_folder, sources=files.given())
    searches = [stated_parameters(one, decisions, declared) for one, declared in candidate.searched]
    figures = candidate.judge(decisions, progress)
    figures = {**figures, "searches": searches} if searches else figures
    return {
        **figures,
        "model": candidate.name,
        "configurations_tried": candidate.n_tried + n_searched(figures),
        "seconds": round(clock.monotonic_s() - began_s, 1),
        "interval": str(question.interval),
        "horizon": str(question.horizon),
        "also": [str(interval) for interval in question.also],
        "refit": candidate.refit,
        "train_until": text_of_time(question.train_until_ms, "iso"),
        "features": list(read.table.names),
        "n_companion_rows": sum(len(companion) for companion in decisions.companions),
        "feature_spec_hash": read.table.feature_spec_hash,
        "bars": {
            "interval": str(read.bars.interval),
            "n": len(read.bars.bars.start_ms),
            "n_left_out": read.bars.n_left_out,
        },
        "warnings": list(read.warnings),
        "seed": question.seed,
        "uniqueness_weights": question.is_weighted,
    }


def nesting_of(question: Question, *, model: str, n_trials: int) -> Nesting:
    """Returns how a model's parameters are searched again during the test.

    Args:
        question: What is evaluated.
        model: The recipe's name on the command line.
        n_trials: The number of trials of each search.

    Raises:
        ConfigurationError: If the model has no parameters that can be searched.
    """
    check_searchable(model)
    plan = SearchPlan(n_trials=n_trials, seed=question.seed, is_weighted=question.is_weighted)
    return Nesting(model, plan, question.train_until_ms)


def n_searched(figures: Mapping[str, Any]) -> int:
    """Counts the trials of the searches behind figures, pruned ones too; each is a configuration tried."""
    return sum(int(search["n_trials"]) for search in figures.get("searches", ()))


class _Candidate(NamedTuple):
    """What is evaluated, and how: by refits, or row by row.

    Attributes:
        searched: The earlier searches, each with its recipe as it is declared.
    """

    name: str
    refit: str
    n_tried: int
    multiples: frozenset[int]
    judge: Callable[[DecisionSet, Progress | None], Figures]
    searched: tuple[tuple[Searched, Recipe], ...] = ()


def _candidate(
    model: str,
    question: Question,
    read: EvaluationInput,
    *,
    parameters: Searched | None,
    n_trials: int | None,
) -> _Candidate:
    online = online_offered().get(model)
    if online is not None:
        if parameters is not None or n_trials is not None:
            message = (
                f"--parameters and --search are for models that are refitted, and {model} learns row by row"
            )
            raise ConfigurationError(message)
        return _Candidate(
            online.name,
            _EVERY_ROW,
            CONFIGURATIONS_TRIED + ONLINE_CONFIGURATIONS_TRIED,
            frozenset({OWN_HORIZON}),
            lambda decisions, told: evaluated_online(decisions, online, question, progress=told)[0],
        )
    declared = read.recipe(model)
    recipe = declared if parameters is None else searched_recipe(parameters, question, declared)
    nesting = None if n_trials is None else nesting_of(question, model=model, n_trials=n_trials)
    return _Candidate(
        recipe.name,
        str(question.refit),
        CONFIGURATIONS_TRIED,
        declared.multiples,
        lambda decisions, told: evaluated(decisions, recipe, question, nesting=nesting, progress=told)[0],
        () if parameters is None else ((parameters, declared),),
    )


def write_figures(figures: dict[str, object], path: Path) -> None:
    """Writes figures as JSON.

    Raises:
        ConfigurationError: If the file cannot be written.
    """
    write_output(path, (json.dumps(figures, indent=2) + "\n").encode(), "--json")

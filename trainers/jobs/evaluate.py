"""The job behind ``driftline evaluate``: files in, honest figures out."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from schemas.errors import ConfigurationError
from schemas.features import FeatureTable
from schemas.time import Clock, Interval, text_of_time
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from stream_processors.features.vectors import with_coin, with_perpetual
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.joining import interval_columns, news_columns, with_columns
from trainers.datasets.prices import PricePath, merged
from trainers.evaluation.summaries import Figures
from trainers.inputs.bar_files import BarFile, read_bars, read_publication_times
from trainers.inputs.dataset_files import store
from trainers.inputs.parameters import check_searchable, searched_recipe, stated_parameters
from trainers.models.recipes import OWN_HORIZON, Recipe
from trainers.outputs import write_output
from trainers.selection.nested import Nesting
from trainers.selection.searching import Searched, SearchPlan
from trainers.training.evaluating import Question, decisions_for, evaluated, evaluated_online
from trainers.training.offered import (
    CONFIGURATIONS_TRIED,
    ONLINE_CONFIGURATIONS_TRIED,
    online_offered,
    recipe_named,
)
from trainers.training.workers import Progress

#: How often a model is refitted that learns online.
_EVERY_ROW = "every row"


#: Closes of one market as two venues have them differ by less than this, as a rule.
_LARGEST_DIFFERENCE = 0.01


class Inputs(NamedTuple):
    """The files of an evaluation.

    Attributes:
        bars: Whose direction is predicted.
        outcomes: Shorter bars of the same instrument, in which outcomes are looked up first.
    """

    bars: Path
    bars_eth: Path | None = None
    perp: Path | None = None
    news: Path | None = None
    outcomes: Path | None = None

    def given(self) -> dict[str, Path]:
        """Those that there are, by their part."""
        return {name: path for name, path in self._asdict().items() if path is not None}


def evaluate_files(
    inputs: Inputs,
    question: Question,
    *,
    model: str,
    clock: Clock,
    parameters: Searched | None = None,
    n_trials: int | None = None,
    progress: Progress | None = None,
    dataset_folder: Path | None = None,
) -> dict[str, object]:
    """Train on what lies before the date, test on what lies after.

    Args:
        inputs: Files of candles with open times, and of articles.
        question: Interval, horizon, date and refits.
        model: The name of a recipe.
        clock: For ``seconds``.
        parameters: What a search before the date has found for that recipe.
        n_trials: How many to search anew before the first refit of each year; None searches nothing.
        progress: Told the share of fits done.
        dataset_folder: Where the data set is kept; None keeps none.

    Raises:
        ConfigurationError: If a file or a date does not do.
    """
    began_s = clock.monotonic_s()
    read = _read(inputs, question)
    candidate = _candidate(model, question, read, parameters=parameters, n_trials=n_trials)
    decisions = _decisions(read, inputs, question, candidate.multiples)
    if dataset_folder is not None:
        store(decisions, dataset_folder, sources=inputs.given())
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
        "seed": question.seed,
        "uniqueness_weights": question.is_weighted,
    }


def nesting_of(question: Question, *, model: str, n_trials: int) -> Nesting:
    """How to search a model's parameters on the way through a question's test.

    Args:
        question: What is evaluated.
        model: The recipe's name on the command line.
        n_trials: Of each search.

    Raises:
        ConfigurationError: If nothing of the model can be searched.
    """
    check_searchable(model)
    plan = SearchPlan(n_trials=n_trials, seed=question.seed, is_weighted=question.is_weighted)
    return Nesting(model, plan, question.train_until_ms)


def n_searched(figures: Mapping[str, Any]) -> int:
    """How many trials stand behind figures, pruned ones too: configurations tried, like those declared."""
    return sum(int(search["n_trials"]) for search in figures.get("searches", ()))


class _Candidate(NamedTuple):
    """What is evaluated, and how: by refits, or row by row.

    Attributes:
        searched: What was searched before, with the recipe as it is declared.
    """

    name: str
    refit: str
    n_tried: int
    multiples: frozenset[int]
    judge: Callable[[DecisionSet, Progress | None], Figures]
    searched: tuple[tuple[Searched, Recipe], ...] = ()


def _candidate(
    model: str, question: Question, read: "_Read", *, parameters: Searched | None, n_trials: int | None
) -> _Candidate:
    online = online_offered().get(model)
    if online is not None:
        if parameters is not None or n_trials is not None:
            message = f"--parameters and --search are for models that are refitted, {model} learns row by row"
            raise ConfigurationError(message)
        return _Candidate(
            online.name,
            _EVERY_ROW,
            CONFIGURATIONS_TRIED + ONLINE_CONFIGURATIONS_TRIED,
            frozenset({OWN_HORIZON}),
            lambda decisions, told: evaluated_online(decisions, online, question, progress=told)[0],
        )
    declared = recipe_named(model, near=read.near, is_accompanied=read.is_accompanied)
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


class _Read(NamedTuple):
    """The files' contents."""

    bars: BarFile
    prices: PricePath
    table: FeatureTable
    near: int

    @property
    def is_accompanied(self) -> bool:
        """Whether there is more than the instrument's own features."""
        return len(self.table.names) > len(SPEC.features)


def _read(inputs: Inputs, question: Question) -> _Read:
    bars = read_bars(inputs.bars)
    prices = bars.prices()
    if inputs.outcomes is not None:
        prices = merged(_outcomes(inputs.outcomes, prices), prices)
    _check_horizon(question, prices.interval_ms)
    near = max(1, question.interval.milliseconds // question.horizon.milliseconds)
    return _Read(bars, prices, features_of(bars, inputs, question), near)


def _outcomes(path: Path, own: PricePath) -> PricePath:
    """Closes of the same market in shorter bars.

    Raises:
        ConfigurationError: If the bars are longer, or say other prices at the same times.
    """
    prices = read_bars(path).prices()
    _, here, there = np.intersect1d(prices.end_ms, own.end_ms, assume_unique=True, return_indices=True)
    apart = np.abs(np.log(prices.close[here] / own.close[there]))
    if prices.interval_ms > own.interval_ms or not len(apart) or np.median(apart) > _LARGEST_DIFFERENCE:
        found = f"{np.median(apart):.1%} apart" if len(apart) else "at no common time"
        message = (
            f"--outcomes must be bars of the same instrument as --bars, no longer than these, was {path.name} "
            f"with bars of {prices.interval_ms // 60_000} minutes and closes {found}"
        )
        raise ConfigurationError(message)
    return prices


def decisions_of_files(
    inputs: Inputs, question: Question, models: Sequence[str]
) -> tuple[DecisionSet, dict[str, Recipe]]:
    """The decisions that several recipes can be judged on, and the recipes by name.

    Args:
        inputs: The files.
        question: What is evaluated.
        models: The recipes' names on the command line.

    Raises:
        ConfigurationError: If a file or a name does not do.
    """
    read = _read(inputs, question)
    recipes = {
        name: recipe_named(name, near=read.near, is_accompanied=read.is_accompanied) for name in models
    }
    multiples = frozenset[int]().union(*(recipe.multiples for recipe in recipes.values()))
    return _decisions(read, inputs, question, multiples), recipes


def decisions_like(stored: DecisionSet, inputs: Inputs, *, also: tuple[Interval, ...]) -> DecisionSet:
    """The decisions that files give, of a stored data set's interval, horizon and outcomes.

    Args:
        stored: What it is to be held against.
        inputs: The files.
        also: Further intervals whose features stand beside.

    Raises:
        ConfigurationError: If a file does not do.
    """
    question = Question(stored.interval, stored.horizon, train_until_ms=0, also=also)
    read = _read(inputs, question)
    return decisions_for(read.table, read.prices, question, frozenset(stored.forward_returns))


def _decisions(read: _Read, inputs: Inputs, question: Question, multiples: frozenset[int]) -> DecisionSet:
    """The decisions, with those of the other coin as company: more of the same kind to learn from.

    The first instrument is the other's other coin, so that the columns mean the same. Outcomes that the
    other's bars are too long for stay undefined.
    """
    own = decisions_for(read.table, read.prices, question, multiples)
    if inputs.bars_eth is None:
        return own
    if inputs.bars_eth.resolve() == inputs.bars.resolve():
        message = f"--bars-eth must be another instrument's candles, was {inputs.bars_eth.name} like --bars"
        raise ConfigurationError(message)
    coin = read_bars(inputs.bars_eth)
    table = features_of(coin, Inputs(bars=inputs.bars_eth, bars_eth=inputs.bars), question)
    companion = decisions_for(table, coin.prices(), question, multiples)
    return msgspec.structs.replace(own, companions=(companion,))


def _check_horizon(question: Question, step_ms: int) -> None:
    if question.horizon.milliseconds % step_ms:
        message = (
            f"--horizon must be a multiple of the bars that outcomes are read from, was {question.horizon} "
            f"with bars of {step_ms // 60_000} minutes"
        )
        raise ConfigurationError(message)


def features_of(bars: BarFile, inputs: Inputs, question: Question) -> FeatureTable:
    """The features of the bars, rolled up to the interval, with other files' and intervals' beside.

    Args:
        bars: The instrument's own bars.
        inputs: The other files whose features are added.
        question: The interval, and further intervals whose features are added.
    """
    interval = question.interval
    table = compute_table(bars.rolled_up(interval))
    if inputs.bars_eth is not None:
        wider = with_coin(table, _other_table(inputs.bars_eth, interval), interval=interval)
        table = _with_something(table, wider, f"--bars-eth {inputs.bars_eth.name}")
    if inputs.perp is not None:
        wider = with_perpetual(table, _other_table(inputs.perp, interval), interval=interval)
        table = _with_something(table, wider, f"--perp {inputs.perp.name}")
    if inputs.news is not None:
        wider = with_columns(table, news_columns(table, read_publication_times(inputs.news)))
        table = _with_something(table, wider, f"--news {inputs.news.name}")
    for other in question.also:
        columns = interval_columns(table, compute_table(bars.rolled_up(other)), other)
        table = with_columns(table, columns)
    return table


def _with_something(table: FeatureTable, wider: FeatureTable, what: str) -> FeatureTable:
    """The wider table, if anything was joined."""
    if len(table.as_of_ms) and np.isnan(wider.values[:, len(table.names) :]).all():
        message = (
            f"{what} must say something at the times of --bars, has nothing that was known at any of them"
        )
        raise ConfigurationError(message)
    return wider


def _other_table(path: Path, interval: Interval) -> FeatureTable:
    return compute_table(read_bars(path).rolled_up(interval))


def write_figures(figures: dict[str, object], path: Path) -> None:
    """Write them as JSON.

    Raises:
        ConfigurationError: If they cannot be written there.
    """
    write_output(path, (json.dumps(figures, indent=2) + "\n").encode(), "--json")

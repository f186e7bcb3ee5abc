"""The files of an evaluation, read: bars, outcomes, companions and news become decisions.

Evaluations, comparisons, searches and audits read their files here. Each file is read once. Companions whose
bars fit those of the instrument better one bar apart are named in a warning.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import msgspec
import numpy as np

from producers.sources.files.candles.steps import BarLength
from producers.sources.files.forms import ReadRequest
from producers.sources.files.recognition import stated_instrument
from schemas.errors import ConfigurationError
from schemas.features import FeatureTable
from schemas.instruments import parse_instrument
from schemas.time import Interval, Length
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import FeatureGroup, groups_among
from stream_processors.features.vectors import with_coin, with_news, with_perpetual
from trainers.datasets.alignment import misalignment, misalignment_words
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.joining import interval_columns, with_columns
from trainers.datasets.prices import PricePath, merged
from trainers.inputs.bar_files import BarFile, read_bars
from trainers.inputs.news_scores import NewsFile, scored_news
from trainers.models.recipes import Recipe
from trainers.training.evaluating import Question, decisions_for
from trainers.training.offered import recipe_named

#: Closes of one market, as two venues state them, usually differ by less than this.
_LARGEST_DIFFERENCE = 0.01
#: The asset of files whose names do not say.
_ASSET = "BTC"


class EvaluationFiles(NamedTuple):
    """The files of an evaluation.

    Attributes:
        bars: Candles of the instrument whose direction is predicted.
        bars_eth: Candles of another coin.
        perp: Candles of the perpetual.
        news: Articles, whose scores become features.
        outcomes: Shorter bars of the same instrument, in which outcomes are looked up first.
        reading: What the files of candles cannot tell; None knows the wall clock alone.
    """

    bars: Path
    bars_eth: Path | None = None
    perp: Path | None = None
    news: NewsFile | None = None
    outcomes: Path | None = None
    reading: ReadRequest | None = None

    def given(self) -> dict[str, Path]:
        """The files that were given, by their part."""
        news = {} if self.news is None else {"news": self.news.path}
        return {name: path for name, path in self._asdict().items() if isinstance(path, Path)} | news


class _OpenedFiles:
    """Files of candles, each read once."""

    def __init__(self, request: ReadRequest | None) -> None:
        self._request = request
        self._read: dict[Path, BarFile] = {}

    def bars(self, path: Path) -> BarFile:
        if path not in self._read:
            self._read[path] = read_bars(path, self._request)
        return self._read[path]


class EvaluationInput:
    """The contents of the files, and the decisions that they give.

    Args:
        files: The files.
        question: What is evaluated.

    Raises:
        ConfigurationError: If a file cannot be used, or the horizon does not fit its bars.
    """

    def __init__(self, files: EvaluationFiles, question: Question) -> None:
        self._files = files
        self._question = question
        self._opened = _OpenedFiles(files.reading)
        self.bars = self._opened.bars(files.bars)
        own = self.bars.prices()
        self._prices = own if files.outcomes is None else merged(self._outcomes(files.outcomes, own), own)
        _check_horizon(question, self._prices.interval_ms)
        self.table = self._features_of(files)
        self.warnings = self._file_warnings()

    def recipe(self, model: str, *, sees_news: bool = True) -> Recipe:
        """The recipe of a name on the command line, as these files ask for it.

        Args:
            model: The name.
            sees_news: Whether it sees the news, if there is any.

        Raises:
            ConfigurationError: If there is no recipe of that name.
        """
        near = max(1, self._question.interval.milliseconds // self._question.horizon.milliseconds)
        names = self.table.names if sees_news else without_news(self.table.names)
        is_accompanied = len(names) > len(SPEC.features)
        return recipe_named(model, near=near, is_accompanied=is_accompanied)

    def own_decisions(self, multiples: frozenset[int]) -> DecisionSet:
        """The decisions of the instrument alone; see :meth:`decisions`."""
        return decisions_for(self.table, self._prices, self._question, multiples)

    def decisions(self, multiples: frozenset[int]) -> DecisionSet:
        """The decisions, with those of the other coin beside them: more rows of the same kind to learn from.

        For the other coin the instrument itself is the other coin, so that the columns mean the same. Its
        outcomes stay undefined where its bars are too long for them.

        Args:
            multiples: The multiples of the horizon that the recipes learn from.

        Raises:
            ConfigurationError: If the other coin's file is the instrument's own.
        """
        own = self.own_decisions(multiples)
        path = self._files.bars_eth
        if path is None:
            return own
        if path.resolve() == self._files.bars.resolve():
            message = f"--bars-eth must be another instrument's candles, was {path.name} like --bars"
            raise ConfigurationError(message)
        table = self._features_of(EvaluationFiles(bars=path, bars_eth=self._files.bars))
        coin = self._opened.bars(path)
        companion = decisions_for(table, coin.prices(), self._question, multiples)
        return msgspec.structs.replace(own, companions=(companion,))

    def _outcomes(self, path: Path, own: PricePath) -> PricePath:
        """Closes of the same market in shorter bars.

        Raises:
            ConfigurationError: If the bars are longer, or state other prices at the same times.
        """
        prices = self._opened.bars(path).prices()
        _, here, there = np.intersect1d(prices.end_ms, own.end_ms, assume_unique=True, return_indices=True)
        apart = np.abs(np.log(prices.close[here] / own.close[there]))
        if prices.interval_ms > own.interval_ms or not len(apart) or np.median(apart) > _LARGEST_DIFFERENCE:
            found = f"{np.median(apart):.1%} apart" if len(apart) else "at no common time"
            message = (
                f"--outcomes must be bars of the same instrument as --bars, no longer than these, was {path.name} "
                f"with bars of {BarLength(prices.interval_ms)} and closes {found}"
            )
            raise ConfigurationError(message)
        return prices

    def _features_of(self, files: EvaluationFiles) -> FeatureTable:
        """The features of the bars, rolled up to the interval, with those of other files and intervals beside them."""
        interval = self._question.interval
        bars = self._opened.bars(files.bars)
        table = compute_table(bars.rolled_up(interval))
        if files.bars_eth is not None:
            wider = with_coin(table, self._table_of(files.bars_eth), interval=interval)
            table = _with_something(table, wider, f"--bars-eth {files.bars_eth.name}")
        if files.perp is not None:
            wider = with_perpetual(table, self._table_of(files.perp), interval=interval)
            table = _with_something(table, wider, f"--perp {files.perp.name}")
        if files.news is not None:
            news = scored_news(files.news, _asset_of(files.bars))
            wider = with_news(table, news.features(table.as_of_ms), news.companion)
            table = _with_something(table, wider, f"--news {files.news.path.name}")
        for other in self._question.also:
            columns = interval_columns(table, compute_table(bars.rolled_up(other)), other)
            table = with_columns(table, columns)
        return table

    def _table_of(self, path: Path) -> FeatureTable:
        return compute_table(self._opened.bars(path).rolled_up(self._question.interval))

    def _file_warnings(self) -> tuple[str, ...]:
        """What is doubtful in each file, and one sentence for each companion whose bars fit better one bar apart."""
        paths = [path for path in (self._files.bars_eth, self._files.perp) if path is not None]
        found = [alignment_warning(self.bars, self._opened.bars(path)) for path in paths]
        own = (warning for path in (self._files.bars, *paths) for warning in self._opened.bars(path).warnings)
        return (*own, *(words for words in found if words is not None))


def alignment_warning(own: BarFile, companion: BarFile) -> str | None:
    """Why two files do not seem to state the same times; None where they do, or it cannot be told.

    They are compared in bars of the longer of their two intervals.
    """
    interval = max(own.interval, companion.interval, key=lambda one: one.milliseconds)
    if any(interval.milliseconds % one.interval.milliseconds for one in (own, companion)):
        return None
    found = misalignment(_prices_in(own, interval), _prices_in(companion, interval))
    if found is None:
        return None
    return misalignment_words(found, own=own.path.name, companion=companion.path.name)


def _prices_in(file: BarFile, interval: Length) -> PricePath:
    return file._replace(bars=file.rolled_up(interval), interval=interval).prices()


class PreparedDecisions(NamedTuple):
    """What several recipes are judged on.

    Attributes:
        decisions: The decisions, with the outcomes that every recipe needs.
        recipes: By name.
        recipes_without_news: The same for decisions without news; empty if there is no news.
        warnings: What is to be known of the files, a sentence each.
    """

    decisions: DecisionSet
    recipes: dict[str, Recipe]
    warnings: tuple[str, ...]
    recipes_without_news: Mapping[str, Recipe] = MappingProxyType({})


def decisions_of_files(
    files: EvaluationFiles, question: Question, models: Sequence[str]
) -> PreparedDecisions:
    """The decisions that several recipes can be judged on, and the recipes by name.

    Args:
        files: The files.
        question: What is evaluated.
        models: The recipes' names on the command line.

    Raises:
        ConfigurationError: If a file or a name cannot be used.
    """
    read = EvaluationInput(files, question)
    recipes = {name: read.recipe(name) for name in models}
    multiples = frozenset[int]().union(*(recipe.multiples for recipe in recipes.values()))
    without = {name: read.recipe(name, sees_news=False) for name in models if files.news is not None}
    return PreparedDecisions(read.decisions(multiples), recipes, read.warnings, without)


def without_news(names: Sequence[str]) -> tuple[str, ...]:
    """Return the features among some that are not made of news."""
    return tuple(name for name in names if FeatureGroup.NEWS not in groups_among((name,)))


def decisions_like(
    stored: DecisionSet, files: EvaluationFiles, *, also: tuple[Interval, ...]
) -> PreparedDecisions:
    """The decisions that files give, with the interval, horizon and outcomes of a stored data set.

    The other coin's decisions are left out, since a data set stores none.

    Args:
        stored: The data set that they are to be compared with.
        files: The files.
        also: Further intervals whose features it has.

    Raises:
        ConfigurationError: If a file cannot be used.
    """
    question = Question(stored.interval, stored.horizon, train_until_ms=0, also=also)
    read = EvaluationInput(files, question)
    return PreparedDecisions(read.own_decisions(frozenset(stored.forward_returns)), {}, read.warnings)


def _asset_of(path: Path) -> str:
    """The asset of a file of candles; Bitcoin if its name does not say."""
    instrument = stated_instrument(path)
    return _ASSET if instrument is None else parse_instrument(instrument).base


def _check_horizon(question: Question, step_ms: int) -> None:
    if question.horizon.milliseconds % step_ms:
        message = (
            f"--horizon must be a multiple of the bars that outcomes are read from, was {question.horizon} "
            f"with bars of {BarLength(step_ms)}"
        )
        raise ConfigurationError(message)


def _with_something(table: FeatureTable, wider: FeatureTable, what: str) -> FeatureTable:
    """The wider table, if anything was joined."""
    if len(table.as_of_ms) and np.isnan(wider.values[:, len(table.names) :]).all():
        message = (
            f"{what} must say something at the times of --bars, has nothing that was known at any of them"
        )
        raise ConfigurationError(message)
    return wider

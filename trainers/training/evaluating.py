"""An evaluation from features to figures: decisions, out-of-sample probabilities and their summary.

It is apart from the job that reads files, so that null controls run all of it in a test. It uses neither
a clock nor a disk.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ConfigurationError
from schemas.features import FeatureTable
from schemas.time import Interval, Length, text_of_time
from stream_processors.features.declarations import SPEC
from trainers.datasets.decisions import DecisionSet, decision_set
from trainers.datasets.folds import Fold, calendar_folds
from trainers.datasets.prices import PricePath
from trainers.datasets.schedules import Refit, refit_times
from trainers.evaluation.block_intervals import DAY_MS
from trainers.evaluation.prequential import prequential
from trainers.evaluation.selective import GAP_MS, PAST_MS, Thresholds
from trainers.evaluation.summaries import Figures, OutOfSampleResult, baseline_figures, summary
from trainers.evaluation.walk_forward import LEAST_ROWS, Watch, out_of_sample
from trainers.models.online.protocols import OnlineRecipe
from trainers.models.recipes import Recipe
from trainers.selection.nested import Nesting, searched, searched_out_of_sample, stretches
from trainers.selection.searching import Searched, stated
from trainers.training.workers import Progress, Workers


class Question(NamedTuple):
    """What an evaluation is to test.

    Attributes:
        interval: The time between decisions.
        horizon: How far ahead is predicted.
        train_until_ms: The test begins here; the first model knows nothing later.
        refit: How often the model is fitted again.
        test_until_ms: The test ends before this; None means the end of the data.
        seed: The seed of bootstraps and searches.
        n_workers: The number of folds that are fitted at the same time, with one thread each.
        is_weighted: Whether overlapping labels share their weight.
        also: Further intervals of the same bars whose features are added.
        thresholds: How often thresholds of confidence are set again.
    """

    interval: Length
    horizon: Length
    train_until_ms: int
    refit: Refit = Refit.QUARTERLY
    test_until_ms: int | None = None
    seed: int = 0
    n_workers: int = 1
    is_weighted: bool = False
    also: tuple[Interval, ...] = ()
    thresholds: Thresholds = Thresholds.WEEKLY


def decisions_for(
    table: FeatureTable, prices: PricePath, question: Question, multiples: frozenset[int]
) -> DecisionSet:
    """The decisions with the outcomes that the question and the recipe need.

    Late entries are judged as far as the prices tell (:meth:`PricePath.entry_lags_ms`).

    Args:
        table: The features at each decision.
        prices: The closes that outcomes are computed from.
        question: What is evaluated.
        multiples: The multiples of the horizon that the recipe learns from.
    """
    return decision_set(
        table,
        prices,
        interval=question.interval,
        horizon=question.horizon,
        multiples=tuple(sorted(multiples)),
        lags_ms=prices.entry_lags_ms(question.interval),
    )


def evaluated(
    decisions: DecisionSet,
    recipe: Recipe,
    question: Question,
    *,
    nesting: Nesting | None = None,
    progress: Progress | None = None,
    watch: Watch | None = None,
) -> tuple[Figures, NDArray[np.float64]]:
    """The figures of a recipe that is refitted by the calendar, and the probabilities that they come from.

    Models are also fitted through the half year before the test, so that its thresholds come from
    out-of-sample confidences.

    Args:
        decisions: Oldest first.
        recipe: The recipe that is fitted in each fold.
        question: What is tested.
        nesting: How its parameters are searched during the test; None uses them as they are declared.
        progress: Called after each fit or trial.
        watch: Called with each fold's model.

    Raises:
        ConfigurationError: If there are too few rows before the date to learn from, or none after it.
    """
    test_folds = _test_folds(decisions, question, _until_ms(decisions, question))
    folds = [*_folds_before(decisions, question), *test_folds]
    with Workers(question.n_workers, progress) as workers:
        if nesting is None:
            workers.n_steps = len(folds)
            searches: list[Searched] = []
            probability = out_of_sample(
                decisions,
                recipe,
                folds=folds,
                is_weighted=question.is_weighted,
                mapper=workers.map_folds,
                watch=watch,
            )
        else:
            probability, searches = _nested(decisions, recipe, folds, nesting, workers=workers, watch=watch)
    figures = {**_judged(decisions, probability, question, test_folds), "n_fits": len(folds)}
    return figures | _of_searches(searches), probability


def evaluated_online(
    decisions: DecisionSet, recipe: OnlineRecipe, question: Question, *, progress: Progress | None = None
) -> tuple[Figures, NDArray[np.float64]]:
    """The figures of a model that learns row by row, and the probabilities that they come from.

    The evaluation is prequential, with delayed labels: one model goes from the first decision to the last, and
    predicts each row before it learns the row. There are no refits; those of the question are used for the
    baselines only.

    Args:
        decisions: Oldest first.
        recipe: The recipe of the model.
        question: What is tested.
        progress: Called while the model learns.

    Raises:
        ConfigurationError: If there are too few rows before the date to learn from, or none after it.
    """
    test_folds = _test_folds(decisions, question, _until_ms(decisions, question))
    probability = prequential(decisions, recipe.begin(decisions.names), progress=progress)
    return {**_judged(decisions, probability, question, test_folds), "n_fits": 1}, probability


def _judged(
    decisions: DecisionSet,
    probability: NDArray[np.float64],
    question: Question,
    test_folds: Sequence[Fold],
) -> Figures:
    tested = tested_of(decisions, probability, question)
    figures = summary(tested, seed=question.seed)
    figures["baselines"] = baseline_figures(decisions, test_folds, tested.rows(decisions.own))
    return figures


def tested_of(
    decisions: DecisionSet, probability: NDArray[np.float64], question: Question
) -> OutOfSampleResult:
    """The probabilities with the stretch of the test.

    Thresholds may be set more often than models are fitted, since setting them is cheap.

    Args:
        decisions: The decisions.
        probability: Shape (n,), of up; NaN where nothing was predicted.
        question: What is evaluated.
    """
    until_ms = _until_ms(decisions, question)
    starts_ms = refit_times(from_ms=question.train_until_ms, until_ms=until_ms, refit=Refit.QUARTERLY)
    return OutOfSampleResult(decisions, probability, starts_ms, until_ms, question.thresholds)


def _nested(
    decisions: DecisionSet,
    recipe: Recipe,
    folds: Sequence[Fold],
    nesting: Nesting,
    *,
    workers: Workers,
    watch: Watch | None,
) -> tuple[NDArray[np.float64], list[Searched]]:
    parts = stretches(decisions, recipe, folds, nesting)
    workers.n_steps = len(folds) + nesting.plan.n_trials * sum(part.search is not None for part in parts)
    results = workers.map(
        lambda part: searched(part, nesting.plan, told=workers.step), parts, size=lambda part: part.until_ms
    )
    found = list(zip(parts, results, strict=True))
    probability = searched_out_of_sample(
        decisions,
        recipe,
        found,
        is_weighted=nesting.plan.is_weighted,
        mapper=workers.map_folds,
        watch=watch,
    )
    return probability, [result for _, result in found if result is not None]


def _of_searches(searches: Sequence[Searched]) -> Figures:
    return {"searches": [stated(one) for one in searches]} if searches else {}


def _until_ms(decisions: DecisionSet, question: Question) -> int:
    last_ms = int(decisions.as_of_ms[-1]) + 1 if len(decisions) else 0
    return last_ms if question.test_until_ms is None else min(last_ms, question.test_until_ms)


def _test_folds(decisions: DecisionSet, question: Question, until_ms: int) -> Sequence[Fold]:
    start_ms = question.train_until_ms
    if not len(decisions):
        message = (
            f"no row has complete features, which need {SPEC.warm_up_bars} bars of {decisions.interval} without a hole: "
            f"{_wanted(decisions)}"
        )
        raise ConfigurationError(message)
    if until_ms <= start_ms:
        message = (
            f"--train-until must lie before the file's last row, which is of {text_of_time(until_ms - 1, 'day')}, was "
            f"{text_of_time(start_ms, 'day')}"
        )
        raise ConfigurationError(message)
    folds = calendar_folds(decisions, from_ms=start_ms, until_ms=until_ms, refit=question.refit)
    n = len(folds[0].train) if folds else 0
    if n < LEAST_ROWS:
        message = (
            f"--train-until must leave at least {LEAST_ROWS} labelled rows to learn from, was "
            f"{text_of_time(start_ms, 'day')} with {n}: {_wanted(decisions)}"
        )
        raise ConfigurationError(message)
    return folds


def _wanted(decisions: DecisionSet) -> str:
    """How many bars must lie before a test: those of the first row, one for each other row, and those of an outcome."""
    ahead = -(-decisions.horizon.milliseconds // decisions.interval.milliseconds)
    n = SPEC.warm_up_bars - 1 + LEAST_ROWS + ahead
    return (
        f"at least {n} bars of {decisions.interval} must lie before it, {SPEC.warm_up_bars} of them for the features "
        f"of the first row, and {SPEC.warm_up_bars - 1} more for each hole"
    )


def _folds_before(decisions: DecisionSet, question: Question) -> Sequence[Fold]:
    """Folds over the half year before the test, for its thresholds; they begin once enough rows are known."""
    first = decisions.first_known_ms()
    known = np.sort(first[first >= 0])
    enough = int(known[min(_least_before(known, question), len(known) - 1)])
    from_ms = max(question.train_until_ms - PAST_MS - GAP_MS, _next_day(enough))
    if from_ms >= question.train_until_ms:
        return ()
    return calendar_folds(decisions, from_ms=from_ms, until_ms=question.train_until_ms, refit=question.refit)


def _least_before(known: NDArray[np.int64], question: Question) -> int:
    """The number of rows that the first of these folds learns from; at most half of a short history."""
    n_before = int(np.searchsorted(known, question.train_until_ms, side="right"))
    return max(LEAST_ROWS, min(n_before // 2, 2000))


def _next_day(time_ms: int) -> int:
    return -(-time_ms // DAY_MS) * DAY_MS

"""Refits within a backtest: models by the version's own recipe, each fitted on what was known at its time.

The schedule, the training set and the check of the export are those of evaluations and of training. An
outcome over several horizons is known later than one over the target's own horizon, so each is purged by
its own known time.
"""

from collections.abc import Callable, Sequence

from schemas.errors import NotReadyError
from schemas.features import FeatureTable
from schemas.time import Interval, text_of_time
from trainers.backtesting.decisions import ScheduledModel
from trainers.datasets.decisions import DecisionSet, decision_set
from trainers.datasets.prices import PricePath
from trainers.evaluation.training_sets import training_set_at
from trainers.models.recipes import OWN_HORIZON, Recipe, TrainingSet, exported


def refitted(
    table: FeatureTable,
    *,
    interval: Interval,
    horizon: Interval,
    times_ms: Sequence[int],
    recipe: Recipe,
    name: str,
    minimum_rows: int,
    progress: Callable[[float], None] = lambda _share: None,
) -> list[ScheduledModel]:
    """One model for each time, fitted on what was known by then and on nothing else.

    Args:
        table: The features, including the past from which the first model learns; its closes are the outcomes.
        interval: The interval of the table's bars.
        horizon: How far ahead is predicted.
        times_ms: The times of the refits; each model predicts from its time on.
        recipe: The recipe of every model.
        name: The name of the recipe, which the names of the models begin with.
        minimum_rows: The least number of labelled rows without ties that a model is fitted on.
        progress: Called with the share that is done.

    Raises:
        NotReadyError: If there are too few rows before the first time.
        ValueError: If an exported model does not agree with its native form.
    """
    decisions = decision_set(
        table,
        PricePath.of_bars(table, interval),
        interval=interval,
        horizon=horizon,
        multiples=tuple(sorted(recipe.multiples)),
    )
    served = []
    for number, time_ms in enumerate(times_ms, start=1):
        training_set = training_set_at(decisions, recipe.multiples | {OWN_HORIZON}, time_ms=time_ms)
        _check_enough(training_set, time_ms, minimum_rows)
        served.append(_served(decisions, training_set, recipe, name=name, time_ms=time_ms))
        progress(number / len(times_ms))
    return served


def _served(
    decisions: DecisionSet, training_set: TrainingSet, recipe: Recipe, *, name: str, time_ms: int
) -> ScheduledModel:
    learnt = training_set.outcomes[OWN_HORIZON].rows
    checked = exported(recipe.fit(training_set), training_set.rows[learnt])
    day = text_of_time(time_ms, "day").replace("-", "")
    return ScheduledModel(
        time_ms,
        f"{name}-refit-{day}-{checked.model.model_hash[:8]}",
        checked.model,
        decisions.feature_spec_hash,
        int(decisions.as_of_ms[learnt[0]]),
        time_ms,
    )


def _check_enough(training_set: TrainingSet, time_ms: int, minimum_rows: int) -> None:
    n_decided = len(training_set.outcomes[OWN_HORIZON].rows)
    if n_decided < minimum_rows:
        message = (
            f"refitting at {text_of_time(time_ms, 'minute')} needs {minimum_rows} labelled rows before it, has {n_decided}: "
            "give data that begin earlier, or a later --from"
        )
        raise NotReadyError(message)

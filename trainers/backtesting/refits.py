"""Refits on the way: a model per time, by the version's own recipe, each on what was known by then.

Every recipe can be fitted so. An outcome over several horizons is known later than one over the
target's own, so each is cut by its own known time. A refit's export is checked as a version's is.
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
    """A model per time, each fitted on what was known by then and on nothing else.

    Args:
        table: With the past from which the first fit learns; its closes are the outcomes.
        interval: Of the table.
        horizon: How far ahead.
        times_ms: When; a model predicts from its time on.
        recipe: How a model is made.
        name: What the recipe is called, for the names of the models.
        minimum_rows: Labelled rows without ties below which nothing is fitted.
        progress: Told the share that is done.

    Raises:
        NotReadyError: If there is too little before the first time.
        ValueError: If an export does not say what its model says.
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

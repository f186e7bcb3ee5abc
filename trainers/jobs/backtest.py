"""The job that backtests: it decides, trades on paper, and compares with the predictions that were made live."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import numpy as np

from schemas.errors import NotReadyError
from schemas.events import PredictionMade
from schemas.time import Clock, text_of_time
from trainers.backtesting.decisions import ScheduledModel, decided, predictions
from trainers.backtesting.execution import Costs
from trainers.backtesting.positions import PositionRule
from trainers.backtesting.refits import refitted
from trainers.backtesting.reports import BacktestReport, Parity, RuleTried
from trainers.backtesting.results import Backtest, Terms, backtest
from trainers.datasets.prices import PricePath
from trainers.datasets.schedules import Refit, refit_times
from trainers.inputs.backtested_models import ALWAYS_MS, BacktestedModels, refit_recipe
from trainers.inputs.materials import Material
from trainers.models.parity import parity_hash

_END_MS = 2**53


class BacktestProgress(Protocol):
    """Where the progress of a backtest is shown."""

    def say(self, line: str) -> None:
        """Shows one line."""

    def reached(self, what: str, share: float) -> None:
        """Shows which share of a part of the work is done, in [0, 1]."""


class BacktestPlan(NamedTuple):
    """What to backtest, apart from models and material.

    Attributes:
        model: The model, as it was asked for.
        rules: The position rules. The first one is reported in full; the others are shown beside it and count as tries.
        costs: The costs of a trade.
        every_ms: The time between decisions.
        lag_bars: The time from a decision to its trade, in bars of the prices.
        from_ms: The first as-of time. None means: when the first model began to serve, or when a version's training
            ended, or with refits the first time with enough earlier rows.
        to_ms: The as-of time before which it ends; None is the end of the data.
        refit: How often the model is fitted again.
        minimum_rows: The least rows for a refit.
        seed: The seed of the bootstraps.
    """

    model: str
    rules: tuple[PositionRule, ...]
    costs: Costs
    every_ms: int
    lag_bars: int
    from_ms: int | None
    to_ms: int | None
    refit: Refit
    minimum_rows: int
    seed: int

    def terms(self, rule: PositionRule, prices: PricePath, *, n_configurations: int) -> Terms:
        """Returns the terms of one rule. The lag is counted in bars of the prices.

        The configurations were tried with one rule; each further rule is one more try.

        Args:
            rule: How decisions become positions.
            prices: The prices that are traded at.
            n_configurations: How many configurations were tried with one rule.
        """
        return Terms(
            rule=rule,
            costs=self.costs,
            every_ms=self.every_ms,
            lag_ms=self.lag_bars * prices.interval_ms,
            n_tried=n_configurations + len(self.rules) - 1,
            seed=self.seed,
        )


class FinishedBacktest(NamedTuple):
    """The report of a backtest, with its curves."""

    report: BacktestReport
    backtest: Backtest


class LivePredictions(NamedTuple):
    """The predictions that a run made live, with which a backtest is compared."""

    stream: str
    predictions: list[PredictionMade]

    def within(self, plan: BacktestPlan) -> BacktestPlan:
        """Returns the plan; without an end of its own it ends with the last of these predictions."""
        if plan.to_ms is not None or not self.predictions:
            return plan
        return plan._replace(to_ms=max(made.event_time_ms for made in self.predictions) + 1)


def run_backtest(
    plan: BacktestPlan,
    asked: BacktestedModels,
    load: Callable[[], Material],
    *,
    live: LivePredictions | None,
    clock: Clock,
    progress: BacktestProgress,
) -> FinishedBacktest:
    """Decides, trades on paper, and compares with live predictions.

    Args:
        plan: What to backtest.
        asked: The models.
        load: Returns features and prices.
        live: The predictions to compare with; None compares nothing.
        clock: Measures how long the parts take.
        progress: Is told how much is done.

    Raises:
        NotReadyError: If the span has no warm row, or a refit has too few earlier rows.
        InvariantError: If the features are not those of the model.
        ConfigurationError: If the model is to be fitted again, and its manifest does not state a recipe.
    """
    seconds: dict[str, float] = {}
    began_s = clock.monotonic_s()

    def took(what: str) -> None:
        nonlocal began_s
        now_s = clock.monotonic_s()
        seconds[what] = round(now_s - began_s, 3)
        began_s = now_s

    material = load()
    took("data and features")
    progress.say(material.title)
    from_ms, to_ms = _span(plan, asked, material)
    schedule = _schedule(plan, asked, material, from_ms=from_ms, to_ms=to_ms, progress=progress)
    if plan.refit is not Refit.NEVER:
        took("refits")
    decisions = decided(
        material.table,
        schedule,
        target=asked.manifest.target,
        from_ms=from_ms,
        to_ms=to_ms,
        every_ms=plan.every_ms,
        progress=lambda share: progress.reached("decisions", share),
    )
    if len(decisions) == 0:
        raise NotReadyError(_nothing_between(plan, material, from_ms, to_ms))
    took("decisions")
    n_configurations = asked.manifest.configurations_tried
    found, *others = (
        backtest(
            decisions,
            material.prices,
            plan.terms(rule, material.prices, n_configurations=n_configurations),
        )
        for rule in plan.rules
    )
    took("money and records")
    made = list(predictions(decisions, schedule, source=asked.manifest.source, stream=asked.manifest.stream))
    parity = None if live is None else compared(made, live)
    replayed = parity_hash(made) if parity is None else parity.replayed
    took("parity")
    report = BacktestReport(
        model=plan.model,
        versions=[schedule[number].version for number in np.unique(decisions.served)],
        data=material.title,
        refit=str(plan.refit),
        n_in_sample=decisions.n_in_sample(schedule),
        parity_hash=replayed,
        parity=parity,
        results=found.results,
        rules=[RuleTried.of(one.results) for one in (found, *others)],
        seconds=seconds,
    )
    return FinishedBacktest(report, found)


def _span(plan: BacktestPlan, asked: BacktestedModels, material: Material) -> tuple[int, int]:
    to_ms = _END_MS if plan.to_ms is None else plan.to_ms
    if plan.from_ms is not None:
        return plan.from_ms, to_ms
    if plan.refit is not Refit.NEVER:
        return _first_refit(plan, material), to_ms
    served_from_ms = asked.schedule[0].from_ms
    is_as_served = served_from_ms > ALWAYS_MS
    return served_from_ms if is_as_served else asked.manifest.trained_until_ms, to_ms


def _first_refit(plan: BacktestPlan, material: Material) -> int:
    """The time after twice the rows that a refit needs, or the time of the last row."""
    warm = material.table.as_of_ms[material.table.is_warm]
    if len(warm) == 0:
        raise NotReadyError(_nothing_between(plan, material, ALWAYS_MS, _END_MS))
    return int(warm[min(2 * plan.minimum_rows, len(warm) - 1)])


def _schedule(
    plan: BacktestPlan,
    asked: BacktestedModels,
    material: Material,
    *,
    from_ms: int,
    to_ms: int,
    progress: BacktestProgress,
) -> list[ScheduledModel]:
    if plan.refit is Refit.NEVER:
        return asked.schedule
    target, recipe = asked.manifest.target, refit_recipe(asked.manifest)
    last_ms = int(material.table.as_of_ms[-1]) + 1
    return refitted(
        material.table,
        interval=target.interval,
        horizon=target.horizon,
        times_ms=refit_times(
            from_ms=from_ms, until_ms=max(from_ms + 1, min(to_ms, last_ms)), refit=plan.refit
        ),
        recipe=recipe,
        name=asked.manifest.kind,
        minimum_rows=plan.minimum_rows,
        progress=lambda share: progress.reached("refits", share),
    )


def _nothing_between(plan: BacktestPlan, material: Material, from_ms: int, to_ms: int) -> str:
    warm = material.table.as_of_ms[material.table.is_warm]
    has = (
        f"warm rows from {text_of_time(int(warm[0]), 'minute')} to {text_of_time(int(warm[-1]), 'minute')}"
        if len(warm)
        else "no warm rows at all"
    )
    since = "the beginning" if from_ms <= ALWAYS_MS else text_of_time(from_ms, "minute")
    until = "the end" if to_ms >= _END_MS else text_of_time(to_ms, "minute")
    said = "" if plan.from_ms is not None else " (when the model's training ended; --from begins earlier)"
    return f"there is no row to decide between {since}{said} and {until}: {material.title} has {has}"


def compared(replayed: Iterable[PredictionMade], live: LivePredictions) -> Parity:
    """Returns the parity hashes of both, and says in words where they first differ."""
    ours = {made.event_time_ms: made for made in replayed}
    theirs = {made.event_time_ms: made for made in live.predictions}
    return Parity(
        stream=live.stream,
        replayed=parity_hash(ours.values()),
        live=parity_hash(theirs.values()),
        n_replayed=len(ours),
        n_live=len(theirs),
        first_difference=_first_difference(ours, theirs),
    )


def _first_difference(ours: dict[int, PredictionMade], theirs: dict[int, PredictionMade]) -> str | None:
    for as_of_ms in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(as_of_ms), theirs.get(as_of_ms)
        when = text_of_time(as_of_ms, "minute")
        if one is None or other is None:
            return f"{when} was predicted {'live only' if one is None else 'in the replay only'}"
        if one.model_hash != other.model_hash:
            return f"{when} was predicted by {one.model_version} in the replay, by {other.model_version} live"
        if np.float32(one.probability_up) != np.float32(other.probability_up):
            return f"{when} has {one.probability_up!r} in the replay, {other.probability_up!r} live"
    return None

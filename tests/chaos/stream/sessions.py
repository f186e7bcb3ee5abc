"""The whole: the runs with their faults, the one without, and what came of them as figures."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.benchmarks.reporting import Figure
from tests.benchmarks.stream.telling import tell
from tests.chaos.stream import scenarios
from tests.chaos.stream.judging import (
    Difference,
    bars_that_miss_trades,
    differences,
    inputs,
    views_that_are_not_newest,
)
from tests.chaos.stream.options import Options
from tests.chaos.stream.references import is_through, outputs_of, uninterrupted
from tests.chaos.stream.runs import Run, running
from tests.chaos.stream.watching import Seen
from tests.chaos.stream.workers import compile_kernels, worker_environment

_BARS_S = {scenarios.KILLED: 8.0, scenarios.LOST: 15.0}
_SETTLE_S = 4.0


class Outcome(NamedTuple):
    """What a run left behind.

    Attributes:
        end_ms: Up to where its market went.
        scenario_at: What was on when a bar closed.
        wrong: How much of what was judged at once is wrong, by name.
    """

    name: str
    seen: list[Seen]
    end_ms: int
    scenarios: list[str]
    scenario_at: Callable[[int], str]
    samples: dict[str, list[float]]
    wrong: dict[str, int]


def chaos(path: Path, options: Options) -> list[Figure]:
    """Run everything that the options ask for."""
    compile_kernels(worker_environment(path, "0"))
    outcomes = [_on_one_node(path / "one", options)]
    if options.n_lost:
        outcomes.append(_on_three_nodes(path / "three", options))
    end_ms = max(outcome.end_ms for outcome in outcomes)
    market = {"seed": options.seed, "n_instruments": options.n_instruments}
    expected = uninterrupted(path / "none", end_ms=end_ms, **market)
    figures = [
        Figure(metric="workers killed with -9", value=options.n_kills, unit="kills", bar=None, holds=None)
    ]
    figures += [figure for outcome in outcomes for figure in _recoveries(outcome)]
    for outcome in outcomes:
        figures += _identity(outcome, expected)
    return figures


def _on_one_node(path: Path, options: Options) -> Outcome:
    tell("one node")
    with running(path, options, n_nodes=1) as run:
        if options.n_kills:
            with run.scenario("kills"):
                scenarios.kill_workers(run, options.n_kills)
        if options.n_paused:
            with run.scenario("workers that stand still"):
                scenarios.pause_worker(run, options.n_paused)
        if options.storm_s:
            with run.scenario("rebalance storm"):
                scenarios.storm(run, options.storm_s)
        if options.n_emptied:
            with run.scenario("Redis emptied and restarted"):
                scenarios.empty_redis(run, options.n_emptied)
        if options.n_restarts:
            with run.scenario("broker restarts"):
                scenarios.restart_broker(run, options.n_restarts)
        return _ended(run, "one node", options)


def _on_three_nodes(path: Path, options: Options) -> Outcome:
    tell("three nodes, each partition on all, two of which must have a record")
    with running(path, options, n_nodes=3) as run:
        with run.scenario("brokers lost"):
            scenarios.lose_brokers(run, options.n_lost)
        return _ended(run, "three nodes", options)


def _ended(run: Run, name: str, options: Options) -> Outcome:
    """Let the market end, and judge what only can be while the servers run."""
    run.pause(_SETTLE_S)
    end_ms = run.flow.feeder.finish()
    subscriber = run.flow.subscriber
    run.wait_until(lambda: is_through(subscriber, end_ms), "the last bars")
    run.pause(1.0)  # for what should not come any more
    found = outputs_of(subscriber.seen, end_ms=end_ms)
    stale = views_that_are_not_newest(run.servers.valkey.url, found)
    market = {"seed": options.seed, "n_instruments": options.n_instruments}
    lost, doubled = inputs(run.servers.kafka, end_ms=end_ms, **market)
    return Outcome(
        name,
        subscriber.seen,
        end_ms,
        [span.scenario for span in run.spans],
        run.scenario_at,
        run.samples,
        {
            "acknowledged records lost": lost,
            "records published twice": doubled,
            "bars that miss trades": bars_that_miss_trades(found, end_ms=end_ms, **market),
            "views that are not the newest": len(stale),
        },
    )


def _recoveries(outcome: Outcome) -> list[Figure]:
    figures: list[Figure] = []
    for kind, samples in outcome.samples.items():
        bar = _BARS_S.get(kind)
        if len(samples) > 1:
            figures.append(
                _seconds(f"{kind}: p50 of {len(samples)} recoveries", float(np.median(samples)), None)
            )
            figures.append(_seconds(f"{kind}: p95", float(np.quantile(samples, 0.95)), bar))
        figures.append(_seconds(f"{kind}: longest", max(samples), bar if len(samples) == 1 else None))
    return figures


def _seconds(metric: str, value: float, bar: float | None) -> Figure:
    return Figure(metric=metric, value=value, unit="s", bar=bar, holds=None if bar is None else value <= bar)


def _identity(outcome: Outcome, expected: list[Seen]) -> list[Figure]:
    wanted = outputs_of(expected, end_ms=outcome.end_ms)
    found = outputs_of(outcome.seen, end_ms=outcome.end_ms)
    wrong = differences(found, wanted)
    for difference in wrong[:5]:
        tell(f"{outcome.name}, {outcome.scenario_at(difference.end_ms)}: {difference}")
    figures = [
        Figure(
            metric=f"{outcome.name}: records of bars and features",
            value=sum(map(len, found.values())),
            unit="records",
            bar=None,
            holds=None,
        )
    ]
    figures += [_none(f"{scenario}: keys that differ", n) for scenario, n in _by_scenario(outcome, wrong)]
    return figures + [_none(f"{outcome.name}: {name}", n) for name, n in outcome.wrong.items()]


def _by_scenario(outcome: Outcome, wrong: list[Difference]) -> list[tuple[str, int]]:
    counted = Counter(outcome.scenario_at(difference.end_ms) for difference in wrong)
    return [(name, counted[name]) for name in dict.fromkeys([*outcome.scenarios, *counted])]


def _none(metric: str, n: int) -> Figure:
    return Figure(metric=metric, value=n, unit="", bar=0, holds=n == 0)

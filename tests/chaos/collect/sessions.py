"""The whole: servers, a mirror, the history killed while it is published, the venues, the news, the backfill, and tables."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from producers.jobs.runs import RunRequest, run_environment
from producers.settings import RunSource
from schemas.wire.settings import Endpoints
from tests.benchmarks.reporting import Figure
from tests.chaos.collect.backfilling import backfill_chaos
from tests.chaos.collect.collecting import NewsCourse, NewsResult
from tests.chaos.collect.following import Course, Result
from tests.chaos.collect.options import Options, process_environment
from tests.chaos.collect.scenarios import NEWS_SCENARIOS, VENUE_SCENARIOS
from tests.mirror.running import RunningMirror, started


class Surroundings(NamedTuple):
    """What a course runs on."""

    mirror: RunningMirror
    endpoints: Endpoints
    environment: dict[str, str]
    stream: str
    logs: Path


@contextmanager
def surroundings(folder: Path, options: Options) -> Iterator[Surroundings]:
    """Run servers and a mirror within the block."""
    folder.mkdir(parents=True)
    data_dir = folder / "data"
    with running_servers(
        LauncherSettings(data_dir=data_dir), {"PATH": os.environ.get("PATH", "")}
    ) as endpoints:
        mirror = started(options.data)
        try:
            facts = run_environment(RunRequest(source=RunSource.LIVE, mirror=mirror.address))
            settings = {
                "DRIFTLINE_LIVE_HISTORY_DAYS": str(options.history_days),
                "DRIFTLINE_LIVE_HOLD_S": "10",
                "DRIFTLINE_DATA_DIR": str(data_dir),
            }
            environment = process_environment({**facts, **settings})
            yield Surroundings(mirror, endpoints, environment, facts["DRIFTLINE_STREAM"], folder)
        finally:
            mirror.stop()


def chaos(folder: Path, options: Options) -> list[Figure]:
    """Run the failures, print what came of each, and return the counts that must be 0."""
    figures = []
    if options.has_venues or options.has_news:
        with surroundings(folder / "run", options) as around:
            figures += _venues(around, options) if options.has_venues else []
            figures += _news(around, options) if options.has_news else []
    if options.has_backfill:
        with surroundings(folder / "backfill", options) as around:
            figures += backfill_chaos(
                around.mirror, around.endpoints, around.environment, around.logs, wants=options.wants
            )
    return figures


def _venues(around: Surroundings, options: Options) -> list[Figure]:
    wanted = [scenario for scenario in VENUE_SCENARIOS if options.wants(scenario.name)]
    if not wanted:
        return []
    course = Course(*around)
    n_killed, code = course.warm_up(options.n_warm_up_kills)
    history = course.judged_history(options.history_days)
    results: list[Result] = []
    with course.followed():
        for scenario in wanted:
            results.append(course.suffer(scenario))
            Console().print(f"{scenario.name}: {results[-1].recovered_s}")
        span = course.wait_for_bars()
    course.dump(around.logs / "records.jsonl")
    judged = course.judged(results)
    bars = course.judged_bars(*span)
    show_venues(judged)
    if bars.first_wrong:
        Console().print(bars.first_wrong)
    whole = course.judged([Result("all", *span, 0.0)])[0].trades
    return [
        *_none("warm-up that ends with an error", code != 0),
        *_none("minutes of the history lost", history.n_missing),
        *_none("minutes of the history that differ", history.n_wrong),
        *_none("follower ended by itself", len(course.crashes)),
        *_none(
            "failures after which a venue did not come back",
            sum(each.recovered_s is None and not each.stays_away for each in judged),
        ),
        *_none("trades lost and not named by the ledger", whole.n_lost),
        *_none("trades doubled", whole.n_doubled),
        *_none("trades with other content", whole.n_wrong),
        *_none("bars missing and not named", bars.n_missing),
        *_none("bars that differ and are not named", bars.n_wrong),
        _count("kill -9 of the follower", course.n_kills),
        _count("kill -9 of the warm-up", n_killed),
        _count("minutes of the history", history.n_true),
        _count("trades made", whole.n_true),
        _count("trades missing and named by the ledger", whole.n_named),
        _count("bars made", bars.n_true),
        _count("bars missing or different and named by the ledger", bars.n_named),
    ]


def _news(around: Surroundings, options: Options) -> list[Figure]:
    course = NewsCourse(*around)
    results = [course.suffer(scenario) for scenario in NEWS_SCENARIOS if options.wants(scenario.name)]
    if not results:
        return []
    show_news(results)
    return [
        *_none("articles lost", results[-1].n_lost),
        *_none("articles that no site has", results[-1].n_more),
        *_none("versions without a correction", results[-1].n_versions),
        *_none("articles with another time", results[-1].n_misdated),
        *_none("requests to a host that had refused", sum(each.n_impolite for each in results)),
        *_none("articles published again by a further round", sum(each.n_again for each in results)),
        _count("articles of the sites", results[-1].n_true),
    ]


def _none(metric: str, n: float) -> list[Figure]:
    return [Figure(metric=metric, value=n, unit="", bar=0, holds=n == 0)]


def _count(metric: str, n: int) -> Figure:
    return Figure(metric=metric, value=n, unit="", bar=None, holds=None)


def show_venues(results: list[Result]) -> None:
    """Print what came of each failure of the venues."""
    table = Table(title="venues: each failure, with the trades of its time (three venues together)")
    for heading in (
        "failure",
        "struck",
        "back after",
        "trades",
        "lost",
        "doubled",
        "other",
        "named",
        "gaps",
        "open",
    ):
        table.add_column(heading, justify="left" if heading == "failure" else "right")
    for each in results:
        back = "stays away" if each.stays_away else "never"
        back = back if each.recovered_s is None else f"{each.recovered_s:.1f} s"
        trades = each.trades
        counts = (trades.n_true, trades.n_lost, trades.n_doubled, trades.n_wrong, trades.n_named)
        table.add_row(
            each.name, str(each.n_struck), back, *(f"{n:,}" for n in (*counts, each.n_gaps, each.n_open))
        )
    Console(width=120).print(table)


def show_news(results: list[NewsResult]) -> None:
    """Print what came of each failure of the news sites."""
    table = Table(title="news: each failure in the midst of a round, then a round in peace, then another one")
    for heading in (
        "failure",
        "exit",
        "articles",
        "lost",
        "foreign",
        "versions",
        "misdated",
        "again",
        "impolite",
    ):
        table.add_column(heading, justify="left" if heading == "failure" else "right")
    for each in results:
        table.add_row(each.name, *(str(value) for value in each[1:]))
    Console(width=120).print(table)

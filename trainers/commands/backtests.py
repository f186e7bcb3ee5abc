"""The command that backtests. It imports what it runs, so that ``--help`` stays quick."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from producers.jobs.reading_options import CLOSE_STAMPED, NO_TRADE, reading
from trainers.commands.questions import NEWS_DELAY


@click.command()
@click.option("--model", required=True, help="A version, or an alias such as champion.")
@click.option(
    "--bars", type=click.Path(path_type=Path), help="A file of candles. Its name tells the instrument."
)
@click.option(
    "--bars-eth",
    type=click.Path(path_type=Path),
    help="Candles of the other coin, for a model that sees it. The file's name tells the instrument.",
)
@click.option(
    "--perp", type=click.Path(path_type=Path), help="Candles of the perpetual, for a model that sees it."
)
@click.option(
    "--news",
    type=click.Path(path_type=Path),
    help="Articles, for a model that sees news; they are scored by the scorers of DRIFTLINE_SCORERS.",
)
@NEWS_DELAY
@click.option(
    "--over",
    type=click.Choice(["file", "postgres", "topics"]),
    help="Where the features come from. Default: file.",
)
@click.option(
    "--stream",
    help="The run in Postgres or on the topics, and the run whose alias is meant. Default: the newest.",
)
@click.option("--target", help="Interval and horizon of the alias, such as 15m:15m.")
@click.option("--instrument", help="The instrument of the file, if the file does not tell it.")
@reading(NO_TRADE, CLOSE_STAMPED)
@click.option(
    "--from", "from_time", help="The time of the first decision, UTC. Default: when training ended."
)
@click.option("--to", "to_time", help="The end, exclusive, UTC. Default: the end of the data.")
@click.option(
    "--every", help="The time between decisions, such as 15m. Default: the horizon; with --parity every bar."
)
@click.option(
    "--rule",
    type=click.Choice(["sign", "threshold", "volatility", "kelly"]),
    multiple=True,
    default=("sign",),
    show_default=True,
    help="How decisions become positions; may be repeated. The sheet shows the first rule, the others count as tries.",
)
@click.option(
    "--threshold",
    type=float,
    default=0.5,
    show_default=True,
    help="The least probability of the side that is taken, for every rule.",
)
@click.option(
    "--target-volatility",
    type=float,
    default=0.2,
    show_default=True,
    help="The volatility of equity in a year, for the rule volatility.",
)
@click.option(
    "--kelly-fraction",
    type=float,
    default=0.25,
    show_default=True,
    help="The share of the growth-optimal size, for the rule kelly.",
)
@click.option(
    "--cap", type=float, default=1.0, show_default=True, help="The largest position, as a multiple of equity."
)
@click.option("--long-only", is_flag=True, help="Never take a short position.")
@click.option(
    "--fee-bps", type=float, default=10.0, show_default=True, help="The fee in basis points of each side."
)
@click.option(
    "--half-spread-bps",
    type=float,
    default=0.5,
    show_default=True,
    help="Half of the spread, in basis points of each side.",
)
@click.option(
    "--slippage-bps",
    type=float,
    default=1.0,
    show_default=True,
    help="The slippage in basis points of each side.",
)
@click.option(
    "--lag-bars",
    type=click.IntRange(0, 10_000),
    default=1,
    show_default=True,
    help="Bars of the data from a decision to its trade.",
)
@click.option(
    "--refit",
    type=click.Choice(["never", "weekly", "monthly", "quarterly", "yearly"]),
    default="never",
    show_default=True,
    help="How often the model is fitted again by the version's recipe, each time on what was known by then.",
)
@click.option(
    "--parity", help="Compare with the stored predictions of this run, which must be equal to the bit."
)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the results to this file.")
@click.option(
    "--html",
    "html_path",
    type=click.Path(path_type=Path),
    help="Write a self-contained tear sheet to this file.",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The seed of the bootstraps."
)
@click.pass_context
def backtest(context: click.Context, /, **options: Any) -> None:
    """State what a model would have predicted and earned on past data, had it run live.

    The exit status is 1 if --parity finds a difference.
    """
    from trainers.commands.backtest_requests import BacktestOptions, requested
    from trainers.reports.backtests import show_report, write_json, write_sheet
    from trainers.reports.progress import say_written

    environment: Mapping[str, str] = context.obj
    done = requested(environment, BacktestOptions(**options), report=_report())
    if options["json_path"] is not None:
        write_json(options["json_path"], done)
    if options["html_path"] is not None:
        write_sheet(options["html_path"], done)
    show_report(done.report, width=None if sys.stdout.isatty() else 160)
    say_written(options["json_path"], options["html_path"])
    if done.report.parity is not None and not done.report.parity.is_equal:
        context.exit(1)


def _report() -> Any:
    from trainers.reports.progress import PlainReport, TerminalReport

    return TerminalReport() if sys.stdout.isatty() else PlainReport()

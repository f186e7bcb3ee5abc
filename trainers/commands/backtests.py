"""The command that backtests. Heavy imports wait until it runs."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click


@click.command()
@click.option("--model", required=True, help="A version, or an alias such as champion.")
@click.option(
    "--bars", type=click.Path(path_type=Path), help="A file of candles; its name tells the instrument."
)
@click.option(
    "--bars-eth",
    type=click.Path(path_type=Path),
    help="Of the other coin, for a model that sees it; its name tells the instrument.",
)
@click.option("--perp", type=click.Path(path_type=Path), help="Of the perpetual, for a model that sees it.")
@click.option(
    "--over", type=click.Choice(["file", "postgres", "topics"]), help="Where from; by default the file."
)
@click.option(
    "--stream", help="The run in Postgres or on the topics, and whose alias is meant; by default the newest."
)
@click.option("--target", help="interval:horizon of the alias, such as 15m:15m.")
@click.option("--instrument", help="Of the file, where its name does not tell.")
@click.option("--from", "from_time", help="The first decision, UTC; by default where training ended.")
@click.option("--to", "to_time", help="The end, exclusive, UTC; by default that of the data.")
@click.option(
    "--every", help="Between decisions, such as 15m; by default the horizon. With --parity every bar."
)
@click.option(
    "--rule",
    type=click.Choice(["sign", "threshold", "volatility", "kelly"]),
    multiple=True,
    default=("sign",),
    show_default=True,
    help="Again for more: the sheet is of the first, the others stand beside it and count as tries.",
)
@click.option(
    "--threshold",
    type=float,
    default=0.5,
    show_default=True,
    help="The least probability of the side taken, for every rule.",
)
@click.option(
    "--target-volatility",
    type=float,
    default=0.2,
    show_default=True,
    help="Of equity a year, for volatility.",
)
@click.option(
    "--kelly-fraction",
    type=float,
    default=0.25,
    show_default=True,
    help="Of the growth-optimal size, for kelly.",
)
@click.option(
    "--cap", type=float, default=1.0, show_default=True, help="The largest position, as a multiple of equity."
)
@click.option("--long-only", is_flag=True, help="Never short.")
@click.option("--fee-bps", type=float, default=10.0, show_default=True, help="Basis points a side.")
@click.option("--half-spread-bps", type=float, default=0.5, show_default=True)
@click.option("--slippage-bps", type=float, default=1.0, show_default=True)
@click.option(
    "--lag-bars", type=click.IntRange(0, 10_000), default=1, show_default=True, help="Bars of the data."
)
@click.option(
    "--refit",
    type=click.Choice(["never", "weekly", "monthly", "quarterly", "yearly"]),
    default="never",
    show_default=True,
    help="Fit anew on the way, with the version's parameters, each time on what was known by then.",
)
@click.option("--parity", help="A run whose stored predictions must be the same, to the bit.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the results there.")
@click.option(
    "--html", "html_path", type=click.Path(path_type=Path), help="Write a self-contained tear sheet there."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the bootstraps.")
@click.pass_context
def backtest(context: click.Context, /, **options: Any) -> None:
    """What a model would have said and earned on past data, as it would have run live.

    Exits with 1 when --parity finds a difference.
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

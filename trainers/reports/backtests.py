"""Shows the result of a backtest: tables for people, JSON for machines, the tear sheet."""

from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from trainers.backtesting.reports import BacktestReport, verdict, warnings
from trainers.backtesting.sheets import tear_sheet
from trainers.backtesting.summaries import SummaryTable, summaries
from trainers.jobs.backtest import FinishedBacktest
from trainers.outputs import write_output


def show_report(report: BacktestReport, *, width: int | None) -> None:
    """Prints the verdict on the costs, what speaks against the figures, and the tables.

    Args:
        report: The report of the backtest.
        width: The width of the output; None takes the terminal's.
    """
    console = Console(width=width)
    console.print(verdict(report.results), style="bold", markup=False, highlight=False)
    for line in warnings(report):
        console.print(f"! {line}", style="yellow", markup=False, highlight=False)
    for summary in summaries(report):
        console.print(_table(summary))
    if report.parity is not None:
        parity = report.parity
        console.print(
            f"parity of the replay {parity.replayed} ({parity.n_replayed:,} predictions)", markup=False
        )
        console.print(f"parity of the live run {parity.live} ({parity.n_live:,} predictions)", markup=False)
        console.print(
            "equal" if parity.is_equal else f"NOT equal: {parity.first_difference}",
            style="bold",
            markup=False,
        )
    took = ", ".join(f"{what} {seconds:.2f}" for what, seconds in report.seconds.items())
    console.print(f"seconds: {took}", style="dim", markup=False, highlight=False)


def _table(summary: SummaryTable) -> Table:
    has_names = any(summary.columns)
    table = Table(title=summary.title, show_header=has_names)
    for place, name in enumerate(summary.columns):
        table.add_column(name, justify="left" if place == 0 or not has_names else "right", overflow="fold")
    for row in summary.rows:
        table.add_row(*row)
    return table


def write_json(path: Path, done: FinishedBacktest) -> None:
    """Writes the report as JSON.

    Raises:
        ConfigurationError: If the file cannot be written.
    """
    write_output(path, msgspec.json.format(msgspec.json.encode(done.report), indent=2), "--json")


def write_sheet(path: Path, done: FinishedBacktest) -> None:
    """Writes the tear sheet.

    Raises:
        ConfigurationError: If the file cannot be written.
    """
    write_output(path, tear_sheet(done.report, done.backtest.curves).encode(), "--html")

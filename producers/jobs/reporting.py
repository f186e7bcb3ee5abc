"""Prints tables of what a data file holds, and of its bad rows."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from producers.sources.files.recognition import file_kind, instrument_of_name
from producers.sources.files.tables import breach_counts, read_candles
from producers.sources.files.trades.opening import open_trades
from producers.sources.files.trades.surveys import survey_trades
from schemas.frames import Breach
from schemas.time import text_of_time

N_SHOWN = 20


def print_report(file: str, breaches: Sequence[Breach], console: Console) -> None:
    """Print the first breaches by row, and how many rows break each rule.

    Args:
        breaches: The breaches in order of rows; without any, nothing is printed.
    """
    if not breaches:
        return
    rows = Table(title=f"{file}: rows that break a rule, the first {min(N_SHOWN, len(breaches))}")
    for heading in ("row", "column", "rule", "was", "row is"):
        rows.add_column(heading)
    for breach in breaches[:N_SHOWN]:
        rows.add_row(f"{breach.row}", breach.column, breach.rule, breach.value, str(breach.fate))
    console.print(rows)
    counts = Table(title=f"{file}: rows by broken rule")
    for heading in ("column", "rule", "rows are", "rows"):
        counts.add_column(heading)
    for (column, rule, fate), n in breach_counts(breaches).most_common():
        counts.add_row(column, rule, fate, f"{n:,}")
    console.print(counts)


def print_description(file: Path, console: Console, *, now_ms: int) -> None:
    """Print what a data file holds, and the report of its bad rows.

    Args:
        file: The file.
        console: Where to.
        now_ms: The wall clock: no trade is later.

    Raises:
        ConfigurationError: If the file cannot be read.
    """
    if file_kind(file).is_candles:
        table = read_candles(file)
        console.print(
            f"{file.name}: {len(table):,} candles of {table.interval}, {instrument_of_name(file) or 'instrument unnamed'}"
        )
        for start_ms, end_ms in table.segments():
            console.print(f"  segment {text_of_time(start_ms)} .. {text_of_time(end_ms)}")
        print_report(file.name, table.breaches, console)
        return
    trades = open_trades(file, instrument=None)
    survey = survey_trades(trades, instrument=None, not_after_ms=now_ms)
    kinds = ", ".join(f"{n:,} {kind}" for kind, n in survey.n_messages.most_common())
    console.print(f"{file.name}: {survey.instrument}; {kinds}")
    console.print(
        f"  venue clock {survey.skew.skew_ms} ms ahead, at most {survey.skew.lateness_ms} ms less; "
        f"whole minutes from {text_of_time(survey.first_boundary_ms)} to {text_of_time(survey.end_ms)}; "
        f"{len(survey.silences)} silences, {survey.n_records - survey.n_good} unused lines, {survey.n_other} other trades"
    )
    for warning in survey.warnings:
        console.print(f"  {warning}")

"""Prints what a data file holds, and its bad rows, in words and in tables."""

import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from producers.sources.files.forms import ReadRequest
from producers.sources.files.recognition import recognise
from producers.sources.files.reports import DataKind, FileReport, as_json
from producers.sources.files.tables import breach_counts
from schemas.frames import Breach
from schemas.time import text_of_time

N_SHOWN = 20
_KINDS = {
    DataKind.CANDLES: "candles",
    DataKind.TRADES: "trades",
    DataKind.CAPTURE: "recorded trades",
}


def print_report(file: str, breaches: Sequence[Breach], console: Console) -> None:
    """Print the first breaches by row, and how many rows break each rule.

    Args:
        file: The name of the file.
        breaches: The breaches in order of rows; without any, nothing is printed.
        console: Where they are printed.
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


def inspected(path: Path, request: ReadRequest) -> FileReport:
    """Return what a data file holds.

    Raises:
        ConfigurationError: If the file cannot be used.
    """
    found = recognise(path)
    return found.form.report(path, found.head, request)


def json_text(report: FileReport) -> str:
    """Return a report as JSON on one line."""
    return json.dumps(as_json(report))


def refusal_json(reason: str) -> str:
    """Return what is said as JSON of a file that cannot be used: the names of a report, all empty, and the reason."""
    nothing = dict.fromkeys(("form", "kind", "instrument", "interval", "first_ms", "last_ms", "certainty"))
    counts = {"n_rows": 0, "n_good": 0, "n_bars": None}
    return json.dumps({**nothing, **counts, "rejected": {}, "warnings": [], "refused": reason})


def lines_of_report(file_name: str, report: FileReport) -> list[str]:
    """Return what a person reads about a file.

    Args:
        file_name: The file's name.
        report: What is said of it.
    """
    sure = {"certain": "it is", "likely": "it is most likely", "guessed": "it may be"}[report.certainty]
    what = f" of {report.interval}" if report.interval else ""
    lines = [
        f"{file_name}: {sure} {report.title} ({report.form}).",
        f"  It holds {_KINDS[report.kind]}{what} of {report.instrument or 'an instrument that it does not name'}.",
        f"  {report.n_good:,} of {report.n_rows:,} rows are good{_bars(report)}{_stretch(report)}.",
    ]
    lines += [
        f'  {rows.count:,} {"row breaks" if rows.count == 1 else "rows break"} the rule "{rule}"; the first is row '
        f"{rows.first_row:,}: {rows.first_value}"
        for rule, rows in report.rejected.items()
    ]
    return [*lines, *(f"  Note: {warning}." for warning in report.warnings)]


def _bars(report: FileReport) -> str:
    return (
        "" if report.n_bars is None or report.n_bars == report.n_good else f" and give {report.n_bars:,} bars"
    )


def _stretch(report: FileReport) -> str:
    if report.first_ms is None or report.last_ms is None:
        return ""
    return f", from {text_of_time(report.first_ms)} to {text_of_time(report.last_ms)} UTC"

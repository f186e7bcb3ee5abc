"""Prints what a run of ``collect --once`` came to, and decides its exit code."""

from collections.abc import Sequence

import click
from rich.console import Console
from rich.table import Table

from producers.jobs.collecting.reports import SourceReport, json_of, lines_of_trouble
from schemas.time import text_of_time
from schemas.wire.processes import EXIT_FAILED

#: A row of the table must not be folded where the output is a file.
_WIDTH = 120


def print_reports(stream: str, reports: Sequence[SourceReport], *, is_json: bool) -> None:
    """Print the reports, and end the process with 1 if no source answered.

    Args:
        stream: The run.
        reports: One for each source.
        is_json: Print one JSON object instead of a table.
    """
    if is_json:
        click.echo(json_of(stream, reports))
    else:
        _print_table(stream, reports, Console(width=_WIDTH, soft_wrap=True))
    if not any(each.has_answered for each in reports):
        if is_json:
            for line in lines_of_trouble(reports):
                click.echo(line, err=True)
        raise SystemExit(EXIT_FAILED)


def _print_table(stream: str, reports: Sequence[SourceReport], console: Console) -> None:
    table = Table(title=f"collected into the stream {stream}", title_justify="left")
    table.add_column("source")
    table.add_column("state")
    for name in ("requests", "seen", "new", "duplicate", "rejected"):
        table.add_column(name, justify="right")
    table.add_column("newest item (UTC)")
    for each in reports:
        counts = (each.n_requests, each.n_seen, each.n_new, each.n_duplicate, each.n_rejected)
        newest = "" if each.newest_ms is None else text_of_time(each.newest_ms, "minute")
        table.add_row(each.source, str(each.state), *(f"{count:,}" for count in counts), newest)
    console.print(table)
    for line in lines_of_trouble(reports):
        console.print(line, highlight=False, markup=False)

"""Prints what was recorded, as tables or as JSON."""

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.table import Table

from producers.jobs.recording.usage import DayCost, RecordedDay, costs, recorded_days

_MEGABYTE = 1_000_000


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """What was recorded, in one JSON object."""

    folder: str
    days: list[RecordedDay]
    costs: list[DayCost]


def print_recorded(folder: Path, *, is_json: bool) -> None:
    """Print what was recorded.

    Args:
        folder: Of all recordings.
        is_json: Whether one JSON object is printed instead of tables.

    Raises:
        StateError: If a file is not readable.
    """
    found = list(recorded_days(folder))
    recorded = Recorded(folder=str(folder), days=found, costs=costs(found))
    if is_json:
        click.echo(msgspec.json.encode(recorded))
    elif found:
        _print_tables(recorded)
    else:
        click.echo(f"Nothing is recorded in {folder}. Live runs record, unless DRIFTLINE_RECORDING is false.")


def _print_tables(recorded: Recorded) -> None:
    console = Console()
    n_bytes = sum(day.n_bytes for day in recorded.days)
    console.print(_table("Recorded", _DAY_COLUMNS, [_cells_of_day(day) for day in recorded.days]))
    console.print(_table("A day costs", _COST_COLUMNS, [_cells_of_cost(cost) for cost in recorded.costs]))
    console.print(f"{n_bytes / _MEGABYTE:,.1f} MB in {recorded.folder}", soft_wrap=True)


_DAY_COLUMNS = ("run", "kind", "day", "files", "rows", "MB", "hours", "lost rows")
_COST_COLUMNS = ("run", "kind", "rows a day", "MB a day", "measured over hours")


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left")
    for name in columns:
        is_text = name in {"run", "kind", "day"}
        table.add_column(name, justify="left" if is_text else "right", no_wrap=name != "run")
    for row in rows:
        table.add_row(*row)
    return table


def _cells_of_day(day: RecordedDay) -> tuple[str, ...]:
    counts = (f"{day.n_files:,}", f"{day.n_rows:,}", f"{day.n_bytes / _MEGABYTE:,.1f}")
    return day.stream, day.kind, day.day, *counts, f"{day.hours:.2f}", f"{day.n_lost:,}"


def _cells_of_cost(cost: DayCost) -> tuple[str, ...]:
    rates = (f"{cost.rows_a_day:,.0f}", f"{cost.bytes_a_day / _MEGABYTE:,.1f}")
    return cost.stream, cost.kind, *rates, f"{cost.hours:.2f}"

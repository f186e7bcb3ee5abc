"""``driftline store``: days of the durable store as files, and the deletion of days that are old."""

import sys
from collections.abc import Collection, Mapping
from pathlib import Path

import click
import msgspec

from schemas.errors import ConfigurationError
from schemas.time import parse_time, text_of_time
from schemas.wire.clocks import SystemClock

_DAY_MS = 86_400_000


@click.group("store")
def store() -> None:
    """Export days of the durable store, and delete days that are old."""


@store.command("export")
@click.option("--day", help="The day to export, such as 2026-01-31, in UTC. The default is yesterday.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder. The default is archive/ of the data directory.",
)
@click.option(
    "--stream", "streams", multiple=True, help="Only this run; may be repeated. The default is every run."
)
@click.option(
    "--check",
    "is_checked",
    is_flag=True,
    help="Check each file by its rules. The exit code is 1 if one is broken.",
)
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object for each file.")
@click.pass_obj
def export(
    environment: Mapping[str, str],
    *,
    day: str | None,
    out: Path | None,
    streams: Collection[str],
    is_checked: bool,
    is_json: bool,
) -> None:
    """Write a day as parquet files, one for each table and run.

    The day is by event time. Repeating an export changes nothing. A file is never replaced by fewer rows.
    """
    from schemas.wire.postgres.archives import StoredDays
    from schemas.wire.postgres.pools import PostgresPool
    from stream_processors.archiving.exporting import export_day
    from stream_processors.settings import StoreSettings

    settings = StoreSettings.from_environment(environment)
    day_ms = _day(day)
    folder = settings.archive if out is None else out
    n_files = n_rows = n_broken = 0
    with PostgresPool(settings.endpoints().database_url) as pool:
        for file in export_day(StoredDays(pool), day_ms, folder, streams=streams):
            n_files, n_rows = n_files + 1, n_rows + file.n_rows
            if is_json:
                click.echo(msgspec.json.encode(file))
            else:
                kept = " (kept: the store holds fewer rows now)" if file.is_kept else ""
                click.echo(f"{file.path}: {file.n_rows:,} rows{kept}")
            n_broken += _say_broken(Path(file.path), file.table, is_json=is_json) if is_checked else 0
    if not is_json:
        click.echo(f"{text_of_time(day_ms, 'day')}: {n_rows:,} rows in {n_files} files in {folder}")
    if n_broken:
        sys.exit(1)


def _say_broken(path: Path, table: str, *, is_json: bool) -> int:
    """Print the rules that a file breaks, and return their number."""
    from stream_processors.archiving.checking import broken_rules_of

    found = list(broken_rules_of(path, table))
    for broken in found:
        if is_json:
            click.echo(msgspec.json.encode(broken))
        else:
            some = ", ".join(broken.values)
            click.echo(
                f"  {broken.owner}: each {broken.rule}, but not {broken.n_rows:,} rows, such as {some}"
            )
    return len(found)


@store.command("prune")
@click.option(
    "--exported",
    type=click.Path(path_type=Path),
    help="Delete only days that lie whole in this folder of exports.",
)
@click.option("--dry-run", "is_trial", is_flag=True, help="Say what would be deleted, and delete nothing.")
@click.option("--json", "is_json", is_flag=True, help="Print one JSON object for each day.")
@click.pass_obj
def prune_command(
    environment: Mapping[str, str], *, exported: Path | None, is_trial: bool, is_json: bool
) -> None:
    """Delete old days of ticks, quotes and prices of live runs and mirrors.

    DRIFTLINE_KEEP_TICKS_DAYS, DRIFTLINE_KEEP_QUOTES_DAYS and DRIFTLINE_KEEP_PRICES_DAYS say how old they may get. A
    table without its variable is kept for ever. Replays and simulations are never pruned.
    """
    from schemas.wire.postgres.archives import StoredDays
    from schemas.wire.postgres.pools import PostgresPool
    from stream_processors.archiving.pruning import prune
    from stream_processors.settings import StoreSettings

    settings = StoreSettings.from_environment(environment)
    keep_days = settings.kept_days()
    if not keep_days:
        message = (
            "nothing says for how long rows are kept: set DRIFTLINE_KEEP_TICKS_DAYS, DRIFTLINE_KEEP_QUOTES_DAYS or "
            "DRIFTLINE_KEEP_PRICES_DAYS"
        )
        raise ConfigurationError(message)
    with PostgresPool(settings.endpoints().database_url) as pool:
        for day in prune(
            StoredDays(pool), keep_days, now_ms=SystemClock().now_ms(), archive=exported, is_trial=is_trial
        ):
            if is_json:
                click.echo(msgspec.json.encode(day))
                continue
            what = (
                "stay, since the archive lacks some" if day.is_kept else "would go" if is_trial else "deleted"
            )
            click.echo(
                f"{day.table} of {day.stream}, {text_of_time(day.day_ms, 'day')}: {day.n_rows:,} rows {what}"
            )


def _day(text: str | None) -> int:
    today_ms = SystemClock().now_ms() // _DAY_MS * _DAY_MS
    day_ms = today_ms - _DAY_MS if text is None else parse_time(text, "--day")
    if day_ms % _DAY_MS or day_ms >= today_ms:
        message = (
            f"--day must be a day that is over, such as {text_of_time(today_ms - _DAY_MS, 'day')}, was {text}"
        )
        raise ConfigurationError(message)
    return day_ms

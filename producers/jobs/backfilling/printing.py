"""Prints what a backfill did: a table for people, or one JSON object."""

from collections.abc import Sequence

import click
import msgspec
from rich.console import Console
from rich.table import Table

from producers.jobs.backfilling.news import NewsTally
from producers.jobs.backfilling.places import text_of
from producers.jobs.backfilling.tallies import Tally
from schemas.time import text_of_time

_COLUMNS = (
    "instrument", "wanted", "stored before", "asked", "new", "corrected", "put aside", "nothing traded",
    "missing", "gaps opened / closed", "requests", "reach",
)  # fmt: skip


def print_tallies(tallies: Sequence[Tally], news: Sequence[NewsTally] = (), *, is_json: bool) -> None:
    """Print what was done.

    Args:
        tallies: By instrument.
        news: By source.
        is_json: Whether one JSON object is wanted.
    """
    if is_json:
        click.echo(json_of(tallies, news))
        return
    console = Console()
    # What is piped into a file has no width of its own.
    wide = console if console.is_terminal else Console(width=180)
    wide.print(table_of(tallies))
    if news:
        wide.print(news_table(news))
    for note in [*notes_of(tallies), *(f"{each.source}: {each.trouble}" for each in news if each.trouble)]:
        click.echo(note)


def news_table(news: Sequence[NewsTally]) -> Table:
    """Return the table of the news."""
    table = Table(title="News", title_justify="left")
    for column in ("source", "seen", "new", "known", "put aside", "requests", "looked at since"):
        table.add_column(column, justify="left" if column == "source" else "right")
    for each in news:
        counts = (each.n_seen, each.n_new, each.n_duplicate, each.n_put_aside, each.n_requests)
        since = "not known" if each.reaches_ms is None else text_of_time(each.reaches_ms)
        table.add_row(each.source, *(f"{count:,}" for count in counts), since)
    return table


def json_of(tallies: Sequence[Tally], news: Sequence[NewsTally] = ()) -> str:
    """Return everything as one JSON object."""
    content = {
        "is_whole": all(tally.is_whole for tally in tallies) and all(each.is_whole for each in news),
        "instruments": [tally.as_facts() for tally in tallies],
        "news": news,
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


def table_of(tallies: Sequence[Tally]) -> Table:
    """Return the table as rich draws it."""
    table = Table(title=_title(tallies), title_justify="left")
    for number, column in enumerate(_COLUMNS):
        table.add_column(column, justify="left" if number == 0 else "right", overflow="fold")
    for tally in tallies:
        table.add_row(*_cells(tally))
    return table


def _title(tallies: Sequence[Tally]) -> str:
    first = tallies[0]
    return f"Candles of {first.place.interval}, {text_of(first.span)}, stream {first.place.stream}"


def _cells(tally: Tally) -> list[str]:
    counts = (
        tally.n_wanted, tally.n_before, tally.n_asked, tally.n_new, tally.n_corrected, tally.n_put_aside,
        tally.n_quiet, tally.n_missing,
    )  # fmt: skip
    changes = f"{tally.n_opened:,} / {tally.n_closed:,}"
    reach = "the listing" if tally.reach_ms is None else text_of_time(tally.reach_ms)
    return [
        tally.place.instrument,
        *(f"{count:,}" for count in counts),
        changes,
        f"{tally.n_requests:,}",
        reach,
    ]


def notes_of(tallies: Sequence[Tally]) -> list[str]:
    """Return what people must know, a sentence each."""
    notes = [f"{tally.place.instrument}: {tally.trouble}" for tally in tallies if tally.trouble is not None]
    stopped = [tally.place.instrument for tally in tallies if not tally.is_whole]
    if stopped:
        notes.append(
            f"The backfill of {', '.join(stopped)} was stopped. What was read is stored; run the same command again to go on."
        )
    n_missing = sum(tally.n_missing for tally in tallies)
    if n_missing:
        notes.append(
            f"{n_missing:,} candles are missing. The ledger of gaps says why; the next backfill asks for those that are in reach."
        )
    return notes

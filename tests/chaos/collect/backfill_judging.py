"""Judges every hour of a backfill: it is stored once with the market's own numbers, or named by the ledger, and never both."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from producers.jobs.backfilling.places import NOT_TRADED, Place
from producers.jobs.backfilling.storing import StoredBackfill
from producers.jobs.backfilling.stretches import Stretch
from tests.mirror.markets import Market

HOUR_MS = 3_600_000


class Result(NamedTuple):
    """What came of one failure, in hours of all venues.

    Attributes:
        codes: The exit codes of the backfills that suffered it.
        n_true: Hours of the span.
        n_stored: Of them stored.
        n_named: Named by the ledger as missing.
        n_quiet: Named by the ledger as without a trade.
        n_lost: Within the reach of the venue and not stored.
        n_unnamed: Neither stored nor named.
        n_twice: Stored twice, or stored and named.
        n_other: Stored with other numbers than the market's.
        n_again: Requests of a further backfill for what had been there.
        n_extra: Requests beyond those of an uninterrupted backfill.
    """

    name: str
    codes: tuple[int, ...]
    n_true: int = 0
    n_stored: int = 0
    n_named: int = 0
    n_quiet: int = 0
    n_lost: int = 0
    n_unnamed: int = 0
    n_twice: int = 0
    n_other: int = 0
    n_again: int = 0
    n_extra: int = 0


class Hours(NamedTuple):
    """The hours of one venue: by start, what the market has and what is stored; and what the ledger names."""

    wanted: set[int]
    true: dict[int, tuple[float, ...]]
    stored: dict[int, tuple[float, ...]]
    n_rows: int
    named: list[int]
    quiet: list[int]
    out_of_reach: set[int]


def hours_of(store: StoredBackfill, place: Place, span: Stretch, market: Market) -> Hours:
    """Return what there is of one venue."""
    names = ("open", "high", "low", "close", "volume")
    rows = market.candles(HOUR_MS, span.start_ms, span.end_ms, span.end_ms)
    true = {int(row["open_ms"]): tuple(float(row[name]) for name in names) for row in rows}
    found = store.recent(place, span)
    columns = [found[name].tolist() for name in ("timestamp", *names)]
    stored = {at: numbers for at, *numbers in zip(*columns, strict=True)}
    gaps = store.gaps(place)
    named = [at for gap in gaps if gap.is_open for at in range(gap.start_ms, gap.end_ms, HOUR_MS)]
    quiet = [
        at for gap in gaps if gap.closed_by == NOT_TRADED for at in range(gap.start_ms, gap.end_ms, HOUR_MS)
    ]
    return Hours(
        wanted=set(range(span.start_ms, span.end_ms, HOUR_MS)),
        true=true,
        stored={at: tuple(numbers) for at, numbers in stored.items()},
        n_rows=len(columns[0]),
        named=named,
        quiet=quiet,
        out_of_reach={
            at
            for gap in gaps
            if gap.is_open and "gives only" in gap.reason
            for at in range(gap.start_ms, gap.end_ms, HOUR_MS)
        },
    )


def added(result: Result, hours: Hours) -> Result:
    """Return a result with the hours of one more venue."""
    stored, named = set(hours.stored), [*hours.named, *hours.quiet]
    other = [at for at, numbers in hours.stored.items() if not _is_same(numbers, hours.true.get(at))]
    twice = (hours.n_rows - len(stored)) + len(stored & set(named)) + len(named) - len(set(named))
    return result._replace(
        n_true=result.n_true + len(hours.wanted),
        n_stored=result.n_stored + len(stored),
        n_named=result.n_named + len(hours.named),
        n_quiet=result.n_quiet + len(hours.quiet),
        n_lost=result.n_lost + len(hours.true.keys() - stored - hours.out_of_reach),
        n_unnamed=result.n_unnamed + len(hours.wanted - stored - set(named)),
        n_twice=result.n_twice + twice,
        n_other=result.n_other + len(other),
    )


def _is_same(numbers: Sequence[float], true: Sequence[float] | None) -> bool:
    """Whether a stored hour is the market's; the venues round to 8 decimals and fewer."""
    return true is not None and all(
        abs(one - two) <= 1e-6 * max(1.0, abs(two)) for one, two in zip(numbers, true, strict=True)
    )


def show(results: Sequence[Result]) -> None:
    """Print what came of each failure."""
    table = Table(
        title="backfill of six months of hours: each failure, then a backfill in peace (three venues)"
    )
    for heading in (
        "failure",
        "exits",
        "hours",
        "stored",
        "named",
        "quiet",
        "lost",
        "unnamed",
        "twice",
        "other",
        "again",
        "extra",
    ):
        table.add_column(heading, justify="left" if heading == "failure" else "right", overflow="fold")
    for each_of in results:
        codes = " ".join(str(code) for code in each_of.codes)
        table.add_row(each_of.name, codes, *(f"{n:,}" for n in each_of[2:]))
    Console(width=160).print(table)

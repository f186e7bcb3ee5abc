"""Deletes old days of the tables that grow with every second: ticks, quotes and prices.

Only runs that go by the clock on the wall have old days: those of a replay are old from the beginning, and a demo
replays last year. Each day is one transaction, so that a run of this may end at any point and be repeated.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from schemas.streams import kind_of_stream
from schemas.wire.postgres.archives import DAY_MS, StoredDays
from stream_processors.archiving.files import n_rows_of, path_of


class PrunedDay(msgspec.Struct, frozen=True, kw_only=True):
    """A day of a run in a table.

    Attributes:
        is_kept: Whether it stays, because the archive does not hold all of its rows.
    """

    table: str
    stream: str
    day_ms: int
    n_rows: int
    is_kept: bool = False


def prune(
    days: StoredDays,
    keep_days: Mapping[str, int],
    *,
    now_ms: int,
    archive: Path | None = None,
    is_trial: bool = False,
) -> Iterator[PrunedDay]:
    """Delete whole days that are older than a table's rows are kept, and yield each.

    Args:
        days: The durable store.
        keep_days: By table, for how many days before today its rows are kept; other tables are left alone.
        now_ms: The clock on the wall.
        archive: Only days whose file in this archive holds as many rows are deleted; None deletes without an archive.
        is_trial: Whether nothing is deleted.

    Raises:
        StoreUnavailableError: If Postgres does not answer; the days before are deleted.
    """
    for table, n_days in keep_days.items():
        before_ms = (now_ms // DAY_MS - n_days) * DAY_MS
        for stream in days.streams(table):
            if kind_of_stream(stream).runs_by_wall_clock:
                yield from _pruned(
                    days, table, stream, before_ms=before_ms, archive=archive, is_trial=is_trial
                )


def _pruned(
    days: StoredDays, table: str, stream: str, *, before_ms: int, archive: Path | None, is_trial: bool
) -> Iterator[PrunedDay]:
    oldest_ms = days.oldest_ms(table, stream)
    if oldest_ms is None:
        return
    for day_ms in range(oldest_ms // DAY_MS * DAY_MS, before_ms, DAY_MS):
        span = {"from_ms": day_ms, "until_ms": day_ms + DAY_MS}
        n_rows = days.n_rows(table, stream, **span)
        if not n_rows:
            continue
        is_kept = archive is not None and (n_rows_of(path_of(archive, table, stream, day_ms)) or 0) < n_rows
        if not is_kept and not is_trial:
            n_rows = days.delete(table, stream, **span)
        yield PrunedDay(table=table, stream=stream, day_ms=day_ms, n_rows=n_rows, is_kept=is_kept)

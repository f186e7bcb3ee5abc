"""Exports a day of the durable store: one parquet file for each table and run.

An export may be repeated: the rows come in the order of their keys, so that a day that did not change gives the same
bytes. A file is never replaced by fewer rows, because then the day was pruned since it was exported.
"""

from collections.abc import Collection, Iterator
from itertools import chain
from pathlib import Path

import msgspec

from schemas.wire.postgres.archives import ARCHIVED, DAY_MS, StoredDays
from stream_processors.archiving.files import n_rows_of, path_of, write


class ExportedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the archive.

    Attributes:
        is_kept: Whether the file was there and holds more rows than the store does now, so that it stays.
    """

    path: str
    table: str
    stream: str
    n_rows: int
    is_kept: bool = False


def export_day(
    days: StoredDays,
    day_ms: int,
    folder: Path,
    *,
    streams: Collection[str] = (),
    tables: Collection[str] = (),
) -> Iterator[ExportedFile]:
    """Export a day, file by file; tables and runs without rows of that day have none.

    Args:
        days: The durable store.
        day_ms: The beginning of the day.
        folder: The folder of the archive.
        streams: Only these runs; empty for all.
        tables: Only these tables; empty for all that are archived.

    Raises:
        ConfigurationError: If a file cannot be written.
        StoreUnavailableError: If Postgres does not answer.
    """
    for table in tables or ARCHIVED:
        for stream in days.streams(table):
            if not streams or stream in streams:
                yield from _exported(days, table, stream, day_ms, path_of(folder, table, stream, day_ms))


def _exported(days: StoredDays, table: str, stream: str, day_ms: int, path: Path) -> Iterator[ExportedFile]:
    span = {"from_ms": day_ms, "until_ms": day_ms + DAY_MS}
    held = n_rows_of(path)
    if held is not None and held > days.n_rows(table, stream, **span):
        yield ExportedFile(path=str(path), table=table, stream=stream, n_rows=held, is_kept=True)
        return
    parts = days.rows(table, stream, **span)
    first = next(parts, None)
    if first is not None:
        n = write(path, days.columns(table), chain([first], parts))
        yield ExportedFile(path=str(path), table=table, stream=stream, n_rows=n)

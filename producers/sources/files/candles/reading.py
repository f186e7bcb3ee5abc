"""Reads a file of candles whole: its good rows by time, what was set aside and why, and what is doubtful.

Every command reads candles by this one function, so that they agree about each file.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.candle_instruments import instrument_of_candles
from producers.sources.files.candles.cautions import cautions_about, doubts_about_numbers
from producers.sources.files.candles.column_orders import check_orders
from producers.sources.files.candles.columns import Columns, columns_of, is_stated_as_close
from producers.sources.files.candles.counting import counted
from producers.sources.files.candles.file_rows import FileRows, by_time
from producers.sources.files.candles.holes import STATED_PAUSE_MS, Holes, holes_of, with_pauses
from producers.sources.files.candles.judging import judged
from producers.sources.files.candles.layouts import Layout, layout_of
from producers.sources.files.candles.raw_tables import RawTable
from producers.sources.files.candles.rejections import (
    Rejections,
    counts_line,
    rejections_of,
    with_long_pauses,
)
from producers.sources.files.candles.shifts import check_shifts, contradicted_rows
from producers.sources.files.candles.stamps import stamps_of
from producers.sources.files.candles.steps import BarLength, is_monthly
from producers.sources.files.candles.table_reading import raw_table
from producers.sources.files.decompressing import FileHead, head_of
from producers.sources.files.forms import ReadRequest
from producers.sources.files.refusals import not_recognised
from producers.sources.files.reports import Certainty, DataKind, FileReport
from schemas.errors import ConfigurationError
from schemas.instruments import parse_instrument
from schemas.sources import SOURCES

_FEWEST_ROWS = 3
#: Tables whose columns have names; where those of candles are among them, they are candles.
_NAMED = ("parquet", "feather")


class CandleFile(NamedTuple):
    """A file of candles, read.

    Attributes:
        report: What is said of it.
        length: Of its bars.
        columns: ``start_ms``, prices, ``volume`` and what the venue adds, by time, each of shape (n,); bars without a
            trade that the file left out are among them.
        segment_starts: Shape (m,), ascending: the first bar of each segment.
        holes: What is missing between the bars of a segment.
        rejections: The rows that were set aside.
    """

    report: FileReport
    length: BarLength
    columns: Mapping[str, NDArray[Any]]
    segment_starts: NDArray[np.intp]
    holes: Holes
    rejections: Rejections

    def __len__(self) -> int:
        """The number of bars."""
        return len(self.columns["start_ms"])


def read_candle_file(path: Path, request: ReadRequest, head: FileHead | None = None) -> CandleFile:
    """Read a file of candles.

    Args:
        path: The file.
        request: What is known beside the file.
        head: Its first bytes, where they were read before.

    Raises:
        ConfigurationError: If the file is none of candles, cannot be read, or has too few good rows.
    """
    head = head_of(path) if head is None else head
    layout = layout_of(head)
    if layout is None:
        raise ConfigurationError(not_recognised(head))
    raw = raw_table(path, layout)
    has_decimal_comma = layout.shape is not None and layout.shape.has_decimal_comma
    columns = columns_of(raw, has_decimal_comma=has_decimal_comma, file_name=path.name)
    columns, order = by_time(columns)
    stamps = stamps_of(columns, request, is_stated=is_stated_as_close(raw.columns))
    if stamps is None:
        raise ConfigurationError(_too_few(path, raw, columns))
    columns["timestamp"] = stamps.starts
    found = judged(columns, stamps.length, not_after_ms=request.not_after_ms)
    check_orders(columns, found.kept, step_ms=stamps.length.milliseconds, name=path.name)
    check_shifts(columns, contradicted_rows(found.broken), stamps.length, path.name)
    instrument = request.instrument or raw.instrument or instrument_of_candles(head, layout, path)
    rows = FileRows(raw, columns, order, stamps, found, request._replace(instrument=instrument))
    return _file(path, layout, rows)


def _too_few(path: Path, raw: RawTable, columns: Columns) -> str:
    n = raw.n_rows + len(raw.bad_lines)
    if is_monthly(columns["timestamp"]):
        return f"{path.name} holds candles of months, which differ in length: give candles of weeks, days or less"
    return (
        f"{path.name} has {counted(n, 'row')}, of which too few have a time to tell how long the bars are: at least "
        f"{_FEWEST_ROWS} rows with different times are needed"
    )


def _file(path: Path, layout: Layout, rows: FileRows) -> CandleFile:
    rejections = rejections_of(rows)
    kept = rows.judged.kept
    if len(kept) < _FEWEST_ROWS:
        message = (
            f"{path.name} has {len(kept)} good rows of {rows.n_rows:,}, and at least {_FEWEST_ROWS} are needed"
            f"{counts_line(rejections)}"
        )
        raise ConfigurationError(message)
    sound = {
        ("start_ms" if name == "timestamp" else name): _chosen(values, kept)
        for name, values in rows.columns.items()
        if name != "symbol"
    }
    holes = _holes(sound, rows)
    bars = with_pauses(sound, holes, step_ms=rows.stamps.length.milliseconds)
    starts = np.concatenate(([0], _changes(bars.pop("segment", None)))).astype(np.intp)
    unused = _unused(rows, bars["start_ms"])
    rejections = with_long_pauses(rejections, unused, rows)
    report = msgspec.structs.replace(
        _report(layout, rows, bars["start_ms"], rejections),
        n_good=len(kept) + int(rows.judged.is_empty.sum()) - len(unused),
        warnings=(*cautions_about(rows, sound, holes), *doubts_about_numbers(layout.shape)),
    )
    return CandleFile(report, rows.stamps.length, bars, starts, holes, rejections)


def _report(layout: Layout, rows: FileRows, starts: NDArray[np.int64], rejections: Rejections) -> FileReport:
    """The report on a file, without what only its holes tell."""
    return FileReport(
        form=layout.form,
        title=layout.title,
        kind=DataKind.CANDLES,
        certainty=Certainty.CERTAIN if layout.container in _NAMED else layout.certainty,
        instrument=rows.request.instrument,
        interval=str(rows.stamps.length),
        n_rows=rows.n_rows,
        n_bars=len(starts),
        rejected=rejections.by_rule,
        first_ms=int(starts[0]),
        last_ms=int(starts[-1]),
    )


def _chosen(values: NDArray[Any], kept: NDArray[np.intp]) -> NDArray[Any]:
    """The rows that are kept; the same array where all are, in their order."""
    is_whole = len(kept) == len(values) and bool((np.diff(kept) == 1).all())
    return values if is_whole else values[kept]


def _holes(sound: Columns, rows: FileRows) -> Holes:
    times, found, longest = rows.columns["timestamp"], rows.judged, rows.request.longest_pause_ms
    return holes_of(
        sound["start_ms"],
        step_ms=rows.stamps.length.milliseconds,
        pause_ms=longest_pause_ms(rows.request.instrument) if longest is None else longest,
        stated_pause_ms=STATED_PAUSE_MS if longest is None else longest,
        stated=times[found.is_empty],
        rejected=times[found.left_out & ~found.is_empty],
        breaks=_changes(sound.get("segment")),
    )


def longest_pause_ms(instrument: str | None) -> int:
    """Return how long a hole in a file of this instrument's venue may be to count as a pause without a trade."""
    if instrument is None:
        return 0
    spec = SOURCES.get(parse_instrument(instrument).venue.lower())
    return 0 if spec is None else spec.longest_pause_ms


def _changes(segment: NDArray[np.int64] | None) -> NDArray[np.intp]:
    if segment is None:
        return np.empty(0, dtype=np.intp)
    return np.flatnonzero(segment[1:] != segment[:-1]) + 1


def _unused(rows: FileRows, starts: NDArray[np.int64]) -> list[int]:
    """The empty rows that are no bars without a trade: they belong to a long pause, or to a bar that is there."""
    empty = np.flatnonzero(rows.judged.is_empty)
    if not len(empty):
        return []
    times = rows.columns["timestamp"]
    is_bar = np.isin(times[empty], starts) & ~np.isin(times[empty], times[rows.judged.kept])
    return [int(row) for row in empty[~is_bar]]

"""Candle tables: read from parquet or CSV, held against the rules, the good rows kept.

Rows are sorted stably and the disorder reported; exact duplicates are dropped and counted; rows
of one time with other numbers are rejected, all of them, as nobody can say which is right. What
is rejected leaves a missing stretch, and no bar is invented for it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from producers.normalise.candles import candle_of_row
from producers.sources.files.recognition import FileKind, file_kind
from schemas.errors import ConfigurationError
from schemas.events import CandleObserved
from schemas.frames import (
    CANDLE_COLUMNS,
    MISSING_TIME,
    OPTIONAL_CANDLE_COLUMNS,
    Breach,
    Columns,
    Fate,
    broken_rules,
    candle_rules,
    report_on_candles,
)
from schemas.time import Interval

#: Whole numbers below this are seconds since the epoch, not milliseconds.
_EPOCH_S_LIMIT = 10**11
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE_NUMBER = re.compile(r"[0-9]{1,17}")
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_Number = TypeVar("_Number", np.int64, np.float64)


class RejectedRow(NamedTuple):
    """A row that is not published, with the first rule that it breaks."""

    breach: Breach
    values: dict[str, Any]


class CandleTable(NamedTuple):
    """The good rows of a file, by time, and what was wrong with the others.

    Attributes:
        columns: ``start_ms``, prices and ``volume``, each of shape (n,).
        segment_starts: Shape (m,), ascending: the first row of each segment.
        breaches: By row of the file.
    """

    interval: Interval
    columns: dict[str, NDArray[Any]]
    segment_starts: NDArray[np.intp]
    breaches: Sequence[Breach]
    rejected: Sequence[RejectedRow]

    def __len__(self) -> int:
        return len(self.columns["start_ms"])

    def segment_of(self, time_ms: int) -> tuple[int, int] | None:
        """The stretch ``[from_ms, until_ms)`` of the segment that holds a time, or None."""
        for start_ms, end_ms in self.segments():
            if start_ms <= time_ms < end_ms:
                return start_ms, end_ms
        return None

    def segments(self) -> list[tuple[int, int]]:
        """Each segment's first start and last end."""
        last = np.concatenate((self.segment_starts[1:], [len(self)])) - 1
        starts = self.columns["start_ms"]
        return [
            (int(starts[i]), int(starts[j]) + self.interval.milliseconds)
            for i, j in zip(self.segment_starts, last, strict=True)
        ]

    def candles(
        self, from_ms: int, until_ms: int, *, instrument: str, source: str, stream: str
    ) -> Iterator[CandleObserved]:
        """The candles that start at or after ``from_ms`` and end by ``until_ms``."""
        starts = self.columns["start_ms"]
        chosen = slice(
            int(np.searchsorted(starts, from_ms)),
            int(np.searchsorted(starts, until_ms - self.interval.milliseconds, side="right")),
        )
        names = tuple(self.columns)
        for row in zip(*(self.columns[name][chosen].tolist() for name in names), strict=True):
            yield candle_of_row(
                dict(zip(names, row, strict=True)),
                instrument=instrument,
                interval=self.interval,
                source=source,
                stream=stream,
            )


def read_candles(path: Path) -> CandleTable:
    """A candle file, held against the rules of :mod:`schemas.frames`.

    Raises:
        ConfigurationError: If it cannot be read, its columns are others, its interval is none of
            the known ones, or no row is good.
    """
    columns = _columns(_arrow_table(path), path)
    interval = recognised_interval(columns["timestamp"], path)
    rules = candle_rules(interval)
    broken = broken_rules(columns, rules)
    breaches = report_on_candles(columns, rules) if broken else []
    left_out = np.zeros(len(columns["timestamp"]), dtype=np.bool_)
    for rule, rows in broken.items():
        if rule.fate is not Fate.KEPT:
            left_out |= rows
    kept = np.flatnonzero(~left_out)
    if not len(kept):
        message = f"{path.name} has no good row among {len(left_out)}; " + _counts_line(breaches)
        raise ConfigurationError(message)
    kept = kept[np.argsort(columns["timestamp"][kept], kind="stable")]
    segment = columns.get("segment", np.zeros(len(left_out), dtype=np.int64))[kept]
    return CandleTable(
        interval=interval,
        columns={"start_ms": columns["timestamp"][kept]}
        | {name: columns[name][kept] for name in CANDLE_COLUMNS[1:]},
        segment_starts=np.flatnonzero(np.concatenate(([True], segment[1:] != segment[:-1]))),
        breaches=breaches,
        rejected=_rejected(columns, breaches),
    )


def _arrow_table(path: Path) -> pa.Table:
    try:
        match file_kind(path):
            case FileKind.PARQUET:
                return parquet.ParquetFile(path).read()
            case FileKind.CSV:
                # Everything as text: a single bad cell must cost its row and not the file.
                names = csv.open_csv(path).schema.names
                as_text = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
                return csv.read_csv(path, convert_options=as_text)
            case FileKind.CAPTURE:
                message = f"{path.name} is a capture of messages, expected a table of candles"
                raise ConfigurationError(message)
    except (pa.ArrowInvalid, UnicodeDecodeError, OSError) as error:
        message = f"{path.name} cannot be read as {file_kind(path)}: {error}"
        raise ConfigurationError(message) from error


def _columns(table: pa.Table, path: Path) -> dict[str, NDArray[Any]]:
    found = table.column_names
    if not set(CANDLE_COLUMNS) <= set(found):
        message = (
            f"{path.name} must have the columns {' '.join(CANDLE_COLUMNS)} [{' '.join(OPTIONAL_CANDLE_COLUMNS)}], "
            f"was {' '.join(found)}; missing: {' '.join(sorted(set(CANDLE_COLUMNS) - set(found)))}"
        )
        raise ConfigurationError(message)
    if not table.num_rows:
        message = f"{path.name} has no rows"
        raise ConfigurationError(message)
    columns: dict[str, NDArray[Any]] = {"timestamp": _times_ms(table.column("timestamp"), path)}
    columns |= {name: _numbers(table.column(name), name, path) for name in CANDLE_COLUMNS[1:]}
    if "segment" in found:
        columns["segment"] = _segments(table.column("segment"))
    return columns


def _segments(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """A number per segment, whatever the file calls them."""
    if pa.types.is_integer(column.type) and not column.null_count:
        return _array(column.cast(pa.int64()), np.int64)
    names = np.array([str(name) for name in column.to_pylist()])
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _times_ms(column: pa.ChunkedArray, path: Path) -> NDArray[np.int64]:
    """Open times as UTC milliseconds: timestamps, ISO text, or whole seconds or milliseconds."""
    if pa.types.is_string(column.type):
        return np.array([_time_of_text(text) for text in column.to_pylist()], dtype=np.int64)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        milliseconds = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
        return _array(milliseconds.fill_null(MISSING_TIME), np.int64)
    if pa.types.is_integer(column.type):
        return _milliseconds(_array(column.cast(pa.int64()).fill_null(MISSING_TIME), np.int64))
    message = f"timestamp in {path.name} must be a time, ISO text or whole milliseconds, was {column.type}"
    raise ConfigurationError(message)


def _array(column: pa.ChunkedArray, kind: type[_Number]) -> NDArray[_Number]:
    # By DLPack: pyarrow's own conversion imports pandas, which takes longer than a year of minutes.
    return np.from_dlpack(column.combine_chunks()).astype(kind)


def _milliseconds(times: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.where((times != MISSING_TIME) & (np.abs(times) < _EPOCH_S_LIMIT), times * 1000, times)


def _time_of_text(text: str | None) -> int:
    if text is None or not text.strip():
        return MISSING_TIME
    if _WHOLE_NUMBER.fullmatch(text.strip()):
        return int(_milliseconds(np.array([int(text)], dtype=np.int64))[0])
    try:
        stamp = datetime.fromisoformat(text.strip()) if _ISO_DAY.match(text.strip()) else None
    except ValueError:
        return MISSING_TIME
    if stamp is None:
        return MISSING_TIME
    in_utc = stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp.astimezone(UTC)
    return (in_utc - _EPOCH) // timedelta(milliseconds=1)


def _numbers(column: pa.ChunkedArray, name: str, path: Path) -> NDArray[np.float64]:
    if pa.types.is_string(column.type):
        return np.array([_number_of_text(text) for text in column.to_pylist()], dtype=np.float64)
    try:
        return _array(column.cast(pa.float64()).fill_null(float("nan")), np.float64)
    except pa.ArrowInvalid as error:
        message = f"{name} in {path.name} must be numbers, was {column.type}"
        raise ConfigurationError(message) from error


def _number_of_text(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return float("nan")


def recognised_interval(timestamps: NDArray[np.int64], path: Path) -> Interval:
    """The interval of a table: the commonest step between its times.

    Raises:
        ConfigurationError: If that is not one of the intervals.
    """
    times = np.unique(timestamps[timestamps != MISSING_TIME])
    steps, counts = np.unique(np.diff(times), return_counts=True)
    step_ms = int(steps[counts.argmax()]) if len(steps) else 0
    for interval in Interval:
        if interval.milliseconds == step_ms:
            return interval
    known = ", ".join(Interval)
    message = f"the rows of {path.name} must be one of {known} apart, most are {step_ms / 1000:g} s apart"
    raise ConfigurationError(message)


def _rejected(columns: Columns, breaches: Sequence[Breach]) -> list[RejectedRow]:
    first: dict[int, Breach] = {}
    for breach in breaches:
        if breach.fate is Fate.REJECTED:
            first.setdefault(breach.row, breach)
    return [RejectedRow(breach, _row_values(columns, row - 1)) for row, breach in first.items()]


def _row_values(columns: Columns, row: int) -> dict[str, Any]:
    values: dict[str, Any] = {name: columns[name][row].item() for name in CANDLE_COLUMNS}
    if values["timestamp"] == MISSING_TIME:
        values["timestamp"] = None
    return values


def breach_counts(breaches: Sequence[Breach]) -> Counter[tuple[str, str, str]]:
    """How many rows break each rule, by (column, rule, fate), the commonest first."""
    return Counter((breach.column, breach.rule, str(breach.fate)) for breach in breaches)


def _counts_line(breaches: Sequence[Breach]) -> str:
    counts = breach_counts(breaches).most_common()
    return "; ".join(f"{column} {rule}: broken by {n} rows" for (column, rule, _), n in counts)

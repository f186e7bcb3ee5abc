"""Candle files, parquet or CSV, as columns: what producers publish from and evaluations read.

The one place where a file's own ways of writing times and numbers are understood. Which rows are
good is said by the rules of :mod:`schemas.frames`.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import csv, parquet

from schemas.errors import ConfigurationError
from schemas.frames import CANDLE_COLUMNS, MISSING_TIME, OPTIONAL_CANDLE_COLUMNS
from schemas.time import Interval, parse_time

#: Whole numbers below this are seconds since the epoch, not milliseconds.
_EPOCH_S_LIMIT = 10**11
_WHOLE_NUMBER = re.compile(r"[0-9]{1,17}")
_ISO_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_Number = TypeVar("_Number", np.int64, np.float64)
_MOST_LISTED, _MOST_LETTERS = 20, 400
#: What pyarrow raises for bytes that are no such table, or a kind of table that it does not know.
_UNREADABLE = (pa.ArrowException, UnicodeDecodeError, OSError)


def candle_columns(path: Path, *, is_parquet: bool) -> dict[str, NDArray[Any]]:
    """The columns of a candle file in the file's order, bad cells included.

    Args:
        path: The file.
        is_parquet: CSV otherwise, compressed or not.

    Returns:
        ``timestamp`` (UTC milliseconds, :data:`~schemas.frames.MISSING_TIME` where missing), prices
        and ``volume`` (NaN where unreadable), and ``segment`` where the file has one.

    Raises:
        ConfigurationError: If it cannot be read, or its columns are others.
    """
    return _columns(_arrow_table(path, is_parquet=is_parquet), path)


def times_ms(path: Path, *, is_parquet: bool) -> NDArray[np.int64]:
    """The column ``timestamp`` alone, of a table of anything, such as articles.

    Raises:
        ConfigurationError: If it cannot be read, or has no such column.
    """
    table = _arrow_table(path, is_parquet=is_parquet)
    if "timestamp" not in table.column_names:
        message = (
            f"{path.name} must have a column timestamp, was {_listed(table)}{_separator(table.column_names)}"
        )
        raise ConfigurationError(message)
    return _times_ms(_column(table, "timestamp", path), path)


def _arrow_table(path: Path, *, is_parquet: bool) -> pa.Table:
    try:
        if is_parquet:
            return parquet.ParquetFile(path).read()
        # Everything as text: a single bad cell must cost its row and not the file.
        names = csv.open_csv(path).schema.names
        as_text = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
        lines = csv.ParseOptions(newlines_in_values=True)
        return csv.read_csv(path, convert_options=as_text, parse_options=lines)
    except _UNREADABLE as error:
        reason = _printable(str(error))
        message = f"{path.name} cannot be read as {'parquet' if is_parquet else 'csv'}: {reason}"
        raise ConfigurationError(message) from error


def _columns(table: pa.Table, path: Path) -> dict[str, NDArray[Any]]:
    found = table.column_names
    if not set(CANDLE_COLUMNS) <= set(found):
        message = (
            f"{path.name} must have the columns {' '.join(CANDLE_COLUMNS)} [{' '.join(OPTIONAL_CANDLE_COLUMNS)}], "
            f"was {_listed(table)}; missing: {' '.join(sorted(set(CANDLE_COLUMNS) - set(found)))}"
            f"{_separator(found)}"
        )
        raise ConfigurationError(message)
    if not table.num_rows:
        message = f"{path.name} has no rows"
        raise ConfigurationError(message)
    columns: dict[str, NDArray[Any]] = {"timestamp": _times_ms(_column(table, "timestamp", path), path)}
    columns |= {name: _numbers(_column(table, name, path), name, path) for name in CANDLE_COLUMNS[1:]}
    if "segment" in found:
        columns["segment"] = _segments(_column(table, "segment", path))
    return columns


def _column(table: pa.Table, name: str, path: Path) -> pa.ChunkedArray:
    """A column, its text as plain text and its dictionary looked up.

    Raises:
        ConfigurationError: If another column has the same name but for its case, or its cells hold tables.
    """
    same = [found for found in table.column_names if found.lower() == name]
    if len(same) > 1:
        message = f"{path.name} must have one column {name}, has {len(same)}: {' '.join(same)}"
        raise ConfigurationError(message)
    column = table.column(name)
    if pa.types.is_nested(column.type):
        message = f"{name} in {path.name} must be one plain value a row, was {column.type}"
        raise ConfigurationError(message)
    try:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        is_text = pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type)
        return column.cast(pa.string()) if is_text else column
    except pa.ArrowException as error:
        message = f"{name} in {path.name} must be one plain value a row, was {column.type}: {error}"
        raise ConfigurationError(message) from error


def _listed(table: pa.Table) -> str:
    """The columns that a table has, for people; a file with hundreds of them is not one of candles."""
    shown = table.column_names[:_MOST_LISTED]
    more = len(table.column_names) - len(shown)
    return _printable(" ".join(shown)) + (f" and {more} more" if more else "")


def _printable(text: str) -> str:
    """A text that others wrote on one line of a terminal: without its controls, and not for ever."""
    plain = "".join(letter if letter.isprintable() else "?" for letter in " ".join(text.split()))
    return plain if len(plain) <= _MOST_LETTERS else plain[:_MOST_LETTERS] + "..."


def _separator(found: Sequence[str]) -> str:
    """A hint where a CSV's columns are told apart by something else than commas."""
    mark = next((mark for mark in (";", "\t", "|") if len(found) == 1 and mark in found[0]), None)
    return "" if mark is None else f"; columns must be separated by commas, seem to be by {mark!r}"


def _segments(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """A number per segment, whatever the file calls them."""
    if pa.types.is_integer(column.type) and not column.null_count:
        # Unsafe: beyond 63 bits a number wraps round, and is a name of its own nevertheless.
        return _array(column.cast(pa.int64(), safe=False), np.int64)
    names = np.array([str(name) for name in column.to_pylist()])
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def _times_ms(column: pa.ChunkedArray, path: Path) -> NDArray[np.int64]:
    """Open times as UTC milliseconds: timestamps, ISO text, or whole seconds or milliseconds."""
    if pa.types.is_string(column.type):
        return np.array([_time_of_text(text) for text in column.to_pylist()], dtype=np.int64)
    if pa.types.is_timestamp(column.type) or pa.types.is_date(column.type):
        milliseconds = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
        return _array(_filled(milliseconds, MISSING_TIME), np.int64)
    if pa.types.is_integer(column.type):
        # Unsafe: beyond 63 bits a number wraps round to a time before 1970, which starts no bar of the others'.
        return _milliseconds(_array(_filled(column.cast(pa.int64(), safe=False), MISSING_TIME), np.int64))
    message = f"timestamp in {path.name} must be a time, ISO text or whole milliseconds, was {column.type}"
    raise ConfigurationError(message)


def _filled(column: pa.ChunkedArray, value: float) -> pa.ChunkedArray:
    # Only where there is something to fill: taking a Python number, pyarrow imports pandas.
    return column.fill_null(value) if column.null_count else column


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
    if not _ISO_DAY.match(text.strip()):
        return MISSING_TIME
    try:
        return parse_time(text, "a time")
    except ConfigurationError:
        return MISSING_TIME


def _numbers(column: pa.ChunkedArray, name: str, path: Path) -> NDArray[np.float64]:
    if pa.types.is_string(column.type):
        return np.array([_number_of_text(text) for text in column.to_pylist()], dtype=np.float64)
    if not _is_numeric(column.type):
        message = f"{name} in {path.name} must be numbers, was {column.type}"
        raise ConfigurationError(message)
    # Unsafe: of a whole number beyond 53 bits the nearest double is taken.
    return _array(_filled(column.cast(pa.float64(), safe=False), float("nan")), np.float64)


def _is_numeric(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind) or types.is_null(kind)
    )


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
    # Sorted and not made unique, which numpy does by hashing, ten times slower.
    between = np.diff(np.sort(timestamps[timestamps != MISSING_TIME]))
    steps, counts = np.unique(between[between > 0], return_counts=True)
    step_ms = int(steps[counts.argmax()]) if len(steps) else 0
    for interval in Interval:
        if interval.milliseconds == step_ms:
            return interval
    known = ", ".join(Interval)
    message = f"the rows of {path.name} must be one of {known} apart, most are {step_ms / 1000:g} s apart"
    raise ConfigurationError(message)

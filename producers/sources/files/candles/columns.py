"""Turns the columns of a file of candles into those of every table of candles: milliseconds and numbers."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from producers.sources.files.candles.amounts import amounts_of
from producers.sources.files.candles.arrays import integers, truths
from producers.sources.files.candles.column_names import Role
from producers.sources.files.candles.headings import EXTRA_ROLES, PRICE_ROLES
from producers.sources.files.candles.instants import day_order_doubt, times_of
from producers.sources.files.candles.raw_tables import RawTable
from producers.sources.files.candles.volume_units import chosen_volumes
from schemas.errors import ConfigurationError

Columns = dict[str, NDArray[Any]]

_CLOCK = r"^\s*\d{1,2}:?\d{2}"


def columns_of(raw: RawTable, *, has_decimal_comma: bool, file_name: str) -> Columns:
    """Return a file's columns in its order, bad cells included.

    Args:
        raw: What the file holds.
        has_decimal_comma: Whether its text writes 63327,6 for a number with one decimal.
        file_name: For messages.

    Returns:
        ``timestamp`` as the file states it, prices and ``volume`` (NaN where unreadable), what an exchange adds,
        ``segment`` where the file has one, and ``symbol`` where its rows are about several.

    Raises:
        ConfigurationError: If a column's type is not of a time or a number, or two columns may be the volume.
    """
    columns: Columns = {"timestamp": _times(raw, file_name)}
    for role in (*PRICE_ROLES, Role.VOLUME, Role.OTHER_VOLUME, *EXTRA_ROLES):
        if role in raw.columns:
            columns[str(role)] = _amounts(raw, role, file_name, has_decimal_comma=has_decimal_comma)
    if Role.OTHER_VOLUME in raw.columns:
        names = raw.names[Role.VOLUME], raw.names[Role.OTHER_VOLUME]
        columns = chosen_volumes(columns, name=file_name, names=names)
    if Role.SYMBOL in raw.columns:
        columns |= _symbols(raw.columns[Role.SYMBOL])
    if Role.SEGMENT in raw.columns:
        columns["segment"] = _segments(raw.columns[Role.SEGMENT])
    return columns


def doubts_about_times(raw: RawTable) -> tuple[str, ...]:
    """Return sentences about times that can be read in two ways."""
    column = raw.columns.get(Role.OPEN_TIME, raw.columns.get(Role.DATE))
    doubt = None if column is None else day_order_doubt(column)
    return () if doubt is None else (doubt,)


def is_stated_as_close(columns: Mapping[Role, Any]) -> bool:
    """Return whether the only times of a file are closes by their name."""
    return Role.CLOSE_TIME in columns and Role.OPEN_TIME not in columns and Role.DATE not in columns


def _times(raw: RawTable, file_name: str) -> NDArray[np.int64]:
    role = next(role for role in (Role.OPEN_TIME, Role.DATE, Role.CLOSE_TIME) if role in raw.columns)
    column = raw.columns[role]
    if role is Role.DATE and Role.TIME_OF_DAY in raw.columns:
        column = _with_clock(column, raw.columns[Role.TIME_OF_DAY])
    try:
        return times_of(column)
    except TypeError as error:
        message = f"{raw.names[role]} in {file_name} must be a time, ISO text or a whole number, was {error}"
        raise ConfigurationError(message) from error


def _with_clock(days: pa.ChunkedArray, clock: pa.ChunkedArray) -> pa.ChunkedArray:
    """Days and times of day as one text; a column called time that holds whole times stands for itself."""
    if not (pa.types.is_string(days.type) and pa.types.is_string(clock.type)):
        return days
    if pc.all(pc.match_substring_regex(clock.slice(0, 100), _CLOCK)).as_py():
        return pc.binary_join_element_wise(days, clock, " ")
    return clock if pc.all(pc.match_substring_regex(clock.slice(0, 100), r"^\s*\d{9,}")).as_py() else days


def _amounts(raw: RawTable, role: Role, file_name: str, *, has_decimal_comma: bool) -> NDArray[np.float64]:
    try:
        return amounts_of(raw.columns[role], has_decimal_comma=has_decimal_comma)
    except TypeError as error:
        message = f"{raw.names[role]} in {file_name} must be numbers, was {error}"
        raise ConfigurationError(message) from error


def _symbols(column: pa.ChunkedArray) -> Columns:
    """The names of what the rows are about, where they are about several things; else nothing."""
    if not pa.types.is_string(column.type):
        return {}
    first = column.slice(0, 1).to_pylist()[0]
    if truths(pc.equal(column, first)).all():
        return {}
    return {"symbol": np.array([str(name) for name in column.to_pylist()])}


def _segments(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """A number per segment, whatever the file calls them."""
    if pa.types.is_integer(column.type) and not column.null_count:
        # Unsafe: beyond 63 bits a number wraps round, and is a name of its own nevertheless.
        return integers(column.cast(pa.int64(), safe=False))
    names = np.array([str(name) for name in column.to_pylist()])
    return np.unique(names, return_inverse=True)[1].astype(np.int64)

"""Packs columns of numbers into rows in the binary form of COPY, many rows at a time.

psycopg packs a row in some microseconds, and Postgres takes one in less. All rows of a batch share
their texts, so that a row has a fixed layout: the rows are filled column by column as one array, and the bytes
of cells that are null are left out.

Source:
    PostgreSQL documentation, COPY, "Binary Format".
"""

import struct
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

#: A constant text of all rows, or a column of shape (n,): int64, int32 or float64, masked where it is null.
Column = str | NDArray[Any]
HEAD: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
END: Final = struct.pack(">h", -1)
_TYPES: Final = {"int64": ">i8", "int32": ">i4", "float64": ">f8"}
_LENGTH: Final = np.dtype(">i4")


def packed_rows(columns: Mapping[str, Column], n_rows: int) -> bytes:
    """Return rows in the binary form of COPY, without its head and end.

    Args:
        columns: By name, in the order of the columns that COPY names.
        n_rows: The number of rows.
    """
    rows = np.zeros(n_rows, dtype=_layout(columns))
    rows["n"] = len(columns)
    for name, column in columns.items():
        if isinstance(column, str):
            text = column.encode()
            rows[f"{name} length"], rows[name] = len(text), np.frombuffer(text, dtype=np.uint8)
        else:
            rows[f"{name} length"], rows[name] = rows.dtype[name].itemsize, np.ma.filled(column, 0)
    return _without_nulls(rows, columns)


def _layout(columns: Mapping[str, Column]) -> np.dtype[Any]:
    fields: list[Any] = [("n", ">i2")]
    for name, column in columns.items():
        fields.append((f"{name} length", _LENGTH))
        if isinstance(column, str):
            fields.append((name, np.uint8, (len(column.encode()),)))
        else:
            fields.append((name, _TYPES[column.dtype.name]))
    return np.dtype(fields)


def _without_nulls(rows: NDArray[Any], columns: Mapping[str, Column]) -> bytes:
    masks = {
        name: np.ma.getmaskarray(column) for name, column in columns.items() if np.ma.isMaskedArray(column)
    }
    nulls = {name: is_null for name, is_null in masks.items() if is_null.any()}
    if not nulls:
        return rows.tobytes()
    names = rows.dtype.names or ()
    kept = np.ones(len(rows), dtype=[(name, np.bool_, rows.dtype[name].itemsize) for name in names])
    for name, is_null in nulls.items():
        rows[f"{name} length"][is_null] = -1
        kept[name][is_null] = False
    return rows.view(np.uint8)[kept.view(np.bool_)].tobytes()

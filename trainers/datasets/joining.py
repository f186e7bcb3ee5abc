"""Columns of other instruments and of the news beside a feature table, by what was known at its time.

A row of another table joins where it is of exactly the same as-of time and was known by then;
otherwise its columns are undefined there. Nothing is carried forward.
"""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.features import FeatureTable
from trainers.datasets.decisions import PricePath
from trainers.datasets.labels import exact_rows

#: What another instrument's bars may say about this one's next: its own return, place and activity.
CROSS_COLUMNS = (
    "log_return_1",
    "log_return_2",
    "log_return_5",
    "standardised_return_1",
    "bollinger_position_20",
    "close_location",
    "relative_volume_60",
    "signed_volume_15",
)
_HOUR_MS = 3_600_000
_NEWS_WINDOWS_MS = {"1h": _HOUR_MS, "6h": 6 * _HOUR_MS, "24h": 24 * _HOUR_MS}


def with_columns(table: FeatureTable, columns: Mapping[str, NDArray[np.float64]]) -> FeatureTable:
    """The table with more columns; its spec hash then names the whole set.

    Args:
        table: Oldest first.
        columns: By name, each of shape (n,), NaN where undefined.

    Raises:
        ValueError: If a name is there already.
    """
    taken = set(table.names) & set(columns)
    if taken:
        message = f"columns must be new, there already: {sorted(taken)}"
        raise ValueError(message)
    names = "\n".join(columns)
    return msgspec.structs.replace(
        table,
        names=(*table.names, *columns),
        feature_spec_hash=hashlib.sha256(f"{table.feature_spec_hash}\n{names}".encode()).hexdigest(),
        values=np.column_stack([table.values, *columns.values()]) if columns else table.values,
    )


def columns_of_other(
    table: FeatureTable, other: FeatureTable, *, prefix: str, names: Sequence[str] = CROSS_COLUMNS
) -> dict[str, NDArray[np.float64]]:
    """Another instrument's features at the table's times.

    Args:
        table: Whose times.
        other: Of bars of the same length.
        prefix: Before each column's name, such as ``eth``.
        names: Which of its columns; those that it has not are left out.
    """
    rows = _known_rows(table, other)
    found = rows >= 0
    columns = {}
    for name in names:
        if name in other.names:
            column = np.full(len(rows), np.nan)
            column[found] = other.values[rows[found], other.names.index(name)]
            columns[f"{prefix}_{name}"] = column
    return columns | _relative(table, other, rows, prefix)


def _known_rows(table: FeatureTable, other: FeatureTable) -> NDArray[np.int64]:
    rows = exact_rows(other.as_of_ms, table.as_of_ms)
    if len(other.as_of_ms) == 0:
        return rows
    usable = (rows >= 0) & other.is_warm[rows] & (other.known_ms[rows] <= table.known_ms)
    return np.where(usable, rows, -1)


def _relative(
    table: FeatureTable, other: FeatureTable, rows: NDArray[np.int64], prefix: str
) -> dict[str, NDArray[np.float64]]:
    """How the log of the two closes' ratio has changed over the last bar and over a day of bars."""
    ratio = np.full(len(rows), np.nan)
    found = rows >= 0
    ratio[found] = np.log(other.close[rows[found]] / table.close[found])
    return {
        f"{prefix}_ratio_change_1": _change(ratio, 1),
        f"{prefix}_ratio_change_24": _change(ratio, 24),
    }


def _change(values: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    change = np.full(len(values), np.nan)
    change[n:] = values[n:] - values[:-n]
    return change


def basis_columns(table: FeatureTable, perpetual: PricePath) -> dict[str, NDArray[np.float64]]:
    """The perpetual's premium over the spot close, and its last change; undefined without a bar."""
    rows = exact_rows(perpetual.end_ms, table.as_of_ms)
    found = rows >= 0
    found[found] &= perpetual.known_ms[rows[found]] <= table.known_ms[found]
    basis = np.full(len(rows), np.nan)
    basis[found] = np.log(perpetual.close[rows[found]] / table.close[found])
    return {"perpetual_basis": basis, "perpetual_basis_change_1": _change(basis, 1)}


def news_columns(table: FeatureTable, published_ms: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """How many articles were out by each decision, in three windows, and the age of the newest.

    Undefined before the first and after the last article: there the file says nothing.

    Args:
        table: Whose times.
        published_ms: When each article was known, increasing.
    """
    upto = np.searchsorted(published_ms, table.as_of_ms, side="right")
    covered = (upto > 0) & (upto < len(published_ms))
    columns = {}
    for label, window_ms in _NEWS_WINDOWS_MS.items():
        count = upto - np.searchsorted(published_ms, table.as_of_ms - window_ms, side="right")
        columns[f"news_log_count_{label}"] = np.where(covered, np.log1p(count), np.nan)
    newest = published_ms[np.maximum(upto - 1, 0)] if len(published_ms) else table.as_of_ms
    age = np.log1p(np.maximum(table.as_of_ms - newest, 0) / 60_000)
    return columns | {"news_log_age_minutes": np.where(covered, age, np.nan)}

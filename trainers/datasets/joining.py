"""Further columns for a feature table: the user's own, those of other intervals and those of the news.

A value joins a row only if it was known when the row was decided.

Other instruments are joined by :mod:`stream_processors.features.vectors`.
"""

import hashlib
from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.features import FeatureTable
from schemas.time import Interval
from stream_processors.features.as_of import newest_known_rows
from stream_processors.features.declarations import CALENDAR

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


def interval_columns(
    table: FeatureTable, other: FeatureTable, interval: Interval
) -> dict[str, NDArray[np.float64]]:
    """The features of the same instrument's bars of another length, as the newest such bar was known.

    A value is undefined where that bar ended a whole interval before the decision, or earlier, since then
    there is a gap. Calendar features are left out: they are the same at any length.

    Args:
        table: The table whose decision times are joined to.
        other: The features of the bars of another length.
        interval: The length of those bars.
    """
    rows = newest_known_rows(
        times_ms=table.as_of_ms, as_of_ms=other.as_of_ms, known_ms=other.known_ms, allowance_ms=0
    )
    is_fresh = rows >= 0
    if len(other.as_of_ms):
        is_fresh &= table.as_of_ms - other.as_of_ms[rows] < interval.milliseconds
    calendar = {feature.name for feature in CALENDAR}
    return {
        f"{interval}_{name}": np.where(is_fresh, column[rows], np.nan)
        if len(column)
        else np.full(len(rows), np.nan)
        for name, column in zip(other.names, other.values.T, strict=True)
        if name not in calendar
    }


def news_columns(table: FeatureTable, published_ms: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """How many articles were published before each decision in three windows, and the age of the newest article.

    Values are undefined before the first and after the last article, where the file has no information.

    Args:
        table: The table whose decision times are counted up to.
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

"""Further columns for a feature table: the user's own, and those of other intervals.

A value joins a row only if it was known when the row was decided.

Other instruments and news are joined by :mod:`stream_processors.features.vectors`.
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

"""Rolls columns of candles up into longer ones, of whole stretches only."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.time import Length

Columns = Mapping[str, NDArray[Any]]
_ADDED = frozenset({"volume", "n_trades", "quote_volume", "taker_buy_volume", "taker_buy_quote_volume"})


def rolled_up(
    columns: Columns, segment_starts: NDArray[np.intp], length: Length, into: Length
) -> tuple[Columns, NDArray[np.intp]]:
    """Return candles of a longer interval, each of which has all of its parts, and where segments begin.

    Args:
        columns: ``start_ms``, prices, ``volume`` and what else there is, by time, each of shape (n,).
        segment_starts: Shape (m,), ascending: the first row of each segment.
        length: Of the candles.
        into: A multiple of the length.
    """
    parts = into.milliseconds // length.milliseconds
    if parts == 1:
        return columns, segment_starts
    starts = columns["start_ms"]
    group = starts // into.milliseconds
    segment = np.searchsorted(segment_starts, np.arange(len(starts)), side="right")
    first = np.flatnonzero(np.concatenate(([True], (np.diff(group) != 0) | (np.diff(segment) != 0))))
    size = np.diff(np.concatenate((first, [len(starts)])))
    if not len(first):
        return columns, segment_starts
    whole = size == parts
    rolled = {name: _rolled(name, values, first, size)[whole] for name, values in columns.items()}
    rolled["start_ms"] = group[first][whole] * into.milliseconds
    changes = np.flatnonzero(np.diff(segment[first][whole])) + 1
    return rolled, np.concatenate(([0], changes)).astype(np.intp)


def _rolled(
    name: str, values: NDArray[Any], first: NDArray[np.intp], size: NDArray[np.int64]
) -> NDArray[Any]:
    if name == "close":
        return values.take(first + size - 1)
    ways: dict[str, np.ufunc] = {"high": np.maximum, "low": np.minimum} | dict.fromkeys(_ADDED, np.add)
    way = ways.get(name)
    if way is None:
        return values.take(first)
    rolled: NDArray[Any] = way.reduceat(values, first)
    return rolled

"""Finds stretches of a file whose columns hold other prices than their names say.

The close of a bar is the price that the next bar opens at, and the high is the highest of its four prices. A single
row may break that; twenty rows in succession that break it have columns in another order, as after two files
were joined. The prices then look sane and mean something else, so that such a file is refused.
"""

from itertools import permutations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.columns import Columns
from schemas.errors import ConfigurationError
from schemas.frames import MISSING_TIME, PRICES
from schemas.time import text_of_time

Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]

_WINDOW = 20
_FEWEST = 10
_LEAST_SHARE = 0.9
#: Where open and close are swapped, the one way of joining the bars leaves at most this part of the other one's distances.
_FAR_BETTER = 0.3


class _Stretch(NamedTuple):
    """Rows ``[first, end)`` of a table."""

    first: int
    end: int

    def of(self, rows: Rows) -> Rows:
        """The rows of the stretch."""
        return rows[self.first : self.end]


def check_orders(columns: Columns, kept: Rows, *, step_ms: int, name: str) -> None:
    """Refuse a file in which a stretch of rows has its prices in another order than the names of the columns.

    Args:
        columns: By time.
        kept: The good rows.
        step_ms: The length of a bar.
        name: Of the file.

    Raises:
        ConfigurationError: If there is such a stretch; says where it begins, and what stands in the columns.
    """
    rows = np.flatnonzero(_has_prices(columns))
    stretch = _mostly(~_is_sound(columns, rows, PRICES))
    if stretch is not None:
        _refuse_unsound(columns, stretch.of(rows), name)
    pairs = _joined(columns, kept, step_ms)
    by_name, swapped = _distances(columns, pairs)
    pairs = pairs[by_name != swapped]
    stretch = _mostly((swapped < by_name)[by_name != swapped])
    if stretch is not None and _is_far_better(columns, stretch.of(pairs)):
        message = (
            f"in {name} each row {_since(columns, stretch.of(pairs))} closes where the row before it opens: the "
            f"names of the columns open and close seem to be swapped there; {_REMEDY}"
        )
        raise ConfigurationError(message)


_REMEDY = "name the columns by what they hold, and give parts of another order as files of their own"


def _refuse_unsound(columns: Columns, rows: Rows, name: str) -> None:
    found = [
        order for order in permutations(PRICES) if _is_sound(columns, rows, order).mean() >= _LEAST_SHARE
    ]
    if found:
        order = min(found, key=lambda order: _apart(columns, rows, order))
        message = (
            f"in {name} the columns called {' '.join(PRICES)} seem to hold {_held(order)} {_since(columns, rows)}, "
            f"because high is the highest price of a row and low is the lowest: {_REMEDY}"
        )
        raise ConfigurationError(message)


def _held(order: tuple[str, ...]) -> str:
    """What the columns of the four prices hold, if the prices stand in the columns of an order."""
    return " ".join(PRICES[order.index(name)] for name in PRICES)


def _has_prices(columns: Columns) -> Mask:
    has_time = columns["timestamp"] != MISSING_TIME
    result: Mask = np.logical_and.reduce([has_time, *(columns[name] > 0 for name in PRICES)])
    return result


def _is_sound(columns: Columns, rows: Rows, order: tuple[str, ...]) -> Mask:
    """Whether the high is the highest price and the low the lowest, if the prices stand in these columns."""
    o, h, low, c = (columns[name][rows] for name in order)
    result: Mask = (low <= np.minimum(o, c)) & (np.maximum(o, c) <= h)
    return result


def _apart(columns: Columns, rows: Rows, order: tuple[str, ...]) -> float:
    """How far the closes are from the next opens, if the prices stand in these columns."""
    return float(np.abs(columns[order[0]][rows[1:]] - columns[order[3]][rows[:-1]]).sum())


def _joined(columns: Columns, kept: Rows, step_ms: int) -> Rows:
    """Pairs of rows that follow each other without a hole, as shape (m, 2)."""
    is_next = np.diff(columns["timestamp"][kept]) == step_ms
    result: Rows = np.column_stack([kept[:-1][is_next], kept[1:][is_next]])
    return result


def _distances(columns: Columns, pairs: Rows) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each open is from the close before, and each close from the open before."""
    opens, closes = columns["open"], columns["close"]
    before, after = pairs[:, 0], pairs[:, 1]
    return np.abs(opens[after] - closes[before]), np.abs(closes[after] - opens[before])


def _is_far_better(columns: Columns, pairs: Rows) -> bool:
    by_name, swapped = _distances(columns, pairs)
    return bool(swapped.sum() < _FAR_BETTER * by_name.sum())


def _mostly(breaks: Mask) -> _Stretch | None:
    """The first stretch of rows of which nearly all break something, or None."""
    size = min(_WINDOW, len(breaks))
    if size < _FEWEST or int(breaks.sum()) < _LEAST_SHARE * size:
        return None
    counts = np.convolve(breaks.astype(np.int64), np.ones(size, dtype=np.int64), "valid")
    at = np.flatnonzero(counts >= _LEAST_SHARE * size)
    if not len(at):
        return None
    first = int(at[0])
    return _Stretch(first + int(breaks[first : first + size].argmax()), first + size)


def _since(columns: Columns, rows: Rows) -> str:
    return f"from {text_of_time(int(columns['timestamp'][rows.flat[0]]), 'minute')} on"

"""Windows over the rows of a table, for features that are only computed in batches.

Each window is added up anew from its own values, so that no other row reaches it. A window reaches over
no gap between rows, and is undefined where one of its values is.
"""

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
_ROWS_AT_ONCE = 16_384


class Trailing:
    """Windows that end at each row.

    Args:
        as_of_ms: Shape (n,), strictly increasing.
        length_ms: The distance of rows without a gap.
    """

    def __init__(self, as_of_ms: NDArray[np.int64], length_ms: int) -> None:
        numbers = np.arange(len(as_of_ms))
        is_first = np.ones(len(as_of_ms), dtype=np.bool_)
        is_first[1:] = np.diff(as_of_ms) != length_ms
        first = np.maximum.accumulate(np.where(is_first, numbers, 0)) if len(numbers) else numbers
        self._n_held = numbers - first + 1

    def before(self, column: Numbers, lag: int) -> Numbers:
        """The value ``lag`` rows before; NaN over a gap."""
        out = np.full(len(column), np.nan)
        if lag < len(column):
            out[lag:] = column[: len(column) - lag]
        return np.where(self._n_held > lag, out, np.nan)

    def correlation(self, a: Numbers, b: Numbers, window: int) -> Numbers:
        """Pearson's correlation of two columns; NaN where one does not vary."""

        def of_windows(x: Numbers, y: Numbers) -> Numbers:
            x, y = _centred(x), _centred(y)
            return _quotient((x * y).sum(axis=1), np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1)))

        return self._over((a, b), window, of_windows)

    def slope(self, a: Numbers, b: Numbers, window: int) -> Numbers:
        """The slope of ``a`` on ``b`` by least squares; NaN where ``b`` does not vary."""

        def of_windows(x: Numbers, y: Numbers) -> Numbers:
            y = _centred(y)
            return _quotient((_centred(x) * y).sum(axis=1), (y * y).sum(axis=1))

        return self._over((a, b), window, of_windows)

    def z_score(self, column: Numbers, window: int) -> Numbers:
        """The newest value's distance from the window's mean in deviations; NaN when flat."""

        def of_windows(x: Numbers) -> Numbers:
            apart = _centred(x - x[:, -1:])  # equal values are exactly zero apart
            return _quotient(apart[:, -1], np.sqrt((apart * apart).mean(axis=1)))

        return self._over((column,), window, of_windows)

    def _over(self, columns: tuple[Numbers, ...], window: int, compute: Callable[..., Numbers]) -> Numbers:
        n = len(columns[0])
        out = np.full(n, np.nan)
        for first in range(window - 1, n, _ROWS_AT_ONCE):
            until = min(first + _ROWS_AT_ONCE, n)
            parts = [column[first - window + 1 : until] for column in columns]
            out[first:until] = compute(*(sliding_window_view(part, window).copy() for part in parts))
        return np.where(self._n_held >= window, out, np.nan)


def _centred(windows: Numbers) -> Numbers:
    centred: Numbers = windows - windows.mean(axis=1, keepdims=True)
    return centred


def _quotient(numerator: Numbers, denominator: Numbers) -> Numbers:
    quotient: Numbers = numerator / np.where(denominator == 0, np.nan, denominator)
    return quotient

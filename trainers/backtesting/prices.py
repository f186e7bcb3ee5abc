"""Prices: the closes at which a backtest trades, and the stretches in which it can."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.time import Interval

#: Behind a silence longer than this a recording begins anew: nothing is held across it.
LONGEST_SILENCE_MS = Interval.ONE_DAY.milliseconds


class Prices(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Closes of the shortest bars there are, oldest first.

    Attributes:
        end_ms: Shape (n,), int64, strictly increasing: when each close was made.
        close: Shape (n,), float64, quote per base, > 0.
    """

    interval: Interval
    end_ms: NDArray[np.int64]
    close: NDArray[np.float64]

    def __len__(self) -> int:
        """How many."""
        return len(self.end_ms)

    def between(self, from_ms: int, to_ms: int) -> "Prices":
        """Those of ``[from_ms, to_ms]``, both ends included."""
        here = (self.end_ms >= from_ms) & (self.end_ms <= to_ms)
        return Prices(interval=self.interval, end_ms=self.end_ms[here], close=self.close[here])

    def stretch_ends(self) -> NDArray[np.int64]:
        """The last row of each stretch without a silence longer than a day."""
        breaks = np.flatnonzero(np.diff(self.end_ms) > LONGEST_SILENCE_MS)
        return np.append(breaks, len(self) - 1).astype(np.int64)

    def rows_at_or_after(self, times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """The first row at or behind each time; ``len(self)`` where there is none."""
        return np.searchsorted(self.end_ms, times_ms, side="left").astype(np.int64)

    def log_returns(self, from_ms: NDArray[np.int64], to_ms: NDArray[np.int64]) -> NDArray[np.float64]:
        """From the close at exactly one time to that at exactly another; NaN where either is missing.

        A tie is exactly 0. No other row ever stands in.
        """
        start, end = self._exact(from_ms), self._exact(to_ms)
        has = (start >= 0) & (end >= 0)
        returns = np.full(len(from_ms), np.nan)
        returns[has] = np.log(self.close[end[has]] / self.close[start[has]])
        return returns

    def _exact(self, times_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        if len(self) == 0:
            return np.full(len(times_ms), -1, dtype=np.int64)
        rows = np.minimum(self.rows_at_or_after(times_ms), len(self) - 1)
        return np.where(self.end_ms[rows] == times_ms, rows, -1).astype(np.int64)

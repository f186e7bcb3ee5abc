"""The opens and closes of rows by time, and how far a market moves within a bar and between two of them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Prices = NDArray[np.float64]
Mask = NDArray[np.bool_]

FEWEST_ROWS = 10
#: A close and the next open never differ by this factor, however long the hole between them is ...
SURE_JUMP = float(np.log(2.0))
#: ... unless it is no more than so many robust standard deviations of a bar's return, times the root of the bars between.
MOST_DEVIATIONS = 60.0
#: A price may lie so many of these deviations from another one of its bar, and always by a factor of two.
_MOST_WITHIN_A_BAR = 10.0
_MAD_OF_NORMAL = 0.6745


class PricePath(NamedTuple):
    """Rows by time, the logarithms of their prices, and the length of a bar."""

    times: Times
    opens: Prices
    closes: Prices
    step_ms: int

    def __len__(self) -> int:
        return len(self.times)

    def of(self, rows: NDArray[np.intp]) -> "PricePath":
        """Some of the rows."""
        return PricePath(self.times[rows], self.opens[rows], self.closes[rows], self.step_ms)

    def jumps(self, before: NDArray[np.intp], after: NDArray[np.intp], deviation: float) -> Mask:
        """Whether the price from the close of one row to the open of a later row jumps by more than a market moves.

        Args:
            before: Rows.
            after: For each a later row.
            deviation: Of a bar's return.
        """
        between = np.maximum((self.times[after] - self.times[before]) // self.step_ms, 1) - 1
        band = np.maximum(SURE_JUMP, MOST_DEVIATIONS * deviation * np.sqrt(between))
        result: Mask = np.abs(self.opens[after] - self.closes[before]) > band
        return result


def deviation_of(opens: Prices, closes: Prices) -> float:
    """Return the robust standard deviation of a bar's return; 0 for too few bars to tell it.

    Args:
        opens: Logarithms of the opens, shape (n,).
        closes: Logarithms of the closes, shape (n,).
    """
    if len(opens) < FEWEST_ROWS:
        return 0.0
    return float(np.median(np.abs(closes - opens))) / _MAD_OF_NORMAL


def most_within_a_bar(deviation: float) -> float:
    """Return how far two prices of one bar may lie apart where no other row bears them out."""
    return max(SURE_JUMP, _MOST_WITHIN_A_BAR * deviation)

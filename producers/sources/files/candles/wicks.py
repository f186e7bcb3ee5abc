"""Finds highs and lows farther from the open and the close of their bar than a market moves.

A flash crash makes such a low as well, and so does a misplaced decimal point. Nobody can tell by the price, and the rows
around it can: in a crash much is traded, and the bars beside it are wide. Such a wick is kept and said.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.price_paths import Mask, deviation_of, most_within_a_bar
from schemas.frames import Columns

_NEAR, _FEWEST_NEAR = 30, 10
#: A wick is borne out by a volume of so many times the median near it, beside a bar so many times as wide as the median.
_LEAST_VOLUME = 5.0
_LEAST_WIDTH = 3.0


class FarWicks(NamedTuple):
    """Wicks beyond what a market moves.

    Attributes:
        high: Shape (n,): rows whose high is wrong.
        low: Shape (n,): rows whose low is wrong.
        kept: Rows whose high or low lies as far, and which the rows around them bear out.
    """

    high: Mask
    low: Mask
    kept: NDArray[np.intp]


def far_wicks(columns: Columns) -> FarWicks:
    """Return which highs and which lows lie farther from the open and the close of their bar than a market moves.

    Args:
        columns: Positive prices and ``volume``, each of shape (n,).
    """
    opens, closes = columns["open"], columns["close"]
    most = np.exp(most_within_a_bar(deviation_of(np.log(opens), np.log(closes))))
    high: Mask = columns["high"] > most * np.maximum(opens, closes)
    low: Mask = columns["low"] * most < np.minimum(opens, closes)
    far = np.flatnonzero(high | low)
    kept = np.array([row for row in far.tolist() if _is_borne_out(columns, row, high | low)], dtype=np.intp)
    high[kept] = low[kept] = False
    return FarWicks(high, low, kept)


def _is_borne_out(columns: Columns, row: int, far: Mask) -> bool:
    """Whether much was traded in a bar, and the bar before or after it is wide, both compared with the bars near it."""
    near = np.arange(max(row - _NEAR, 0), min(row + _NEAR + 1, len(far)))
    near = near[~far[near]]
    if len(near) < _FEWEST_NEAR:
        return False
    volume, width = columns["volume"][near], np.log(columns["high"][near] / columns["low"][near])
    is_beside = np.abs(near - row) == 1
    if not is_beside.any() or np.median(volume) <= 0 or np.median(width) <= 0:
        return False
    is_traded = columns["volume"][row] >= _LEAST_VOLUME * np.median(volume)
    return bool(is_traded and width[is_beside].max() >= _LEAST_WIDTH * np.median(width))


def factor_of(columns: Columns, row: int) -> float:
    """Return how many times as far as the open and the close the high or the low of a row is."""
    body = sorted((float(columns["open"][row]), float(columns["close"][row])))
    return max(float(columns["high"][row]) / body[1], body[0] / float(columns["low"][row]))

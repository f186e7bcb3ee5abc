"""Finds what is implausible among rows that are each plausible.

That is a lone time far from the others, and a price a thousand times higher from one bar to the next. Every bound is robust, so that no single row moves it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Prices = NDArray[np.float64]
Mask = NDArray[np.bool_]

#: The share of the rows at each end that may be wrong without moving the bounds.
_TRIMMED = 0.1
#: So many rows far from the others are a stretch of its own, and fewer are a mistake.
_FEWEST_OF_A_STRETCH = 30
_FEWEST_ROWS = 10
#: A close and the next open may differ by this factor at most, however long the hole between them is ...
_SMALLEST_JUMP = np.log(2.0)
#: ... and by so many robust standard deviations of a bar's return, times the root of the bars between.
_MOST_DEVIATIONS = 60.0
_MAD_OF_NORMAL = 0.6745


def far_times(times: Times) -> Mask:
    """Return which times lie farther from the bulk of the others than the bulk is long.

    Args:
        times: Shape (n,), in any order, none missing.
    """
    if len(times) < _FEWEST_ROWS:
        return np.zeros(len(times), dtype=np.bool_)
    first, last = _trimmed(times)
    span = max(last - first, 1)
    far = (times < first - span) | (times > last + span)
    if not far.any():
        return far
    ordered = np.sort(times[far])
    stretch = np.cumsum(np.concatenate(([0], np.diff(ordered) > span)))
    is_short = np.bincount(stretch) < _FEWEST_OF_A_STRETCH
    result: Mask = far & np.isin(times, ordered[is_short[stretch]])
    return result


def _trimmed(times: Times) -> tuple[int, int]:
    """The ends of the bulk: at least one row is left out at each."""
    n_left_out = max(1, int(_TRIMMED * len(times)))
    ordered = np.partition(times, (n_left_out, len(times) - 1 - n_left_out))
    return int(ordered[n_left_out]), int(ordered[-1 - n_left_out])


class PriceScale(NamedTuple):
    """Where prices jump by more than a market moves.

    Attributes:
        other: Shape (n,): which rows are of another scale than the longest stretch.
        jumps: The rows at which a stretch begins, and the factors by which the price changes there.
    """

    other: Mask
    jumps: tuple[tuple[int, float], ...]


def price_scale(times: Times, opens: Prices, closes: Prices, *, step_ms: int) -> PriceScale:
    """Return which rows lie on another price scale than most rows.

    A market moves inside bars. From a close to the next open it moves by a small part of a bar's range, also in
    a crash; a redenominated symbol or a misplaced decimal point jumps there.

    Args:
        times: Shape (n,), increasing.
        opens: Shape (n,), positive.
        closes: Shape (n,), positive.
        step_ms: The length of a bar.
    """
    n = len(times)
    if n < _FEWEST_ROWS:
        return PriceScale(np.zeros(n, dtype=np.bool_), ())
    jump = np.log(opens[1:] / closes[:-1])
    deviation = float(np.median(np.abs(np.log(closes / opens)))) / _MAD_OF_NORMAL
    bars = np.maximum(np.diff(times) // step_ms, 1)
    band = np.maximum(_SMALLEST_JUMP, _MOST_DEVIATIONS * deviation * np.sqrt(bars - 1))
    at = np.flatnonzero(np.abs(jump) > band) + 1
    if not len(at):
        return PriceScale(np.zeros(n, dtype=np.bool_), ())
    return PriceScale(_other_scale(at, jump, n), tuple((int(i), float(np.exp(jump[i - 1]))) for i in at))


def _other_scale(at: NDArray[np.intp], jump: Prices, n: int) -> Mask:
    """The rows whose scale is not that of most rows: jumps add up, so that one there and back leaves the scale."""
    level = np.zeros(n)
    level[at] = jump[at - 1]
    level = np.cumsum(level)
    near = np.round(level / _SMALLEST_JUMP).astype(np.int64)
    values, counts = np.unique(near, return_counts=True)
    result: Mask = np.abs(near - values[counts.argmax()]) > 1
    return result

"""Finds steps of price under a factor of two that last: rows on another scale, such as another currency or symbol.

From a close to the next open a price moves by much less than within a bar. A step is one of another scale if it is far larger
than the other steps of the file and than the bars near it, and if the price then stays: a bar that closes on a wick
is followed by a step back, and is left alone.
"""

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.price_paths import MOST_DEVIATIONS, SURE_JUMP, PricePath, deviation_of

_SMALLEST = float(np.log(1.2))
_MOST_DEVIATIONS_OF_A_BAR = 20.0
#: A step is compared with the tenth largest of the file: up to nine steps of scale do not move that.
_RANK = 10
_TIMES_THE_RANKED = 5.0
_NEAR, _FEWEST_NEAR = 30, 6
_LEAST_PART = 0.5


def smallest_step(path: PricePath, deviation: float) -> float:
    """Return the smallest step from a close to the next open that may be one of scale; at most that of a factor of two.

    Args:
        path: The rows.
        deviation: Of a bar's return.
    """
    if len(path) < _RANK + 1:
        return SURE_JUMP
    steps = np.abs(path.opens[1:] - path.closes[:-1])
    ranked = float(np.partition(steps, len(steps) - _RANK)[len(steps) - _RANK])
    return min(SURE_JUMP, max(_SMALLEST, _MOST_DEVIATIONS_OF_A_BAR * deviation, _TIMES_THE_RANKED * ranked))


def lasting_steps(path: PricePath, smallest: float, deviation: float) -> NDArray[np.intp]:
    """Return the rows at which the price takes a step that no market takes, and stays there.

    Args:
        path: The rows.
        smallest: Such a step.
        deviation: Of a bar's return.
    """
    steps = path.opens[1:] - path.closes[:-1]
    at = np.flatnonzero(np.abs(steps) > smallest) + 1
    ends = np.concatenate(([0], at, [len(path)]))
    found = []
    for row, begin, end in zip(at.tolist(), ends[:-2].tolist(), ends[2:].tolist(), strict=True):
        first = max(begin, row - _NEAR)
        near = path.of(np.arange(first, min(end, row + _NEAR)))
        if _is_of_scale(near, row - first, smallest, deviation):
            found.append(row)
    return np.array(found, dtype=np.intp)


def _is_of_scale(path: PricePath, row: int, smallest: float, deviation: float) -> bool:
    """Whether the step at a row among the rows near it is of scale."""
    if min(row, len(path) - row) < _FEWEST_NEAR:
        return False
    step = float(path.opens[row] - path.closes[row - 1])
    near = max(
        deviation,
        deviation_of(path.opens[:row], path.closes[:row]),
        deviation_of(path.opens[row:], path.closes[row:]),
    )
    between = max(int(path.times[row] - path.times[row - 1]) // path.step_ms, 1) - 1
    if abs(step) <= max(smallest, _MOST_DEVIATIONS_OF_A_BAR * near, MOST_DEVIATIONS * near * between**0.5):
        return False
    stays = float(np.median(path.closes[row:]) - np.median(path.closes[:row]))
    return stays / step >= _LEAST_PART

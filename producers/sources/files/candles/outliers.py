"""Finds lone times far from the others, among rows that are each plausible.

The bounds are robust, so that no single row moves them.
"""

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
Mask = NDArray[np.bool_]

#: The share of the rows at each end that may be wrong without moving the bounds.
_TRIMMED = 0.1
#: So many rows far from the others are a stretch of its own, and fewer are a mistake.
_FEWEST_OF_A_STRETCH = 30
_FEWEST_ROWS = 10


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

"""The as-of join: it finds the newest row of another table that was known at a time.

It stands apart because it prevents a classic fault: to join a row that happened in time but was known too
late. A row may be joined at T if it ended by T and was known by T plus an allowance, which is how long a
live join waits.
"""

import numpy as np
from numpy.typing import NDArray


def newest_known_rows(
    *,
    times_ms: NDArray[np.int64],
    as_of_ms: NDArray[np.int64],
    known_ms: NDArray[np.int64],
    allowance_ms: int,
) -> NDArray[np.int64]:
    """Return the row with the largest as-of time among those that may be joined; -1 where there is none.

    Args:
        times_ms: The times for which rows are sought, shape (m,), in any order.
        as_of_ms: The rows' as-of times, shape (n,), strictly increasing.
        known_ms: When each row was known, shape (n,), in any order: a later row may have been known earlier.
        allowance_ms: How much later than the sought time a row may have been known, >= 0.

    Returns:
        Row numbers, shape (m,).

    Raises:
        ValueError: If the as-of times do not increase, or the allowance is negative.

    Example:
        >>> times = np.array([10, 20, 30])
        >>> newest_known_rows(times_ms=times, as_of_ms=times, known_ms=times + 5, allowance_ms=0)
        array([-1,  0,  1])
    """
    if allowance_ms < 0:
        message = f"allowance_ms must not be negative, was {allowance_ms}"
        raise ValueError(message)
    if np.any(np.diff(as_of_ms) <= 0):
        message = "as_of_ms must be strictly increasing"
        raise ValueError(message)
    joinable_ms = np.maximum(as_of_ms, known_ms - allowance_ms)
    order = np.argsort(joinable_ms, kind="stable")
    newest = np.maximum.accumulate(np.concatenate([[-1], order]))
    found: NDArray[np.int64] = newest[np.searchsorted(joinable_ms[order], times_ms, side="right")]
    return found

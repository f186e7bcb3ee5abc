"""Labels: which way the price went, by an exact join on time.

Stands apart because the classic fault lives here: a "one hour" label that was the next row of an
irregular series. The label at T is taken from the close at exactly T + horizon. Where there is no
such close (an outage, the end of the table) it is undefined; no other row ever stands in.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray


class Labels(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The outcome of every row of a table.

    A label's interval is ``[as_of_ms, end_ms)``.

    Attributes:
        end_ms: Shape (n,), int64: as-of plus horizon, also where undefined.
        known_ms: Shape (n,), int64: when the final close was known; 0 where undefined.
        log_return: Shape (n,), float64: of the final close on the present one; NaN where
            undefined, exactly 0 for a tie.
    """

    end_ms: NDArray[np.int64]
    known_ms: NDArray[np.int64]
    log_return: NDArray[np.float64]


def exact_rows(as_of_ms: NDArray[np.int64], wanted_ms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each wanted time is in a table; -1 where it is not.

    Args:
        as_of_ms: Shape (n,), strictly increasing.
        wanted_ms: Any times, shape (m,).

    Returns:
        Shape (m,), row numbers.

    Raises:
        ValueError: If the table's times do not strictly increase.
    """
    if np.any(np.diff(as_of_ms) <= 0):
        message = "as_of_ms must be strictly increasing"
        raise ValueError(message)
    if len(as_of_ms) == 0:
        return np.full(len(wanted_ms), -1, dtype=np.int64)
    rows = np.minimum(np.searchsorted(as_of_ms, wanted_ms), len(as_of_ms) - 1)
    found: NDArray[np.int64] = np.where(as_of_ms[rows] == wanted_ms, rows, -1)
    return found


def labels(
    *, as_of_ms: NDArray[np.int64], known_ms: NDArray[np.int64], close: NDArray[np.float64], horizon_ms: int
) -> Labels:
    """The labels of a table's rows.

    Args:
        as_of_ms: Shape (n,), strictly increasing: the bars' ends.
        known_ms: Shape (n,): when each bar was known.
        close: Shape (n,), quote per base, > 0.
        horizon_ms: How far ahead, > 0; not necessarily the distance of rows.

    Raises:
        ValueError: If the times do not increase or the horizon is not positive.
    """
    if horizon_ms <= 0:
        message = f"horizon_ms must be positive, was {horizon_ms}"
        raise ValueError(message)
    end_ms = as_of_ms + horizon_ms
    rows = exact_rows(as_of_ms, end_ms)
    return Labels(
        end_ms=end_ms,
        known_ms=np.where(rows >= 0, known_ms[rows], 0) if len(rows) else known_ms.copy(),
        log_return=_log_returns(close, rows),
    )


def trailing_log_return(
    *, as_of_ms: NDArray[np.int64], close: NDArray[np.float64], horizon_ms: int
) -> NDArray[np.float64]:
    """The log return over the horizon that has just passed; NaN where its start is missing.

    Args:
        as_of_ms: Shape (n,), strictly increasing.
        close: Shape (n,), the close at each of these times, > 0.
        horizon_ms: How far back the return begins.
    """
    return -_log_returns(close, exact_rows(as_of_ms, as_of_ms - horizon_ms))


def _log_returns(close: NDArray[np.float64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """From each close to the one in the row named; a tie is exactly 0."""
    returns = np.full(len(rows), np.nan)
    has = rows >= 0
    returns[has] = np.log(close[rows[has]] / close[has])
    return returns

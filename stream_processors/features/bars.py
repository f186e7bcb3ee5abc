"""Bars as arrays: the rows that the kernel steps over, and how they roll up into longer bars.

Convention: a bar is ``[start, end)`` and is known when it closes. Where a bar does not start at the end of
the bar before, the time between is unknown, and every feature starts anew.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.time import Length
from stream_processors.features.compiling import compiled

#: The columns of a bar row in the kernel.
OPEN, HIGH, LOW, CLOSE, VOLUME, END_MS, BUY_VOLUME, START_MS = range(8)
N_COLUMNS = 8


class BarTable(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Bars of one instrument and interval, oldest first.

    Attributes:
        start_ms: Shape (n,), int64, strictly increasing.
        rows: Shape (n, 8), float64: open, high, low, close (quote per base), volume (base), the end in UTC
            milliseconds, which float64 holds exactly, the part of the volume that buyers took from the book
            (NaN where it is not known), and the start.
        known_ms: Shape (n,), int64: when the bar was known.
    """

    start_ms: NDArray[np.int64]
    rows: NDArray[np.float64]
    known_ms: NDArray[np.int64]


def bar_table(
    *,
    start_ms: NDArray[np.int64],
    prices: NDArray[np.float64],
    volume: NDArray[np.float64],
    interval: Length,
    known_ms: NDArray[np.int64] | None = None,
    buy_volume: NDArray[np.float64] | None = None,
) -> BarTable:
    """Return a table of bars from columns.

    Args:
        start_ms: Shape (n,), strictly increasing.
        prices: Shape (n, 4): open, high, low, close.
        volume: Shape (n,), base units.
        interval: The length of the bars.
        known_ms: Shape (n,); None if each bar was known at its end, as in files of candles.
        buy_volume: Shape (n,), the part that buyers took; None if it is not known, as in most files of candles.

    Raises:
        ValueError: If the starts do not increase.
    """
    if np.any(np.diff(start_ms) <= 0):
        message = "start_ms must be strictly increasing"
        raise ValueError(message)
    end_ms = start_ms + interval.milliseconds
    bought = np.full(len(start_ms), np.nan) if buy_volume is None else buy_volume
    rows = np.column_stack([prices, volume, end_ms.astype(np.float64), bought, start_ms.astype(np.float64)])
    return BarTable(
        start_ms=start_ms, rows=np.ascontiguousarray(rows), known_ms=end_ms if known_ms is None else known_ms
    )


def roll_up(bars: BarTable, *, interval: Length, into: Length) -> BarTable:
    """Return longer bars, each made of a complete stretch of shorter ones.

    Args:
        bars: The shorter bars, oldest first.
        interval: The length of the shorter bars.
        into: The length of the longer bars, a multiple of ``interval``.

    Returns:
        The bars ``[start, start + into)`` of which every part is there.
    """
    rows, start_ms, known_ms = _roll_up(
        bars.start_ms, bars.rows, bars.known_ms, interval.milliseconds, into.milliseconds
    )
    return BarTable(start_ms=start_ms, rows=rows, known_ms=known_ms)


@compiled
def _roll_up(start_ms, rows, known_ms, length, into):
    """Roll up; sums run in the order of the bars, as they do live, so that volumes agree to the bit."""
    n = start_ms.shape[0]
    out = np.empty((n, N_COLUMNS))
    out_start = np.empty(n, np.int64)
    out_known = np.empty(n, np.int64)
    parts = into // length
    n_out = 0
    n_held = 0
    for i in range(n):
        is_first = start_ms[i] % into == 0
        if is_first:
            n_held = 1
            for column in range(N_COLUMNS):
                out[n_out, column] = rows[i, column]
            out_start[n_out] = start_ms[i]
            out_known[n_out] = known_ms[i]
        elif n_held > 0 and start_ms[i] == out_start[n_out] + n_held * length:
            n_held += 1
            out[n_out, HIGH] = max(out[n_out, HIGH], rows[i, HIGH])
            out[n_out, LOW] = min(out[n_out, LOW], rows[i, LOW])
            out[n_out, CLOSE] = rows[i, CLOSE]
            out[n_out, VOLUME] += rows[i, VOLUME]
            out[n_out, BUY_VOLUME] += rows[i, BUY_VOLUME]
            out[n_out, END_MS] = rows[i, END_MS]
            out_known[n_out] = max(out_known[n_out], known_ms[i])
        else:
            n_held = 0
        if n_held == parts:
            n_out += 1
            n_held = 0
    return out[:n_out].copy(), out_start[:n_out].copy(), out_known[:n_out].copy()

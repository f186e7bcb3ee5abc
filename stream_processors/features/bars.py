"""Bars as arrays: the rows that the kernel steps over, and how they roll up into longer ones.

Convention: a bar is ``[start, end)`` and known when it closes. Where a bar does not start at the
end of the one before, what lies between is unknown, and every feature starts anew.
"""

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.time import Length
from stream_processors.features.compiling import compiled

#: Columns of a bar row, as the kernel sees it.
OPEN, HIGH, LOW, CLOSE, VOLUME, END_MS, BUY_VOLUME, START_MS = range(8)
N_COLUMNS = 8


class BarTable(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Bars of one instrument and interval, oldest first.

    Attributes:
        start_ms: Shape (n,), int64, strictly increasing.
        rows: Shape (n, 8), float64: open, high, low, close (quote per base), volume (base), the end
            in UTC milliseconds, which float64 holds exactly, the part of the volume that buyers took
            from the book (NaN where that is not known), and the start.
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
    """Bars from columns.

    Args:
        start_ms: Shape (n,), strictly increasing.
        prices: Shape (n, 4): open, high, low, close.
        volume: Shape (n,), base units.
        known_ms: Shape (n,); None when each bar was known at its end, as for files of candles.
        buy_volume: Shape (n,), the part that buyers took; None where that is not known, as in candles.

    Returns:
        The table.

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
    """Longer bars, of complete stretches only.

    Args:
        interval: Of ``bars``.
        into: A multiple of it.

    Returns:
        The bars ``[start, start + into)`` of which every part is there.
    """
    rows, start_ms, known_ms = _roll_up(
        bars.start_ms, bars.rows, bars.known_ms, interval.milliseconds, into.milliseconds
    )
    return BarTable(start_ms=start_ms, rows=rows, known_ms=known_ms)


@compiled
def _roll_up(start_ms, rows, known_ms, length, into):
    """Sums run in the order of the bars, as they do live, so that volumes agree to the bit."""
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

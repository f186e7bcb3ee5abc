"""The batch driver of the market kernel: it steps whole tables of bars."""

import numpy as np
from numpy.typing import NDArray

from schemas.features import FeatureTable
from schemas.time import Interval
from stream_processors.features import kernel
from stream_processors.features.bars import CLOSE, END_MS, BarTable, bar_table, roll_up
from stream_processors.features.declarations import SPEC

#: How many bars are stepped at once if not every row is kept, so that their features stay in the CPU's cache.
_PART = 2_048


def compute_table(bars: BarTable, *, every_ms: int | None = None) -> FeatureTable:
    """Return the features of every bar, exactly as the live driver computes them.

    Where a bar does not start at the end of the bar before, everything begins anew.

    Args:
        bars: The bars, oldest first.
        every_ms: Keep only the rows whose as-of time is a multiple of this; None keeps all. Every bar is
            stepped in either case. A year of minutes kept at quarter-hours takes 30 MB instead of 400, and
            allocating memory takes longer than computing the features.

    Returns:
        One row for each bar that is kept.
    """
    as_of_ms = bars.rows[:, END_MS].astype(np.int64)
    kept = np.flatnonzero(as_of_ms % (every_ms or 1) == 0)
    values, n_held = _all_values(bars) if every_ms is None else _values_of(bars, kept)
    return FeatureTable(
        names=SPEC.names,
        feature_spec_hash=SPEC.hash,
        as_of_ms=as_of_ms[kept],
        known_ms=bars.known_ms[kept],
        close=bars.rows[kept, CLOSE].copy(),
        is_warm=n_held >= SPEC.warm_up_bars,
        values=values,
    )


def _all_values(bars: BarTable) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    n = len(bars.start_ms)
    # The arrays are made here and not by the compiled code, because numpy asks for large memory pages, which
    # saves a fifth of the time.
    values, n_held = np.empty((n, kernel.N_FEATURES)), np.empty(n, np.int64)
    kernel.run(kernel.empty_state(), kernel.scratch_space(), bars.rows, values, n_held)
    return values, n_held


def _values_of(bars: BarTable, kept: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The features of some bars; the state is carried from part to part, as it is live."""
    values, n_held = np.empty((len(kept), kernel.N_FEATURES)), np.empty(len(kept), np.int64)
    part, part_held = np.empty((_PART, kernel.N_FEATURES)), np.empty(_PART, np.int64)
    state, scratch = kernel.empty_state(), kernel.scratch_space()
    for start in range(0, len(bars.start_ms), _PART):
        rows = bars.rows[start : start + _PART]
        kernel.run(state, scratch, rows, part[: len(rows)], part_held[: len(rows)])
        first, last = np.searchsorted(kept, [start, start + _PART])
        mine = kept[first:last] - start
        values[first:last], n_held[first:last] = part[mine], part_held[mine]
    return values, n_held


def warm_up() -> None:
    """Compile the market kernel once; numba keeps the compiled code in its cache folder."""
    start_ms = np.arange(4, dtype=np.int64) * Interval.ONE_MINUTE.milliseconds
    bars = bar_table(
        start_ms=start_ms, prices=np.ones((4, 4)), volume=np.ones(4), interval=Interval.ONE_MINUTE
    )
    compute_table(bars)
    roll_up(bars, interval=Interval.ONE_MINUTE, into=Interval.FIVE_MINUTES)

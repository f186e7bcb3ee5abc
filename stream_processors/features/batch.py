"""The batch driver of the kernel: whole tables of bars."""

import numpy as np
from numpy.typing import NDArray

from schemas.features import FeatureTable
from schemas.time import Interval
from stream_processors.features import kernel
from stream_processors.features.bars import CLOSE, END_MS, BarTable, bar_table, roll_up
from stream_processors.features.declarations import SPEC

#: Bars stepped over at once where not every row is kept: their features stay in the processor's cache.
_PART = 2_048


def compute_table(bars: BarTable, *, every_ms: int | None = None) -> FeatureTable:
    """The features of every bar, exactly as the live driver computes them.

    Args:
        bars: Oldest first.
        every_ms: Keep only the rows whose as-of time is a multiple of it; None keeps all. Every bar
            is stepped over all the same, but a year of minutes then takes 30 MB in place of 400, and
            finding memory takes longer than the features do.

    Returns:
        One row per bar that is kept; where a bar does not start at the end of the one before,
        everything begins anew.
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
    # Made here and not by the compiled code: numpy asks for large pages, which saves a fifth of the time.
    values, n_held = np.empty((n, kernel.N_FEATURES)), np.empty(n, np.int64)
    kernel.run(kernel.empty_state(), kernel.scratch_space(), bars.rows, values, n_held)
    return values, n_held


def _values_of(bars: BarTable, kept: NDArray[np.intp]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The features of some bars; the state goes on from part to part, as it does live."""
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
    """Compile everything once; the compiled code is kept in numba's cache folder."""
    start_ms = np.arange(4, dtype=np.int64) * Interval.ONE_MINUTE.milliseconds
    bars = bar_table(
        start_ms=start_ms, prices=np.ones((4, 4)), volume=np.ones(4), interval=Interval.ONE_MINUTE
    )
    compute_table(bars)
    roll_up(bars, interval=Interval.ONE_MINUTE, into=Interval.FIVE_MINUTES)

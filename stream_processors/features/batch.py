"""The batch driver of the kernel: whole tables of bars."""

import numpy as np

from schemas.features import FeatureTable
from schemas.time import Interval
from stream_processors.features import kernel
from stream_processors.features.bars import CLOSE, END_MS, BarTable, bar_table, roll_up
from stream_processors.features.declarations import SPEC


def compute_table(bars: BarTable) -> FeatureTable:
    """The features of every bar, exactly as the live driver computes them.

    Returns:
        One row per bar; where a bar does not start at the end of the one before, everything
        begins anew.
    """
    n = len(bars.start_ms)
    # Made here and not by the compiled code: numpy asks for large pages, which saves a fifth of the time.
    values, n_held = np.empty((n, kernel.N_FEATURES)), np.empty(n, np.int64)
    kernel.run(kernel.empty_state(), kernel.scratch_space(), bars.rows, values, n_held)
    return FeatureTable(
        names=SPEC.names,
        feature_spec_hash=SPEC.hash,
        as_of_ms=bars.rows[:, END_MS].astype(np.int64),
        known_ms=bars.known_ms,
        close=bars.rows[:, CLOSE].copy(),
        is_warm=n_held >= SPEC.warm_up_bars,
        values=values,
    )


def warm_up() -> None:
    """Compile everything once; the compiled code is kept in numba's cache folder."""
    start_ms = np.arange(4, dtype=np.int64) * Interval.ONE_MINUTE.milliseconds
    bars = bar_table(
        start_ms=start_ms, prices=np.ones((4, 4)), volume=np.ones(4), interval=Interval.ONE_MINUTE
    )
    compute_table(bars)
    roll_up(bars, interval=Interval.ONE_MINUTE, into=Interval.FIVE_MINUTES)

"""The market kernel: all features of one bar, and the one compiled loop over bars that both drivers run.

``run(state, scratch, rows, out, n_held)`` takes bars into the state and writes a feature vector for each.
The batch driver hands it a table, the live driver a table of one row. Its compiled form is cached on disk.
The launcher names the cache folder by the content of this package, because numba itself does not notice when
a function of another module changes.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from stream_processors.features.bars import END_MS, START_MS
from stream_processors.features.compiling import NAN, compiled, inlined
from stream_processors.features.declarations import GROUPS, SPEC
from stream_processors.features.indicators.averages import N_AVERAGES, step_averaged
from stream_processors.features.indicators.calendars import step_calendar
from stream_processors.features.indicators.momentum import step_momentum
from stream_processors.features.indicators.returns import step_regime, step_returns, step_volatility
from stream_processors.features.indicators.shapes import step_shape
from stream_processors.features.indicators.volumes import step_volume
from stream_processors.features.windows import (
    AVERAGES,
    END_OF_LAST,
    N_BARS,
    SCRATCH_SIZE,
    bar_number,
    push,
)

_ENDS = tuple(sum(len(group) for group in GROUPS[: i + 1]) for i in range(len(GROUPS)))
_A, _B, _C, _D, _E, _F, _G, _H = _ENDS

N_FEATURES = len(SPEC.features)
STATE_SIZE = AVERAGES + N_AVERAGES
_LARGEST = sys.float_info.max


def empty_state() -> NDArray[np.float64]:
    """Return the state before the first bar; shape (STATE_SIZE,)."""
    return np.zeros(STATE_SIZE, dtype=np.float64)


def scratch_space() -> NDArray[np.float64]:
    """Return the scratch space of a step, whose content no step keeps; shape (SCRATCH_SIZE,)."""
    return np.zeros(SCRATCH_SIZE, dtype=np.float64)


@inlined
def _step(state, sums, bar, out):
    """Take one bar in and write its features."""
    number = bar_number(bar)
    push(state, number, bar, sums)
    returns = out[:_A]
    step_returns(state, number, returns)
    volatility = out[_A:_B]
    step_volatility(sums, returns, volatility)
    step_momentum(state, sums, bar, out[_B:_C])
    step_volume(state, number, sums, bar, out[_C:_D])
    step_shape(state, sums, bar, out[_D:_E])
    step_averaged(state, state[AVERAGES:], bar, out[_E:_F])
    step_regime(sums, returns, volatility, out[_F:_G])
    step_calendar(int(bar[END_MS]), out[_G:_H])
    for i in range(N_FEATURES):
        # Every undefined value, infinities included, becomes the same NaN, so that it has no sign.
        out[i] = out[i] if abs(out[i]) <= _LARGEST else NAN


@compiled
def run(state, scratch, rows, out, n_held):
    """Step over bars; a bar that does not start at the end of the bar before begins anew.

    Args:
        state: Shape (STATE_SIZE,), changed in place.
        scratch: Shape (SCRATCH_SIZE,), overwritten.
        rows: Shape (n, N_COLUMNS), with the columns of :mod:`.bars`.
        out: Shape (n, N_FEATURES), overwritten; NaN where undefined.
        n_held: Shape (n,), int64, overwritten: the number of bars since the start or the last gap, the
            present bar included.
    """
    for i in range(rows.shape[0]):
        if rows[i, START_MS] != state[END_OF_LAST]:
            state[N_BARS] = 0.0
        _step(state, scratch, rows[i], out[i])
        state[END_OF_LAST] = rows[i, END_MS]
        n_held[i] = int(state[N_BARS])

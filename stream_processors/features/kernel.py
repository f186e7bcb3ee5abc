"""The one kernel: all features of one bar, as a single compiled function.

``step(state, scratch, bar, out)`` takes the bar into the state and writes the feature vector. The
live driver and the batch driver call this very function. Its compiled form is cached on disk; the
launcher names a cache folder by the content of this package, since numba itself does not notice
when a function of another module changes.
"""

import sys

import numpy as np
from numpy.typing import NDArray

from stream_processors.features.bars import CLOSE, END_MS
from stream_processors.features.compiling import compiled
from stream_processors.features.declarations import GROUPS, SPEC
from stream_processors.features.indicators.averages import N_AVERAGES, step_averaged
from stream_processors.features.indicators.calendars import step_calendar
from stream_processors.features.indicators.moves import step_regime, step_returns, step_volatility
from stream_processors.features.indicators.places import step_momentum
from stream_processors.features.indicators.shapes import step_shape
from stream_processors.features.indicators.volumes import step_volume
from stream_processors.features.windows import (
    AVERAGES,
    LONG_COLUMNS,
    N_BARS,
    NAN,
    SHORT_COLUMNS,
    bar_number,
    long_sums,
    push,
    short_sums,
)

_ENDS = tuple(sum(len(group) for group in GROUPS[: i + 1]) for i in range(len(GROUPS)))
_A, _B, _C, _D, _E, _F, _G, _H = _ENDS

N_FEATURES = len(SPEC.features)
_PREVIOUS_CLOSE = AVERAGES + N_AVERAGES
STATE_SIZE = _PREVIOUS_CLOSE + 1
#: Room for sums while a bar is stepped; nothing in it outlives the step.
_N_SUMS = 6
_SHORT_FROM = _N_SUMS * LONG_COLUMNS
_WORK_FROM = _SHORT_FROM + _N_SUMS * SHORT_COLUMNS
SCRATCH_SIZE = _WORK_FROM + SHORT_COLUMNS
_LARGEST = sys.float_info.max


def empty_state() -> NDArray[np.float64]:
    """The state before the first bar; shape (STATE_SIZE,)."""
    return np.zeros(STATE_SIZE, dtype=np.float64)


def scratch_space() -> NDArray[np.float64]:
    """What a step works in; shape (SCRATCH_SIZE,)."""
    return np.zeros(SCRATCH_SIZE, dtype=np.float64)


@compiled
def _long(state, number, length, scratch, i):  # type: ignore[no-untyped-def]
    out = scratch[i * LONG_COLUMNS : (i + 1) * LONG_COLUMNS]
    long_sums(state, number, length, out)
    return out


@compiled
def _short(state, number, length, scratch, i):  # type: ignore[no-untyped-def]
    first = _SHORT_FROM + i * SHORT_COLUMNS
    out = scratch[first : first + SHORT_COLUMNS]
    short_sums(state, number, length, out)
    return out


@compiled
def step(state, scratch, bar, out):  # type: ignore[no-untyped-def]
    """Take one bar in and write its features.

    Args:
        state: Shape (STATE_SIZE,), changed in place.
        scratch: Shape (SCRATCH_SIZE,), overwritten.
        bar: Shape (N_COLUMNS,), columns of :mod:`.bars`.
        out: Shape (N_FEATURES,), overwritten; NaN where undefined.
    """
    number = bar_number(bar)
    work = scratch[_WORK_FROM:]
    push(state, number, bar, work)
    l5, l15 = _long(state, number, 5, scratch, 0), _long(state, number, 15, scratch, 1)
    l20, l30 = _long(state, number, 20, scratch, 2), _long(state, number, 30, scratch, 3)
    l60, l168 = _long(state, number, 60, scratch, 4), _long(state, number, 168, scratch, 5)
    s5, s14 = _short(state, number, 5, scratch, 0), _short(state, number, 14, scratch, 1)
    s15, s20 = _short(state, number, 15, scratch, 2), _short(state, number, 20, scratch, 3)
    s30, s60 = _short(state, number, 30, scratch, 4), _short(state, number, 60, scratch, 5)
    step_returns(state, number, work, out[:_A])
    step_volatility(work, (l5, l15, l60, l168), (s15, s60), out[_A:_B])
    step_regime(work, (l15, l60, l168), s60, out[_F:_G])
    step_momentum(state, number, bar, (l30, l60), (s30, s60), work, out[_B:_C])
    step_volume(state, number, bar, (l5, l15, l20, l60, l168), (s5, s14, s15, s20, s60), out[_C:_D])
    step_shape(state, bar, s15, s60, out[_D:_E])
    previous = state[_PREVIOUS_CLOSE] if state[N_BARS] > 1.0 else NAN
    step_averaged(state, state[AVERAGES:_PREVIOUS_CLOSE], bar, previous, out[_E:_F])
    state[_PREVIOUS_CLOSE] = bar[CLOSE]
    step_calendar(int(bar[END_MS]), out[_G:_H])
    for i in range(out.shape[0]):
        if not abs(out[i]) <= _LARGEST:
            out[i] = NAN  # one NaN of all there are, for infinities too: what is undefined has no sign

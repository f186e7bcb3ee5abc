"""The one kernel: all features of one bar, as a single compiled function.

``step(state, bar, out)`` takes the bar into the state and writes the feature vector. The live
driver and the batch driver call this very function. Its compiled form is cached on disk; the
launcher names a cache folder by the content of this package, since numba itself does not notice
when a function of another module changes.
"""

import math

import numpy as np
from numpy.typing import NDArray

from stream_processors.features import indicators
from stream_processors.features.bars import CLOSE, END_MS, HIGH, LOW, OPEN, VOLUME
from stream_processors.features.declarations import GROUPS, SPEC
from stream_processors.features.windows import AVERAGES, compiled, push

_ENDS = tuple(sum(len(group) for group in GROUPS[: i + 1]) for i in range(len(GROUPS)))
_A, _B, _C, _D, _E, _F, _G = _ENDS

N_FEATURES = len(SPEC.features)
STATE_SIZE = AVERAGES + indicators.N_AVERAGES


def empty_state() -> NDArray[np.float64]:
    """The state before the first bar; shape (STATE_SIZE,)."""
    return np.zeros(STATE_SIZE, dtype=np.float64)


@compiled
def step(state, bar, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take one bar in and write its features.

    Args:
        state: Shape (STATE_SIZE,), changed in place.
        bar: Shape (6,), columns of :mod:`.bars`.
        out: Shape (N_FEATURES,), overwritten; NaN where undefined.
    """
    push(state, bar[HIGH], bar[LOW], bar[CLOSE], bar[VOLUME])
    indicators.step_returns(state, out[:_A])
    indicators.step_volatility(state, out[_A:_B])
    indicators.step_momentum(state, out[_B:_C])
    indicators.step_volume(state, out[_C:_D])
    indicators.step_shape(state, bar[OPEN], out[_D:_E])
    indicators.step_averaged(state, state[AVERAGES:], out[_E:_F])
    indicators.step_calendar(bar[END_MS], out[_F:_G])
    for i in range(out.shape[0]):
        if math.isnan(out[i]):
            out[i] = math.nan  # one NaN of all there are: what is undefined has no sign

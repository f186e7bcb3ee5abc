"""Features of momentum and mean reversion: the close within its recent range, and runs of returns."""

import math

from stream_processors.features.bars import CLOSE
from stream_processors.features.compiling import NAN, inlined, ratio
from stream_processors.features.windows import (
    EXTREMES_14,
    EXTREMES_60,
    LAST_BUT_ONE_STOCHASTIC,
    LAST_STOCHASTIC,
    LONG_30,
    LONG_60,
    MOMENTS_20,
    MOMENTS_60,
    MOMENTS_168,
    N_BARS,
    PRODUCT,
    RUN_LENGTH,
    SHORT_30,
    SHORT_60,
    SQUARE,
)


@inlined
def _place(state, close, sums, window, length):
    """The place of the close between lowest low and highest high, 0 to 1; NaN if they are equal, or not full."""
    if state[N_BARS] < length:
        return NAN
    return ratio(close + sums[window], sums[window + 1] + sums[window])


@inlined
def _deviation(sums, window, length):
    return math.sqrt(sums[window + 1] * (1.0 / length))


@inlined
def step_momentum(state, sums, bar, out):
    """Write places of the close, and the autocorrelation of returns."""
    close = bar[CLOSE]
    deviation = _deviation(sums, MOMENTS_20, 20.0)
    out[0] = ratio(close - sums[MOMENTS_20], deviation)
    out[1] = 4.0 * deviation / sums[MOMENTS_20]
    out[2] = ratio(close - sums[MOMENTS_60], _deviation(sums, MOMENTS_60, 60.0))
    out[3] = ratio(close - sums[MOMENTS_168], _deviation(sums, MOMENTS_168, 168.0))
    newest = _place(state, close, sums, EXTREMES_14, 14.0)
    out[4] = newest
    out[5] = (newest + state[LAST_STOCHASTIC] + state[LAST_BUT_ONE_STOCHASTIC]) * (1.0 / 3.0)
    state[LAST_BUT_ONE_STOCHASTIC] = state[LAST_STOCHASTIC]
    state[LAST_STOCHASTIC] = newest
    out[6] = _place(state, close, sums, EXTREMES_60, 60.0)
    out[7] = ratio(sums[SHORT_30 + PRODUCT], sums[LONG_30 + SQUARE])
    out[8] = ratio(sums[SHORT_60 + PRODUCT], sums[LONG_60 + SQUARE])
    out[9] = state[RUN_LENGTH] if state[N_BARS] > 10.0 else NAN

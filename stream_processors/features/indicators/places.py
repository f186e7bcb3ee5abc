"""Momentum and mean reversion: where the close lies in its recent range, and whether moves go on."""

from stream_processors.features.bars import CLOSE
from stream_processors.features.compiling import compiled
from stream_processors.features.windows import (
    LAST_BUT_ONE_STOCHASTIC,
    LAST_STOCHASTIC,
    N_BARS,
    NAN,
    PRODUCT,
    RUN_LENGTH,
    SQUARE,
    mean_and_deviation,
    place_between_extremes,
    ratio,
)


@compiled
def step_momentum(state, number, bar, long, short, scratch, out):  # type: ignore[no-untyped-def]
    """Places and serial dependence; ``long`` and ``short`` are the sums over 30 and 60 bars."""
    close = bar[CLOSE]
    mean, deviation = mean_and_deviation(state, number, 20)
    out[0] = ratio(close - mean, deviation)
    out[1] = 4.0 * deviation / mean
    mean, deviation = mean_and_deviation(state, number, 60)
    out[2] = ratio(close - mean, deviation)
    mean, deviation = mean_and_deviation(state, number, 168)
    out[3] = ratio(close - mean, deviation)
    newest = place_between_extremes(state, number, close, 14, scratch)
    out[4] = newest
    out[5] = (newest + state[LAST_STOCHASTIC] + state[LAST_BUT_ONE_STOCHASTIC]) / 3.0
    state[LAST_BUT_ONE_STOCHASTIC] = state[LAST_STOCHASTIC]
    state[LAST_STOCHASTIC] = newest
    out[6] = place_between_extremes(state, number, close, 60, scratch)
    out[7] = ratio(short[0][PRODUCT], long[0][SQUARE])
    out[8] = ratio(short[1][PRODUCT], long[1][SQUARE])
    out[9] = state[RUN_LENGTH] if state[N_BARS] > 10.0 else NAN

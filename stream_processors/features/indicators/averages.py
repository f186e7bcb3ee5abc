"""Indicators with running averages, which begin with the first bar and whose weight of old bars fades."""

import math

from stream_processors.features.bars import CLOSE, HIGH, LOW
from stream_processors.features.compiling import fill, inlined, ratio
from stream_processors.features.windows import LOG_CLOSE, LOG_RETURN, N_BARS, PREVIOUS_CLOSE

N_AVERAGES = 17
(
    _GAIN_6,
    _LOSS_6,
    _GAIN,
    _LOSS,
    _RANGE,
    _UP,
    _DOWN,
    _DIRECTION,
    _FAST,
    _SLOW,
    _SIGNAL,
    _MEAN_10,
    _MEAN_20,
    _MEAN_30,
    _VARIANCE,
    _HIGH,
    _LOW,
) = range(N_AVERAGES)
_WILDER = 1.0 / 14
_DECAY = 0.94


@inlined
def _start(averages, bar):
    close = bar[CLOSE]
    fill(averages, 0.0)
    averages[_RANGE] = bar[HIGH] - bar[LOW]
    averages[_FAST] = averages[_SLOW] = close
    averages[_MEAN_10] = averages[_MEAN_20] = averages[_MEAN_30] = close


@inlined
def _blend(averages, which, new, weight):
    averages[which] += weight * (new - averages[which])


@inlined
def _blend_directions(averages, bar):
    """Blend in Wilder's directional movement: the larger change of high or low, if it widens the range."""
    up, down = bar[HIGH] - averages[_HIGH], averages[_LOW] - bar[LOW]
    _blend(averages, _UP, up if up > down and up > 0.0 else 0.0, _WILDER)
    _blend(averages, _DOWN, down if down > up and down > 0.0 else 0.0, _WILDER)
    total = averages[_UP] + averages[_DOWN]
    if total > 0.0:
        _blend(averages, _DIRECTION, abs(averages[_UP] - averages[_DOWN]) / total, _WILDER)


@inlined
def _take(averages, bar, previous, log_return):
    close = bar[CLOSE]
    gain, loss = max(close - previous, 0.0), max(previous - close, 0.0)
    _blend(averages, _GAIN_6, gain, 1.0 / 6)
    _blend(averages, _LOSS_6, loss, 1.0 / 6)
    _blend(averages, _GAIN, gain, _WILDER)
    _blend(averages, _LOSS, loss, _WILDER)
    _blend(averages, _RANGE, max(bar[HIGH], previous) - min(bar[LOW], previous), _WILDER)
    _blend_directions(averages, bar)
    _blend(averages, _FAST, close, 2.0 / 13)
    _blend(averages, _SLOW, close, 2.0 / 27)
    _blend(averages, _SIGNAL, averages[_FAST] - averages[_SLOW], 2.0 / 10)
    _blend(averages, _MEAN_10, close, 2.0 / 11)
    _blend(averages, _MEAN_20, close, 2.0 / 21)
    _blend(averages, _MEAN_30, close, 2.0 / 31)
    _blend(averages, _VARIANCE, log_return * log_return, 1.0 - _DECAY)


@inlined
def step_averaged(state, averages, bar, out):
    """Write the features of Wilder's averages and of exponential averages."""
    close = bar[CLOSE]
    if state[N_BARS] == 1.0:
        _start(averages, bar)
    else:
        _take(averages, bar, state[PREVIOUS_CLOSE], state[LOG_RETURN])
    averages[_HIGH] = bar[HIGH]
    averages[_LOW] = bar[LOW]
    state[PREVIOUS_CLOSE] = close
    macd = averages[_FAST] - averages[_SLOW]
    out[0] = 100.0 * ratio(averages[_GAIN_6], averages[_GAIN_6] + averages[_LOSS_6])
    out[1] = 100.0 * ratio(averages[_GAIN], averages[_GAIN] + averages[_LOSS])
    per_close = 1.0 / close
    out[2] = averages[_RANGE] * per_close
    out[3] = 100.0 * averages[_DIRECTION]
    out[4] = ratio(averages[_UP] - averages[_DOWN], averages[_RANGE])
    out[5] = macd * per_close
    out[6] = (macd - averages[_SIGNAL]) * per_close
    out[7] = state[LOG_CLOSE] - math.log(averages[_MEAN_10])
    out[8] = state[LOG_CLOSE] - math.log(averages[_MEAN_20])
    out[9] = state[LOG_CLOSE] - math.log(averages[_MEAN_30])
    out[10] = math.sqrt(averages[_VARIANCE])

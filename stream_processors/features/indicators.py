"""The first set of market indicators: the compiled steps that compute what is declared.

Each group writes a stretch of the output vector, in the order of its declarations in
:mod:`.declarations`. Windows count bars. A quotient by zero is NaN. Before its warm-up a windowed
feature is NaN.
"""

import math

from stream_processors.features.windows import (
    RING_CLOSE,
    RING_HIGH,
    RING_LOW,
    RING_RETURN,
    RING_VOLUME,
    at,
    compiled,
    deviation,
    mean,
    n_bars,
    ratio,
    standardised,
)


@compiled
def step_returns(state, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Log returns over several numbers of bars."""
    close = at(state, RING_CLOSE, 0)
    out[0] = at(state, RING_RETURN, 0)
    out[1] = math.log(close / at(state, RING_CLOSE, 2))
    out[2] = math.log(close / at(state, RING_CLOSE, 5))
    out[3] = math.log(close / at(state, RING_CLOSE, 15))
    out[4] = math.log(close / at(state, RING_CLOSE, 60))


@compiled
def step_volatility(state, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """How much the price moves."""
    short = deviation(state, RING_RETURN, 15, 0.0)
    long = deviation(state, RING_RETURN, 60, 0.0)
    total = 0.0
    for lag in range(15):
        spread = math.log(at(state, RING_HIGH, lag) / at(state, RING_LOW, lag))
        total += spread * spread
    out[0] = short
    out[1] = long
    out[2] = math.sqrt(total / (15 * 4.0 * math.log(2.0)))
    out[3] = ratio(short, long)
    out[4] = ratio(at(state, RING_RETURN, 0), long)
    out[5] = ratio(math.log(at(state, RING_CLOSE, 0) / at(state, RING_CLOSE, 5)), long * math.sqrt(5.0))


@compiled
def step_momentum(state, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Where the close lies in its recent range, and whether moves continue or reverse."""
    close = at(state, RING_CLOSE, 0)
    out[0] = standardised(state, RING_CLOSE, 20)
    out[1] = standardised(state, RING_CLOSE, 60)
    highest = at(state, RING_HIGH, 0)
    lowest = at(state, RING_LOW, 0)
    for lag in range(1, 14):
        highest = max(highest, at(state, RING_HIGH, lag))
        lowest = min(lowest, at(state, RING_LOW, lag))
    is_full = n_bars(state) >= 14
    out[2] = ratio(close - lowest, highest - lowest) if is_full else math.nan
    product = 0.0
    square = 0.0
    for lag in range(30):
        now = at(state, RING_RETURN, lag)
        product += now * at(state, RING_RETURN, lag + 1)
        square += now * now
    out[3] = ratio(product, square)


@compiled
def step_volume(state, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """What volume says of the moves."""
    long = mean(state, RING_VOLUME, 60)
    out[0] = ratio(at(state, RING_VOLUME, 0), long)
    out[1] = ratio(mean(state, RING_VOLUME, 15), long)
    signed = 0.0
    total = 0.0
    illiquidity = 0.0
    for lag in range(15):
        move = at(state, RING_RETURN, lag)
        volume = at(state, RING_VOLUME, lag)
        signed += volume * (1.0 if move > 0 else -1.0 if move < 0 else move)
        total += volume
        illiquidity += ratio(abs(move), volume)
    out[2] = ratio(signed, total)
    weighted = 0.0
    total = 0.0
    for lag in range(60):
        volume = at(state, RING_VOLUME, lag)
        weighted += volume * at(state, RING_CLOSE, lag)
        total += volume
    average = ratio(weighted, total)
    out[3] = math.log(at(state, RING_CLOSE, 0) / average)
    out[4] = illiquidity / 15


@compiled
def step_shape(state, open_, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The shape of the newest bar."""
    high = at(state, RING_HIGH, 0)
    low = at(state, RING_LOW, 0)
    close = at(state, RING_CLOSE, 0)
    spread = high - low
    if spread > 0.0:
        out[0] = 2.0 * (close - low) / spread - 1.0
        out[1] = (high - max(open_, close)) / spread
        out[2] = (min(open_, close) - low) / spread
    else:
        out[0] = 0.0
        out[1] = 0.0
        out[2] = 0.0
    total = 0.0
    for lag in range(15):
        total += math.log(at(state, RING_HIGH, lag) / at(state, RING_LOW, lag))
    out[3] = ratio(math.log(high / low), total / 15)


N_AVERAGES = 8
_GAIN, _LOSS, _RANGE, _FAST, _SLOW, _SIGNAL, _MEAN, _PREVIOUS = range(N_AVERAGES)


@compiled
def _blend(old, new, weight):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    return old + weight * (new - old)


@compiled
def step_averaged(state, averages, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Indicators with running averages, which start at the first bar and fade it out."""
    close = at(state, RING_CLOSE, 0)
    high = at(state, RING_HIGH, 0)
    low = at(state, RING_LOW, 0)
    if n_bars(state) == 1:
        averages[_GAIN] = 0.0
        averages[_LOSS] = 0.0
        averages[_RANGE] = high - low
        averages[_FAST] = close
        averages[_SLOW] = close
        averages[_SIGNAL] = 0.0
        averages[_MEAN] = close
    else:
        previous = averages[_PREVIOUS]
        change = close - previous
        true_range = max(high, previous) - min(low, previous)
        averages[_GAIN] = _blend(averages[_GAIN], max(change, 0.0), 1.0 / 14)
        averages[_LOSS] = _blend(averages[_LOSS], max(-change, 0.0), 1.0 / 14)
        averages[_RANGE] = _blend(averages[_RANGE], true_range, 1.0 / 14)
        averages[_FAST] = _blend(averages[_FAST], close, 2.0 / 13)
        averages[_SLOW] = _blend(averages[_SLOW], close, 2.0 / 27)
        averages[_SIGNAL] = _blend(averages[_SIGNAL], averages[_FAST] - averages[_SLOW], 2.0 / 10)
        averages[_MEAN] = _blend(averages[_MEAN], close, 2.0 / 21)
    averages[_PREVIOUS] = close
    out[0] = 100.0 * ratio(averages[_GAIN], averages[_GAIN] + averages[_LOSS])
    out[1] = averages[_RANGE] / close
    out[2] = (averages[_FAST] - averages[_SLOW] - averages[_SIGNAL]) / close
    out[3] = math.log(close / averages[_MEAN])


_DAY_MS = 86_400_000.0
_HOUR_MS = 3_600_000.0


@compiled
def step_calendar(end_ms, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """When the bar ends; the week begins where the epoch did, on a Thursday."""
    day = 2.0 * math.pi * (end_ms % _DAY_MS) / _DAY_MS
    week = 2.0 * math.pi * (end_ms % (7.0 * _DAY_MS)) / (7.0 * _DAY_MS)
    out[0] = math.sin(day)
    out[1] = math.cos(day)
    out[2] = math.sin(week)
    out[3] = math.cos(week)
    out[4] = 1.0 if end_ms % _HOUR_MS == 0.0 else 0.0

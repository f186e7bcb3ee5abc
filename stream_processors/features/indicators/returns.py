"""Features of log returns and of volatility."""

import math

from stream_processors.features.compiling import inlined, ratio
from stream_processors.features.windows import (
    ABSOLUTE,
    BIPOWER,
    CUBE,
    LOG_RETURN,
    LONG_5,
    LONG_15,
    LONG_60,
    LONG_168,
    OVERNIGHT_RETURN,
    ROGERS_SATCHELL,
    SHORT_15,
    SHORT_60,
    SIGNED_SQUARE,
    SQUARE,
    SQUARED_BODY,
    SQUARED_OVERNIGHT,
    SQUARED_RANGE,
    SQUARED_RETURN_5,
    log_close_before,
)

_OF_RANGE = 1.0 / (4.0 * math.log(2.0))
_OF_BODY = 2.0 * math.log(2.0) - 1.0
_OF_PRODUCTS = math.pi / 2.0
_PER_ROOT_5 = 1.0 / math.sqrt(5.0)
_PER_ROOT_15 = 1.0 / math.sqrt(15.0)
_PER_ROOT_60 = 1.0 / math.sqrt(60.0)


@inlined
def step_returns(state, number, out):
    """Write log returns over several numbers of bars."""
    close = log_close_before(state, number, 0)
    out[0] = state[LOG_RETURN]
    out[1] = close - log_close_before(state, number, 2)
    out[2] = close - log_close_before(state, number, 3)
    out[3] = close - log_close_before(state, number, 5)
    out[4] = close - log_close_before(state, number, 10)
    out[5] = close - log_close_before(state, number, 15)
    out[6] = close - log_close_before(state, number, 30)
    out[7] = close - log_close_before(state, number, 60)
    out[8] = close - log_close_before(state, number, 120)
    out[9] = close - log_close_before(state, number, 168)


@inlined
def _root_mean(total, length):
    return math.sqrt(total * (1.0 / length))


@inlined
def _centred(total_of_squares, total, length):
    """The unbiased variance; a result that rounding made negative is zero."""
    return max((total_of_squares - total * total * (1.0 / length)) * (1.0 / (length - 1.0)), 0.0)


@inlined
def _garman_klass(sums, window, length):
    total = 0.5 * sums[window + SQUARED_RANGE] - _OF_BODY * sums[window + SQUARED_BODY]
    return _root_mean(max(total, 0.0), length)


@inlined
def _yang_zhang(sums, window, log_return, length):
    overnight = sums[window + OVERNIGHT_RETURN]
    weight = 0.34 / (1.34 + (length + 1.0) / (length - 1.0))
    return math.sqrt(
        _centred(sums[window + SQUARED_OVERNIGHT], overnight, length)
        + weight * _centred(sums[window + SQUARED_BODY], log_return - overnight, length)
        + (1.0 - weight) * (1.0 / length) * sums[window + ROGERS_SATCHELL]
    )


@inlined
def step_volatility(sums, returns, out):
    """Write volatilities per bar; ``returns`` are the numbers of :func:`step_returns`."""
    square_60 = sums[LONG_60 + SQUARE]
    fast, middle = _root_mean(sums[LONG_5 + SQUARE], 5.0), _root_mean(sums[LONG_15 + SQUARE], 15.0)
    slow, slowest = _root_mean(square_60, 60.0), _root_mean(sums[LONG_168 + SQUARE], 168.0)
    out[0], out[1], out[2], out[3] = fast, middle, slow, slowest
    out[4] = math.sqrt(_centred(square_60, returns[7], 60.0))
    out[5] = _root_mean(sums[SHORT_15 + SQUARED_RANGE] * _OF_RANGE, 15.0)
    out[6] = _root_mean(sums[SHORT_60 + SQUARED_RANGE] * _OF_RANGE, 60.0)
    out[7] = _garman_klass(sums, SHORT_15, 15.0)
    out[8] = _garman_klass(sums, SHORT_60, 60.0)
    out[9] = _root_mean(sums[SHORT_15 + ROGERS_SATCHELL], 15.0)
    out[10] = _root_mean(sums[SHORT_60 + ROGERS_SATCHELL], 60.0)
    out[11] = _yang_zhang(sums, SHORT_15, returns[5], 15.0)
    out[12] = _yang_zhang(sums, SHORT_60, returns[7], 60.0)
    bipower_60 = sums[SHORT_60 + BIPOWER] * _OF_PRODUCTS
    out[13] = _root_mean(sums[SHORT_15 + BIPOWER] * _OF_PRODUCTS, 15.0)
    out[14] = _root_mean(bipower_60, 60.0)
    per_slow = ratio(1.0, slow)
    per_square = per_slow * per_slow * (1.0 / 60.0)
    out[15] = 1.0 - bipower_60 * per_square
    out[16] = ratio(sums[SHORT_15 + SIGNED_SQUARE], sums[LONG_15 + SQUARE])
    out[17] = sums[SHORT_60 + SIGNED_SQUARE] * per_square
    out[18] = sums[SHORT_60 + CUBE] * per_square * per_slow
    out[19] = fast * per_slow
    out[20] = middle * per_slow
    out[21] = returns[0] * per_slow
    out[22] = returns[3] * per_slow * _PER_ROOT_5
    out[23] = returns[5] * per_slow * _PER_ROOT_15
    out[24] = ratio(returns[7], slowest) * _PER_ROOT_60


@inlined
def step_regime(sums, returns, volatility, out):
    """Write the regimes of volatility and trend; ``volatility`` are the numbers of :func:`step_volatility`."""
    out[0] = ratio(volatility[2], volatility[3])
    out[1] = ratio(returns[5], sums[LONG_15 + ABSOLUTE])
    out[2] = ratio(returns[7], sums[LONG_60 + ABSOLUTE])
    out[3] = ratio(returns[9], sums[LONG_168 + ABSOLUTE])
    out[4] = ratio(sums[SHORT_60 + SQUARED_RETURN_5], 5.0 * sums[LONG_60 + SQUARE])

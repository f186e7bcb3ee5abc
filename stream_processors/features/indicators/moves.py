"""Returns and volatility: how far the price moved, and how much it moves."""

import math

from stream_processors.features.compiling import compiled
from stream_processors.features.windows import (
    ABSOLUTE,
    BIPOWER,
    CUBE,
    LOG_RETURN,
    OVERNIGHT_RETURN,
    ROGERS_SATCHELL,
    SIGNED_SQUARE,
    SQUARE,
    SQUARED_BODY,
    SQUARED_OVERNIGHT,
    SQUARED_RANGE,
    SQUARED_RETURN_5,
    log_close_before,
    ratio,
)

_OF_RANGE = 1.0 / (4.0 * math.log(2.0))
_OF_BODY = 2.0 * math.log(2.0) - 1.0
_OF_PRODUCTS = math.pi / 2.0


@compiled
def step_returns(state, number, returns, out):  # type: ignore[no-untyped-def]
    """Log returns over several numbers of bars; ``returns`` is where they are kept for other steps."""
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
    returns[0], returns[1], returns[2], returns[3], returns[4] = out[0], out[3], out[5], out[7], out[9]


@compiled
def _root_mean(total, length):  # type: ignore[no-untyped-def]
    return math.sqrt(total / length) if total > 0.0 else total * 0.0


@compiled
def _centred(total_of_squares, total, length):  # type: ignore[no-untyped-def]
    """The unbiased variance; rounding below zero is zero."""
    variance = (total_of_squares - total * total / length) / (length - 1.0)
    return variance if variance > 0.0 else variance * 0.0


@compiled
def _yang_zhang(short, log_return, length):  # type: ignore[no-untyped-def]
    overnight = short[OVERNIGHT_RETURN]
    weight = 0.34 / (1.34 + (length + 1.0) / (length - 1.0))
    return math.sqrt(
        _centred(short[SQUARED_OVERNIGHT], overnight, length)
        + weight * _centred(short[SQUARED_BODY], log_return - overnight, length)
        + (1.0 - weight) * short[ROGERS_SATCHELL] / length
    )


@compiled
def step_volatility(returns, long, short, out):  # type: ignore[no-untyped-def]
    """Volatilities per bar; ``long`` and ``short`` are the sums over (5, 15, 60, 168) and (15, 60) bars."""
    long_5, long_15, long_60, long_168 = long
    short_15, short_60 = short
    fast, middle = _root_mean(long_5[SQUARE], 5.0), _root_mean(long_15[SQUARE], 15.0)
    slow, slowest = _root_mean(long_60[SQUARE], 60.0), _root_mean(long_168[SQUARE], 168.0)
    out[0], out[1], out[2], out[3] = fast, middle, slow, slowest
    out[4] = math.sqrt(_centred(long_60[SQUARE], returns[3], 60.0))
    out[5] = math.sqrt(short_15[SQUARED_RANGE] * _OF_RANGE / 15.0)
    out[6] = math.sqrt(short_60[SQUARED_RANGE] * _OF_RANGE / 60.0)
    out[7] = _root_mean(0.5 * short_15[SQUARED_RANGE] - _OF_BODY * short_15[SQUARED_BODY], 15.0)
    out[8] = _root_mean(0.5 * short_60[SQUARED_RANGE] - _OF_BODY * short_60[SQUARED_BODY], 60.0)
    out[9] = math.sqrt(short_15[ROGERS_SATCHELL] / 15.0)
    out[10] = math.sqrt(short_60[ROGERS_SATCHELL] / 60.0)
    out[11] = _yang_zhang(short_15, returns[2], 15.0)
    out[12] = _yang_zhang(short_60, returns[3], 60.0)
    out[13] = math.sqrt(short_15[BIPOWER] * _OF_PRODUCTS / 15.0)
    out[14] = math.sqrt(short_60[BIPOWER] * _OF_PRODUCTS / 60.0)
    out[15] = 1.0 - ratio(short_60[BIPOWER] * _OF_PRODUCTS, long_60[SQUARE])
    out[16] = ratio(short_15[SIGNED_SQUARE], long_15[SQUARE])
    out[17] = ratio(short_60[SIGNED_SQUARE], long_60[SQUARE])
    out[18] = ratio(math.sqrt(60.0) * short_60[CUBE], long_60[SQUARE] * math.sqrt(long_60[SQUARE]))
    out[19] = ratio(fast, slow)
    out[20] = ratio(middle, slow)
    out[21] = ratio(returns[0], slow)
    out[22] = ratio(returns[1], slow * math.sqrt(5.0))
    out[23] = ratio(returns[2], slow * math.sqrt(15.0))
    out[24] = ratio(returns[3], slowest * math.sqrt(60.0))


@compiled
def step_regime(returns, long, short_60, out):  # type: ignore[no-untyped-def]
    """The states of volatility and trend; ``long`` holds the sums over 15, 60 and 168 bars."""
    long_15, long_60, long_168 = long
    out[0] = _root_mean(ratio(long_60[SQUARE] * 168.0, long_168[SQUARE] * 60.0), 1.0)
    out[1] = ratio(returns[2], long_15[ABSOLUTE])
    out[2] = ratio(returns[3], long_60[ABSOLUTE])
    out[3] = ratio(returns[4], long_168[ABSOLUTE])
    out[4] = ratio(short_60[SQUARED_RETURN_5], 5.0 * long_60[SQUARE])

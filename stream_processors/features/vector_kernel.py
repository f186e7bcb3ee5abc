"""The kernel of companion features: one compiled loop over the target's rows with their joined values.

``run_coin`` and ``run_perpetual`` take rows into a small state and write the features of their group for
each row. The batch driver (:mod:`.vectors`) hands them a table, the live driver (:mod:`.vector_stepping`) a
table of one row. So live, replay and training agree by construction.

A window is added up anew from its own values, the oldest first, so no older row reaches it and nothing
drifts. A window contains no gap between the target's rows, and is undefined where one of its values is.
"""

import math
import sys

import numpy as np
from numpy.typing import NDArray

from stream_processors.features.compiling import NAN, compiled, inlined, ratio
from stream_processors.features.vector_declarations import COIN, PERPETUAL, TAKEN_FROM_COIN

_LARGEST = sys.float_info.max
WINDOW = 60
#: How many rows are held: a window, and the row before it, which differences and leads need.
_HELD = WINDOW + 1

#: The market features that are taken of the target's row. The column before them is its close.
OWN = (
    "log_return_1",
    "log_return_5",
    "log_return_15",
    "log_return_60",
    "realised_volatility_60",
    "standardised_return_1",
    "relative_volume_60",
)
#: The market features that are taken of a companion's row. The column before them is its close.
OTHER = (*TAKEN_FROM_COIN, "realised_volatility_60", "standardised_return_1")
N_OWN, N_OTHER = 1 + len(OWN), 1 + len(OTHER)
N_COIN, N_PERPETUAL = len(COIN), len(PERPETUAL)

_OWN_RETURN, _OWN_VOLATILITY, _OWN_STANDARDISED, _OWN_VOLUME = 1, 5, 6, 7
_RETURN_1, _RETURN_5, _LOCATION, _SIGNED, _VOLUME = 1, 3, 6, 7, 8
_VOLATILITY, _STANDARDISED = 10, 11

# The state is the number of rows since the last gap, the last row's time, and rings of the newest rows. Each
# value of a ring is held twice, a ring's length apart, so that every window is contiguous.
_N_ROWS, _LAST_MS, _RINGS = 0, 1, 2
_MOVES, _OTHERS, _SPREADS = _RINGS, _RINGS + 2 * _HELD, _RINGS + 4 * _HELD
STATE_SIZE = _RINGS + 6 * _HELD


def empty_state() -> NDArray[np.float64]:
    """Return the state of a group before the first row; shape (STATE_SIZE,)."""
    return np.zeros(STATE_SIZE, dtype=np.float64)


@inlined
def _take_in(state, as_of_ms, length_ms):
    """Count a row, from zero after a gap, and return the place where it is to be held."""
    if as_of_ms - state[_LAST_MS] != length_ms:
        state[_N_ROWS] = 0.0
    place = int(state[_N_ROWS]) % _HELD
    state[_N_ROWS] += 1.0
    state[_LAST_MS] = as_of_ms
    return place


@inlined
def _hold(state, ring, place, value):
    """Write a ring's newest value, and return where its windows end."""
    state[ring + place] = value
    state[ring + place + _HELD] = value
    return ring + place + _HELD


@inlined
def _back(state, newest, lag):
    """The value ``lag`` rows before the newest; NaN over a gap."""
    return state[newest - lag] if state[_N_ROWS] > lag else NAN


@inlined
def _log(close):
    return math.log(close) if close > 0.0 else NAN


@inlined
def _mean(state, last):
    """The mean of the window that ends at a place."""
    total = 0.0
    for at in range(last - WINDOW + 1, last + 1):
        total += state[at]
    return total / WINDOW


@inlined
def _products(state, first, first_mean, second, second_mean, lag, out):
    """Write the sums of squares of two windows about their means, and the sum of their products; NaN over a gap.

    Args:
        state: The state with the rings.
        first: Where the first window ends.
        first_mean: Its mean.
        second: Where the second window ends.
        second_mean: Its mean.
        lag: How far the older of the two ends is from the newest row.
        out: Shape (3,), overwritten.
    """
    out[0] = out[1] = out[2] = NAN
    if state[_N_ROWS] < WINDOW + lag:
        return
    out[0] = out[1] = out[2] = 0.0
    for back in range(WINDOW - 1, -1, -1):
        x, y = state[first - back] - first_mean, state[second - back] - second_mean
        out[0] += x * x
        out[1] += y * y
        out[2] += x * y


@inlined
def _correlation(products):
    return ratio(products[2], math.sqrt(products[0] * products[1]))


@inlined
def _z_score(state, last):
    """The newest value's distance from the window's mean in deviations; NaN when flat."""
    if state[_N_ROWS] < WINDOW:
        return NAN
    newest = state[last]
    total = 0.0
    for at in range(last - WINDOW + 1, last + 1):
        total += state[at] - newest  # the difference of equal values is exactly zero
    mean = total / WINDOW
    squares = 0.0
    for at in range(last - WINDOW + 1, last + 1):
        apart = (state[at] - newest) - mean
        squares += apart * apart
    return ratio(-mean, math.sqrt(squares / WINDOW))


@inlined
def _defined(out):
    for i in range(out.shape[0]):
        out[i] = out[i] if abs(out[i]) <= _LARGEST else NAN


@compiled
def run_coin(state, as_of_ms, length_ms, own, other, age_bars, out):
    """Step over the target's rows with the joined rows of another coin.

    Args:
        state: Shape (STATE_SIZE,), changed in place.
        as_of_ms: Shape (n,), int64, strictly increasing.
        length_ms: The length of a bar. A row that is farther from the row before begins anew.
        own: Shape (n, N_OWN): the target's close, then ``OWN``.
        other: Shape (n, N_OTHER): the companion's close, then ``OTHER``; NaN where nothing was joined.
        age_bars: Shape (n,): how many bars before the target's row the joined bar ended.
        out: Shape (n, N_COIN), overwritten, in the order of the declarations.
    """
    products = np.empty(3)
    for i in range(as_of_ms.shape[0]):
        place = _take_in(state, as_of_ms[i], length_ms)
        row, mine, theirs = out[i], own[i], other[i]
        moves = _hold(state, _MOVES, place, mine[_OWN_RETURN])
        others = _hold(state, _OTHERS, place, theirs[_RETURN_1])
        spreads = _hold(state, _SPREADS, place, _log(mine[0]) - _log(theirs[0]))
        own_mean, other_mean = _mean(state, moves), _mean(state, others)
        for column in range(9):
            row[column] = theirs[1 + column]
        row[9] = mine[_OWN_RETURN] - theirs[_RETURN_1]
        for n in range(3):
            row[10 + n] = mine[_OWN_RETURN + 1 + n] - theirs[_RETURN_5 + n]
        row[13] = mine[_OWN_STANDARDISED] - theirs[_STANDARDISED]
        row[14] = ratio(mine[_OWN_VOLATILITY], theirs[_VOLATILITY])
        _products(state, moves, own_mean, others, other_mean, 0, products)
        beta = ratio(products[2], products[1])
        row[15] = _correlation(products)
        row[16] = beta
        row[17] = ratio(mine[_OWN_RETURN] - beta * theirs[_RETURN_1], mine[_OWN_VOLATILITY])
        _products(state, moves, own_mean, others - 1, _mean(state, others - 1), 1, products)
        row[18] = _correlation(products)
        _products(state, others, other_mean, moves - 1, _mean(state, moves - 1), 1, products)
        row[19] = _correlation(products)
        row[20] = _z_score(state, spreads)
        row[21] = age_bars[i]
        _defined(row)


@compiled
def run_perpetual(state, as_of_ms, length_ms, own, other, age_bars, out):
    """Step over the target's rows with the joined rows of its perpetual; as :func:`run_coin`, of width N_PERPETUAL."""
    for i in range(as_of_ms.shape[0]):
        place = _take_in(state, as_of_ms[i], length_ms)
        row, mine, theirs = out[i], own[i], other[i]
        basis = _log(theirs[0]) - _log(mine[0])
        newest = _hold(state, _SPREADS, place, basis)
        row[0] = basis
        row[1] = basis - _back(state, newest, 1)
        row[2] = basis - _back(state, newest, 5)
        row[3] = basis - _back(state, newest, 15)
        row[4] = basis - _back(state, newest, 60)
        row[5] = _z_score(state, newest)
        row[6] = theirs[_LOCATION]
        row[7] = theirs[_SIGNED]
        row[8] = theirs[_VOLUME]
        row[9] = ratio(theirs[_VOLUME], mine[_OWN_VOLUME])
        row[10] = age_bars[i]
        _defined(row)

"""The window of recent bars that features look back on, kept in the kernel's state array.

A state is one float64 array: a short head, one ring of ``CAPACITY`` values per quantity, then the
running averages of the indicators that have them. Windowed features are computed anew from the
ring at each bar, so nothing older than their window can reach them and no rounding builds up.
"""

import math

from numba import njit

CAPACITY = 64
_HEAD = 2
_N_BARS = 0
_CURSOR = 1

#: The rings.
RING_CLOSE, RING_RETURN, RING_HIGH, RING_LOW, RING_VOLUME = range(5)
_N_RINGS = 5
AVERAGES = _HEAD + _N_RINGS * CAPACITY
NAN = math.nan

compiled = njit(cache=True)


@compiled
def push(state, high, low, close, volume):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """Take the newest bar into the rings; its log return is NaN for the first."""
    n = state[_N_BARS]
    previous = state[_HEAD + RING_CLOSE * CAPACITY + int(state[_CURSOR])] if n > 0 else NAN
    cursor = (int(state[_CURSOR]) + 1) % CAPACITY
    state[_N_BARS] = n + 1
    state[_CURSOR] = cursor
    state[_HEAD + RING_CLOSE * CAPACITY + cursor] = close
    state[_HEAD + RING_RETURN * CAPACITY + cursor] = math.log(close / previous) if n > 0 else NAN
    state[_HEAD + RING_HIGH * CAPACITY + cursor] = high
    state[_HEAD + RING_LOW * CAPACITY + cursor] = low
    state[_HEAD + RING_VOLUME * CAPACITY + cursor] = volume


@compiled
def n_bars(state):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """How many bars were pushed since the start or the last gap."""
    return int(state[_N_BARS])


@compiled
def at(state, ring, lag):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The value ``lag`` bars ago (0 is the newest); NaN where there was no bar."""
    if lag >= state[_N_BARS] or lag >= CAPACITY:
        return NAN
    return state[_HEAD + ring * CAPACITY + (int(state[_CURSOR]) - lag) % CAPACITY]


@compiled
def mean(state, ring, window):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The mean of the last ``window`` values; NaN until there are as many."""
    total = 0.0
    for lag in range(window):
        total += at(state, ring, lag)
    return total / window


@compiled
def deviation(state, ring, window, centre):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The root mean square distance of the last ``window`` values from ``centre``."""
    total = 0.0
    for lag in range(window):
        distance = at(state, ring, lag) - centre
        total += distance * distance
    return math.sqrt(total / window)


@compiled
def standardised(state, ring, window):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """The newest value's distance from the mean of the last ``window``, in deviations; NaN when flat.

    Counted from the newest value: a mean of equal prices is not always that price, and the quotient
    of two rounding errors would pass for a signal.
    """
    newest = at(state, ring, 0)
    total = 0.0
    for lag in range(window):
        total += at(state, ring, lag) - newest
    centre = total / window
    square = 0.0
    for lag in range(window):
        distance = at(state, ring, lag) - newest - centre
        square += distance * distance
    return ratio(-centre, math.sqrt(square / window))


@compiled
def ratio(numerator, denominator):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
    """A quotient that is NaN, not an error, when the denominator is zero."""
    return numerator / denominator if denominator != 0.0 else NAN

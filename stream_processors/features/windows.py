"""The state of the kernel: what is kept of recent bars, and how a bar is taken in.

One float64 array: a head of single values, the ring of log closes, four tables of :mod:`.tables`,
then the running averages of the indicators that have them. Windowed features come from the ring and
the tables, so nothing older than their window reaches them, to the bit, and no rounding builds up.
"""

import math

from stream_processors.features.bars import (
    BUY_VOLUME,
    CLOSE,
    END_MS,
    HIGH,
    LOW,
    OPEN,
    START_MS,
    VOLUME,
)
from stream_processors.features.compiling import compiled
from stream_processors.features.tables import maximum_table, moment_table, sum_table

NAN = math.nan

#: The longest window, of log closes and of the long sums; the other tables reach 60 bars back.
LONGEST = 168
LONG = 60

#: The head.
(
    N_BARS,
    LOG_CLOSE,
    LOG_RETURN,
    TYPICAL_PRICE,
    RUN_LENGTH,
    LAST_STOCHASTIC,
    LAST_BUT_ONE_STOCHASTIC,
    LOG_OPEN,
    LOG_HIGH,
    LOG_LOW,
    OVERNIGHT,
) = range(11)
_HEAD = 11

#: Quantities that are added up over up to 168 bars.
LONG_COLUMNS = 4
SQUARE, ABSOLUTE, TRADED_VOLUME, SIGNED_VOLUME = range(LONG_COLUMNS)

#: Quantities that are added up over up to 60 bars.
SHORT_COLUMNS = 18
(
    RANGE,
    SQUARED_RANGE,
    SQUARED_BODY,
    ROGERS_SATCHELL,
    OVERNIGHT_RETURN,
    SQUARED_OVERNIGHT,
    BIPOWER,
    PRODUCT,
    CUBE,
    SIGNED_SQUARE,
    SQUARED_RETURN_5,
    VALUE,
    VALUE_UP,
    VALUE_DOWN,
    ILLIQUIDITY,
    HAS_TRADED,
    PLACED_VOLUME,
    BOUGHT_VOLUME,
) = range(SHORT_COLUMNS)

_long_sums = sum_table(capacity=LONGEST, width=LONG_COLUMNS)
_short_sums = sum_table(capacity=LONG, width=SHORT_COLUMNS)
_extremes = maximum_table(capacity=LONG, width=2)
_moments = moment_table(capacity=LONGEST)

_CLOSES = _HEAD
_N_CLOSES = LONGEST + 1
_LONG_SUMS = _CLOSES + _N_CLOSES
_SHORT_SUMS = _LONG_SUMS + _long_sums.size
_EXTREMES = _SHORT_SUMS + _short_sums.size
_MOMENTS = _EXTREMES + _extremes.size
AVERAGES = _MOMENTS + _moments.size

_clear_long, _push_long, _window_long = _long_sums.clear, _long_sums.push, _long_sums.window
_clear_short, _push_short, _window_short = _short_sums.clear, _short_sums.push, _short_sums.window
_clear_extremes, _push_extremes, _window_extremes = _extremes.clear, _extremes.push, _extremes.window
_clear_moments, _push_moments, _window_moments = _moments.clear, _moments.push, _moments.window

_MOST_IN_A_RUN = 10.0


@compiled
def bar_number(bar):  # type: ignore[no-untyped-def]
    """Which bar it is of all bars of its length since 1970: blocks are aligned to it."""
    end_ms = int(bar[END_MS])
    return end_ms // (end_ms - int(bar[START_MS]))


@compiled
def ratio(numerator, denominator):  # type: ignore[no-untyped-def]
    """A quotient that is NaN, not an error, when the denominator is zero."""
    return numerator / denominator if denominator != 0.0 else NAN


@compiled
def sign(value):  # type: ignore[no-untyped-def]
    """1, -1, 0, or NaN."""
    return 1.0 if value > 0.0 else -1.0 if value < 0.0 else value


@compiled
def close_location(bar):  # type: ignore[no-untyped-def]
    """The place of the close in the bar's range, -1 at the low and 1 at the high; 0 without range."""
    spread = bar[HIGH] - bar[LOW]
    return 2.0 * (bar[CLOSE] - bar[LOW]) / spread - 1.0 if spread > 0.0 else 0.0


@compiled
def _clear(state):  # type: ignore[no-untyped-def]
    state[:_LONG_SUMS] = NAN
    _clear_long(state[_LONG_SUMS:_SHORT_SUMS])
    _clear_short(state[_SHORT_SUMS:_EXTREMES])
    _clear_extremes(state[_EXTREMES:_MOMENTS])
    _clear_moments(state[_MOMENTS:AVERAGES])
    state[N_BARS] = 0.0
    state[RUN_LENGTH] = 0.0


@compiled
def push(state, number, bar, scratch):  # type: ignore[no-untyped-def]
    """Take the newest bar in; a state whose count of bars is zero is made ready first.

    Args:
        state: Changed in place.
        number: Of the bar.
        bar: Columns of :mod:`.bars`.
        scratch: At least SHORT_COLUMNS numbers, overwritten.
    """
    if state[N_BARS] == 0.0:
        _clear(state)
    state[N_BARS] += 1.0
    log_close = math.log(bar[CLOSE])
    log_return = log_close - state[LOG_CLOSE]
    state[_CLOSES + number % _N_CLOSES] = log_close
    _push_sums(state, number, bar, log_return, scratch)
    low_and_high = scratch[:2]
    low_and_high[0] = -bar[LOW]
    low_and_high[1] = bar[HIGH]
    _push_extremes(state[_EXTREMES:_MOMENTS], number, low_and_high)
    _push_moments(state[_MOMENTS:AVERAGES], number, bar[CLOSE])
    way = sign(log_return)
    run = state[RUN_LENGTH]
    if way > 0.0:
        state[RUN_LENGTH] = min(max(run, 0.0) + 1.0, _MOST_IN_A_RUN)
    elif way < 0.0:
        state[RUN_LENGTH] = max(min(run, 0.0) - 1.0, -_MOST_IN_A_RUN)
    else:
        state[RUN_LENGTH] = 0.0
    state[LOG_CLOSE] = log_close
    state[LOG_RETURN] = log_return


@compiled
def _push_sums(state, number, bar, log_return, row):  # type: ignore[no-untyped-def]
    volume = bar[VOLUME]
    way = sign(log_return)
    long = row[:LONG_COLUMNS]
    long[SQUARE] = log_return * log_return
    long[ABSOLUTE] = abs(log_return)
    long[TRADED_VOLUME] = volume
    long[SIGNED_VOLUME] = way * volume
    _push_long(state[_LONG_SUMS:_SHORT_SUMS], number, long)
    log_open, log_high, log_low = math.log(bar[OPEN]), math.log(bar[HIGH]), math.log(bar[LOW])
    log_close = log_close_before(state, number, 0)
    overnight = log_open - state[LOG_CLOSE]
    body = log_close - log_open
    spread = log_high - log_low
    row[RANGE] = spread
    row[SQUARED_RANGE] = spread * spread
    row[SQUARED_BODY] = body * body
    row[ROGERS_SATCHELL] = (log_high - log_close) * (log_high - log_open) + (log_low - log_close) * (
        log_low - log_open
    )
    row[OVERNIGHT_RETURN] = overnight
    row[SQUARED_OVERNIGHT] = overnight * overnight
    row[PRODUCT] = log_return * state[LOG_RETURN]
    row[BIPOWER] = abs(row[PRODUCT])
    row[CUBE] = log_return * log_return * log_return
    row[SIGNED_SQUARE] = way * log_return * log_return
    over_5 = log_close - log_close_before(state, number, 5)
    row[SQUARED_RETURN_5] = over_5 * over_5
    typical = (bar[HIGH] + bar[LOW] + bar[CLOSE]) / 3.0
    value = typical * volume
    moved = typical - state[TYPICAL_PRICE]
    row[VALUE] = value
    row[VALUE_UP] = value if moved > 0.0 else moved * 0.0
    row[VALUE_DOWN] = value if moved < 0.0 else moved * 0.0
    has_traded = volume > 0.0
    row[ILLIQUIDITY] = abs(log_return) / volume if has_traded else log_return * 0.0
    row[HAS_TRADED] = 1.0 if has_traded else 0.0
    row[PLACED_VOLUME] = close_location(bar) * volume
    row[BOUGHT_VOLUME] = bar[BUY_VOLUME]
    _push_short(state[_SHORT_SUMS:_EXTREMES], number, row)
    state[TYPICAL_PRICE] = typical
    state[LOG_OPEN] = log_open
    state[LOG_HIGH] = log_high
    state[LOG_LOW] = log_low
    state[OVERNIGHT] = overnight


@compiled
def log_close_before(state, number, lag):  # type: ignore[no-untyped-def]
    """The log close ``lag`` bars before this one, up to 168; NaN where there was no bar."""
    return state[_CLOSES + (number - lag) % _N_CLOSES]


@compiled
def long_sums(state, number, length, out):  # type: ignore[no-untyped-def]
    """The sums of the long quantities over the last bars; shape (LONG_COLUMNS,)."""
    _window_long(state[_LONG_SUMS:_SHORT_SUMS], number, length, out)


@compiled
def short_sums(state, number, length, out):  # type: ignore[no-untyped-def]
    """The sums of the short quantities over the last bars, 60 at most; shape (SHORT_COLUMNS,)."""
    _window_short(state[_SHORT_SUMS:_EXTREMES], number, length, out)


@compiled
def place_between_extremes(state, number, close, length, scratch):  # type: ignore[no-untyped-def]
    """The place of the close between the lowest low and the highest high: 0 to 1, NaN when flat."""
    if state[N_BARS] < length:
        return NAN
    _window_extremes(state[_EXTREMES:_MOMENTS], number, length, scratch)
    return ratio(close + scratch[0], scratch[1] + scratch[0])


@compiled
def mean_and_deviation(state, number, length):  # type: ignore[no-untyped-def]
    """Mean and deviation (over n) of the last closes; NaN until there are as many."""
    mean, square = _window_moments(state[_MOMENTS:AVERAGES], number, length)
    return mean, math.sqrt(square / length)

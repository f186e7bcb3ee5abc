"""The state of the market kernel: what it keeps of recent bars, and how it takes a bar in.

The state is one float64 array: a head of single values, the ring of log closes, four tables of
:mod:`.tables`, and the running averages of the indicators that have them. Windowed features come from the
ring and the tables. So nothing older than its window reaches a feature, to the bit, and rounding does not
accumulate.
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
from stream_processors.features.compiling import NAN, fill, inlined
from stream_processors.features.tables import maximum_table, moment_table, sum_table

#: The longest window, which log closes and the long sums have; the other tables reach 60 bars back.
LONGEST = 168
LONG = 60

#: Where the single values lie in the head of the state.
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
    END_OF_LAST,
    PREVIOUS_CLOSE,
) = range(13)
_HEAD = 13

#: The quantities that are summed over up to 168 bars.
LONG_COLUMNS = 4
SQUARE, ABSOLUTE, TRADED_VOLUME, SIGNED_VOLUME = range(LONG_COLUMNS)

#: The quantities that are summed over up to 60 bars.
SHORT_COLUMNS = 18
(
    PLACED_VOLUME,
    VALUE_UP,
    VALUE_DOWN,
    PRODUCT,
    CUBE,
    SQUARED_RETURN_5,
    RANGE,
    SQUARED_RANGE,
    SQUARED_BODY,
    ROGERS_SATCHELL,
    OVERNIGHT_RETURN,
    SQUARED_OVERNIGHT,
    BIPOWER,
    SIGNED_SQUARE,
    VALUE,
    ILLIQUIDITY,
    HAS_TRADED,
    BOUGHT_VOLUME,
) = range(SHORT_COLUMNS)

#: The columns that the features of a window need: the first, and the one after the last.
_ALL_LONG = (0, LONG_COLUMNS)
_OF_5, _OF_14, _OF_15 = (BOUGHT_VOLUME, SHORT_COLUMNS), (VALUE_UP, PRODUCT), (RANGE, SHORT_COLUMNS)
_OF_20, _OF_30, _OF_60 = (PLACED_VOLUME, VALUE_UP), (PRODUCT, CUBE), (PRODUCT, SHORT_COLUMNS)

#: Where a window's sums lie in the scratch space.
LONG_5, LONG_15, LONG_20, LONG_30, LONG_60, LONG_168 = range(0, 6 * LONG_COLUMNS, LONG_COLUMNS)
_SHORT_FROM = 6 * LONG_COLUMNS
_SHORT_UNTIL = _SHORT_FROM + 6 * SHORT_COLUMNS
SHORT_5, SHORT_14, SHORT_15, SHORT_20, SHORT_30, SHORT_60 = range(_SHORT_FROM, _SHORT_UNTIL, SHORT_COLUMNS)
#: Pairs: the lowest low as a negative number, and the highest high.
EXTREMES_14, EXTREMES_60 = range(_SHORT_UNTIL, _SHORT_UNTIL + 4, 2)
#: Pairs: the mean of the closes, and the sum of squared deviations from it.
MOMENTS_20, MOMENTS_60, MOMENTS_168 = range(_SHORT_UNTIL + 4, _SHORT_UNTIL + 10, 2)
_ROW = _SHORT_UNTIL + 10
SCRATCH_SIZE = _ROW + SHORT_COLUMNS

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

_clear_long, _push_long, _long_window = _long_sums.clear, _long_sums.push, _long_sums.window
_clear_short, _push_short, _short_window = _short_sums.clear, _short_sums.push, _short_sums.window
_clear_extremes, _push_extremes, _extreme_window = _extremes.clear, _extremes.push, _extremes.window
_clear_moments, _push_moments, _moment_window = _moments.clear, _moments.push, _moments.window

_MOST_IN_A_RUN = 10.0
#: Means of three prices that differ by less count as equal, because equal means can differ in the last digit.
_ROUNDING = 1e-12


@inlined
def bar_number(bar):
    """Return the number of a bar among all bars of its length since 1970, to which blocks are aligned."""
    end_ms = int(bar[END_MS])
    return end_ms // (end_ms - int(bar[START_MS]))


@inlined
def sign(value):
    """Return 1, -1, 0 or NaN."""
    return 1.0 if value > 0.0 else -1.0 if value < 0.0 else value


@inlined
def close_location(bar):
    """Return the place of the close in the bar's range, -1 at the low and 1 at the high; 0 without a range."""
    spread = bar[HIGH] - bar[LOW]
    return 2.0 * (bar[CLOSE] - bar[LOW]) / spread - 1.0 if spread > 0.0 else 0.0


@inlined
def _clear(state):
    fill(state[:_LONG_SUMS], NAN)
    _clear_long(state[_LONG_SUMS:_SHORT_SUMS])
    _clear_short(state[_SHORT_SUMS:_EXTREMES])
    _clear_extremes(state[_EXTREMES:_MOMENTS])
    _clear_moments(state[_MOMENTS:AVERAGES])
    state[N_BARS] = 0.0
    state[RUN_LENGTH] = 0.0


@inlined
def push(state, number, bar, scratch):
    """Take the newest bar in; a state that holds no bars is cleared first.

    Args:
        state: Changed in place.
        number: The bar's number, of :func:`bar_number`.
        bar: The columns of :mod:`.bars`.
        scratch: Shape (SCRATCH_SIZE,), overwritten with the sums, extremes and moments of all windows.
    """
    if state[N_BARS] == 0.0:
        _clear(state)
    state[N_BARS] += 1.0
    log_close = math.log(bar[CLOSE])
    log_return = log_close - state[LOG_CLOSE]
    state[_CLOSES + number % _N_CLOSES] = log_close
    _push_sums(state, number, bar, log_return, scratch[_ROW:])
    low_and_high = scratch[_ROW : _ROW + 2]
    low_and_high[0] = -bar[LOW]
    low_and_high[1] = bar[HIGH]
    _push_extremes(state[_EXTREMES:_MOMENTS], number, low_and_high)
    _push_moments(state[_MOMENTS:AVERAGES], number, bar[CLOSE])
    _look_back(state, number, scratch)
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


@inlined
def _look_back(state, number, sums):
    """Write the sums, extremes and moments of every window into the scratch space."""
    long = state[_LONG_SUMS:_SHORT_SUMS]
    _long_window(long, number, 5, _ALL_LONG, sums[LONG_5:])
    _long_window(long, number, 15, _ALL_LONG, sums[LONG_15:])
    _long_window(long, number, 20, _ALL_LONG, sums[LONG_20:])
    _long_window(long, number, 30, _ALL_LONG, sums[LONG_30:])
    _long_window(long, number, 60, _ALL_LONG, sums[LONG_60:])
    _long_window(long, number, LONGEST, _ALL_LONG, sums[LONG_168:])
    short = state[_SHORT_SUMS:_EXTREMES]
    _short_window(short, number, 5, _OF_5, sums[SHORT_5:])
    _short_window(short, number, 14, _OF_14, sums[SHORT_14:])
    _short_window(short, number, 15, _OF_15, sums[SHORT_15:])
    _short_window(short, number, 20, _OF_20, sums[SHORT_20:])
    _short_window(short, number, 30, _OF_30, sums[SHORT_30:])
    _short_window(short, number, LONG, _OF_60, sums[SHORT_60:])
    extremes = state[_EXTREMES:_MOMENTS]
    _extreme_window(extremes, number, 14, sums[EXTREMES_14:])
    _extreme_window(extremes, number, LONG, sums[EXTREMES_60:])
    moments = state[_MOMENTS:AVERAGES]
    _moment_window(moments, number, 20, sums[MOMENTS_20:])
    _moment_window(moments, number, LONG, sums[MOMENTS_60:])
    _moment_window(moments, number, LONGEST, sums[MOMENTS_168:])


@inlined
def _push_sums(state, number, bar, log_return, row):
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
    rounding = typical * _ROUNDING
    row[VALUE_UP] = value if moved > rounding else moved * 0.0
    row[VALUE_DOWN] = value if moved < -rounding else moved * 0.0
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


@inlined
def log_close_before(state, number, lag):
    """Return the log close ``lag`` bars before this bar, with a lag of up to 168; NaN where there was no bar."""
    return state[_CLOSES + (number - lag) % _N_CLOSES]

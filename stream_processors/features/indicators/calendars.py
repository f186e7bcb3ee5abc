"""When the bar ends, UTC: time of day and week, sessions, and marks that many act on."""

import math

from stream_processors.features.compiling import inlined

_HOUR_MS = 3_600_000
_DAY_MS = 24 * _HOUR_MS
_WEEK_MS = 7 * _DAY_MS
#: The epoch was a Thursday.
_SATURDAY_MS = 2 * _DAY_MS


@inlined
def _is_within(time_ms, first_ms, until_ms):  # type: ignore[no-untyped-def]
    return 1.0 if first_ms <= time_ms < until_ms else 0.0


@inlined
def step_calendar(end_ms, out):  # type: ignore[no-untyped-def]
    """The week's circle begins where the epoch did, on a Thursday."""
    of_week = end_ms % _WEEK_MS
    of_day = of_week % _DAY_MS
    of_hour = of_day % _HOUR_MS
    day, week = 2.0 * math.pi * of_day / _DAY_MS, 2.0 * math.pi * of_week / _WEEK_MS
    hour = 2.0 * math.pi * of_hour / _HOUR_MS
    out[0], out[1] = math.sin(day), math.cos(day)
    out[2], out[3] = math.sin(week), math.cos(week)
    out[4], out[5] = math.sin(hour), math.cos(hour)
    out[6] = 1.0 if of_hour == 0 else 0.0
    out[7] = 1.0 if of_day % (8 * _HOUR_MS) == 0 else 0.0
    out[8] = _is_within(of_week, _SATURDAY_MS, _SATURDAY_MS + 2 * _DAY_MS)
    out[9] = _is_within(of_day, 0, 9 * _HOUR_MS)
    out[10] = _is_within(of_day, 7 * _HOUR_MS, 16 * _HOUR_MS)
    out[11] = _is_within(of_day, 13 * _HOUR_MS, 21 * _HOUR_MS)

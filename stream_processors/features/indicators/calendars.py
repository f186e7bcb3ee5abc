"""Features of the time at which a bar ends, in UTC: time of day and week, sessions, hours and funding times."""

import numpy as np

from stream_processors.features.compiling import inlined

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_WEEK_MS = 7 * _DAY_MS
#: The epoch was a Thursday.
_SATURDAY_MS = 2 * _DAY_MS
_WEEK = _WEEK_MS // _MINUTE_MS
#: Sines of a circle in as many steps as a week has minutes; looking a sine up takes a tenth of computing it.
_SINES = np.sin(2.0 * np.pi * np.arange(_WEEK + _WEEK // 4) / _WEEK)


@inlined
def _put_on_circle(out, first, step):
    out[first] = _SINES[np.uint64(step)]
    out[first + 1] = _SINES[np.uint64(step + _WEEK // 4)]


@inlined
def _is_within(time_ms, first_ms, until_ms):
    return 1.0 if first_ms <= time_ms < until_ms else 0.0


@inlined
def step_calendar(end_ms, out):
    """Write the calendar features; the circle of the week begins on a Thursday, as 1970 did, in whole minutes."""
    of_week = end_ms % _WEEK_MS
    of_day = of_week % _DAY_MS
    of_hour = of_day % _HOUR_MS
    _put_on_circle(out, 0, of_day // _MINUTE_MS * 7)
    _put_on_circle(out, 2, of_week // _MINUTE_MS)
    _put_on_circle(out, 4, of_hour // _MINUTE_MS * (7 * 24))
    out[6] = 1.0 if of_hour == 0 else 0.0
    out[7] = 1.0 if of_day % (8 * _HOUR_MS) == 0 else 0.0
    out[8] = _is_within(of_week, _SATURDAY_MS, _SATURDAY_MS + 2 * _DAY_MS)
    out[9] = _is_within(of_day, 0, 9 * _HOUR_MS)
    out[10] = _is_within(of_day, 7 * _HOUR_MS, 16 * _HOUR_MS)
    out[11] = _is_within(of_day, 13 * _HOUR_MS, 21 * _HOUR_MS)

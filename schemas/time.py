"""Intervals and the arithmetic of bar boundaries; time itself is always an argument.

Every time is an int64 count of UTC milliseconds since the Unix epoch, and its name ends in
``_ms``. A venue's microseconds are floored. Bars are half-open: ``[start_ms, end_ms)``.
"""

from enum import StrEnum
from typing import Protocol


class Interval(StrEnum):
    """The length of a bar, and also of a horizon: how far ahead a prediction looks."""

    ONE_MINUTE = "1m"
    FIVE_MINUTES = "5m"
    FIFTEEN_MINUTES = "15m"
    THIRTY_MINUTES = "30m"
    ONE_HOUR = "1h"
    FOUR_HOURS = "4h"
    ONE_DAY = "1d"

    @property
    def milliseconds(self) -> int:
        """The length in milliseconds."""
        return _MILLISECONDS[self]


_MINUTE_MS = 60_000
_MILLISECONDS = {
    Interval.ONE_MINUTE: _MINUTE_MS,
    Interval.FIVE_MINUTES: 5 * _MINUTE_MS,
    Interval.FIFTEEN_MINUTES: 15 * _MINUTE_MS,
    Interval.THIRTY_MINUTES: 30 * _MINUTE_MS,
    Interval.ONE_HOUR: 60 * _MINUTE_MS,
    Interval.FOUR_HOURS: 240 * _MINUTE_MS,
    Interval.ONE_DAY: 1440 * _MINUTE_MS,
}


class Clock(Protocol):
    """Where a shell gets the time from; pure code is handed times and never a clock."""

    def now_ms(self) -> int:
        """The wall clock, UTC milliseconds; may step backwards."""

    def monotonic_s(self) -> float:
        """Seconds that never run backwards, from an arbitrary origin."""

    def sleep(self, seconds: float) -> None:
        """Return after about this many seconds; zero or less returns at once."""


def bar_start_ms(time_ms: int, interval: Interval) -> int:
    """The start of the bar that holds a time.

    Args:
        time_ms: UTC milliseconds.
        interval: The bar's length; bars are aligned to the Unix epoch.

    Returns:
        The largest multiple of the interval that is at most ``time_ms``.

    Example:
        >>> bar_start_ms(119_999, Interval.ONE_MINUTE)
        60000
    """
    return time_ms - time_ms % interval.milliseconds


def milliseconds_from_microseconds(time_us: int) -> int:
    """A venue's microseconds as milliseconds, floored."""
    return time_us // 1000

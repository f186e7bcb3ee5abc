"""Intervals, the arithmetic of bar boundaries, and how times are read and printed.

Time itself is always an argument. Every time is an int64 count of UTC milliseconds since the Unix
epoch, and its name ends in ``_ms``. A venue's microseconds are floored. Bars are half-open:
``[start_ms, end_ms)``. Every time that a person types is read by :func:`parse_time`, and every time
that a person reads is printed by :func:`text_of_time`.
"""

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal, NamedTuple, Protocol, overload

from schemas.errors import ConfigurationError

#: How exactly a time is printed; see :func:`text_of_time`.
TimeLook = Literal["day", "minute", "second", "millisecond", "iso"]


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


class Length(Protocol):
    """The length of the bars of a table: an :class:`Interval`, or another one that only a file has."""

    @property
    def milliseconds(self) -> int:
        """The length in milliseconds."""


class OtherLength(NamedTuple):
    """A length that is no interval of the platform, such as ``1w`` or ``45m``, by its name.

    Attributes:
        name: As a person writes it.
        milliseconds: The length.
    """

    name: str
    milliseconds: int

    def __str__(self) -> str:
        """The name."""
        return self.name


#: The first day on which a bitcoin existed is later than this; a time before it is wrong.
EARLIEST_MS = 1_230_768_000_000  # 2009-01-01
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIMESPECS = {"minute": "minutes", "second": "seconds", "millisecond": "milliseconds"}
_MINUTE_MS = 60_000
_LENGTH = re.compile(r"([1-9]\d{0,4})([smhdw])")
_UNITS_MS = {
    "s": 1000,
    "m": _MINUTE_MS,
    "h": 60 * _MINUTE_MS,
    "d": 1440 * _MINUTE_MS,
    "w": 10_080 * _MINUTE_MS,
}
_MILLISECONDS = {
    Interval.ONE_MINUTE: _MINUTE_MS,
    Interval.FIVE_MINUTES: 5 * _MINUTE_MS,
    Interval.FIFTEEN_MINUTES: 15 * _MINUTE_MS,
    Interval.THIRTY_MINUTES: 30 * _MINUTE_MS,
    Interval.ONE_HOUR: 60 * _MINUTE_MS,
    Interval.FOUR_HOURS: 240 * _MINUTE_MS,
    Interval.ONE_DAY: 1440 * _MINUTE_MS,
}


def length_named(text: str) -> Interval | OtherLength | None:
    """The length of a name such as ``1h``, ``45m``, ``3d`` or ``1w``; None if it is no such name.

    Example:
        >>> length_named("60m"), str(length_named("1w"))
        (<Interval.ONE_HOUR: '1h'>, '1w')
    """
    found = _LENGTH.fullmatch(text)
    if found is None:
        return None
    milliseconds = int(found[1]) * _UNITS_MS[found[2]]
    own = next((one for one in Interval if one.milliseconds == milliseconds), None)
    return own or OtherLength(text, milliseconds)


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


def milliseconds_by_magnitude(value: int) -> int:
    """A whole number that counts seconds, milliseconds, microseconds or nanoseconds, as milliseconds.

    A number below 10**11 counts seconds, below 10**14 milliseconds, below 10**17 microseconds, and any larger
    one nanoseconds. From 2009 on, and for a thousand years, each time is therefore told in one way.

    Example:
        >>> {milliseconds_by_magnitude(1_735_689_600 * 10**n) for n in (0, 3, 6, 9)}
        {1735689600000}
    """
    size = abs(value)
    if size < 10**11:
        return value * 1000
    if size < 10**14:
        return value
    return value // 1000 if size < 10**17 else value // 1_000_000


@overload
def parse_time(text: str, name: str) -> int: ...
@overload
def parse_time(text: str | None, name: str) -> int | None: ...
def parse_time(text: str | None, name: str) -> int | None:
    """An ISO time, in UTC unless it states an offset, as UTC milliseconds.

    Args:
        text: A day or a time of the years 1 to 9999; None where nothing was given, which stays None.
        name: What the error calls it: the option or the variable that holds the text.

    Returns:
        The milliseconds; parts of a millisecond are floored.

    Raises:
        ConfigurationError: If the text has another form; the message says what was expected and what it was.

    Example:
        >>> parse_time("2025-06-01T00:15", "--from")
        1748736900000
    """
    if text is None:
        return None
    try:
        stated = datetime.fromisoformat(text.strip())  # noqa: TID251  (the one place)
        in_utc = stated.replace(tzinfo=UTC) if stated.tzinfo is None else stated.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = (
            f"{name} must be an ISO time such as 2025-06-01 or 2025-06-01T12:00, in UTC unless it states an "
            f"offset, was {text!r}"
        )
        raise ConfigurationError(message) from error
    return (in_utc - _EPOCH) // timedelta(milliseconds=1)


def text_of_time(time_ms: int, look: TimeLook = "second") -> str:
    """A time as people read it, in UTC; this never raises.

    A time has two looks. Tables, logs and pages show it with a space and without a zone, because
    their headings say UTC. ``iso`` is for the JSON of the API, whose clients parse it: it has a ``T``,
    milliseconds, and a ``Z`` for UTC.

    Args:
        time_ms: UTC milliseconds.
        look: The smallest unit that is printed; what is smaller is cut off.

    Returns:
        Such as ``2025-06-01 00:15:00``; a time outside the years 1 to 9999 as its milliseconds.

    Example:
        >>> text_of_time(1_748_736_900_250), text_of_time(1_748_736_900_250, "iso")
        ('2025-06-01 00:15:00', '2025-06-01T00:15:00.250Z')
        >>> text_of_time(10**18)
        '1000000000000000000 ms'
    """
    try:
        time = (_EPOCH + timedelta(milliseconds=time_ms)).replace(tzinfo=None)
    except OverflowError:
        return f"{time_ms} ms"
    if look == "day":
        return time.date().isoformat()
    if look == "iso":
        return time.isoformat(timespec="milliseconds") + "Z"
    return time.isoformat(sep=" ", timespec=_TIMESPECS[look])

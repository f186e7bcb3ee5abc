"""Reads times in outside messages: counts of seconds or smaller units, as JSON or text, and ISO times.

A time outside the years 2009 to 2099 is wrong: a count in another unit, or an uninitialised field.
"""

import math

from producers.normalise.fields import LARGEST_INTEGER, LONGEST_NUMBER, shown
from producers.normalise.trades import milliseconds_of_text
from schemas.errors import DecodeError, InvariantError
from schemas.time import EARLIEST_MS, milliseconds_by_magnitude

_LATEST_MS = 4_102_444_800_000  # 2100-01-01


def time_ms(value: object, field: str) -> int:
    """Return a time as milliseconds: a count of seconds or smaller units, as JSON or text, or an ISO time.

    Raises:
        InvariantError: If it is before 2009 or after 2100.
        DecodeError: If it is no time.
    """
    return in_time(possible_time_ms(value, field), field)


def possible_time_ms(value: object, field: str) -> int:
    """Return a time that may lie in any year, as :func:`time_ms` does.

    Raises:
        DecodeError: If it is no time.
    """
    if isinstance(value, str) and len(value) <= LONGEST_NUMBER:
        return milliseconds_of_text(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST_INTEGER:
        return milliseconds_by_magnitude(value)
    if isinstance(value, float) and abs(value) <= LARGEST_INTEGER:
        return _milliseconds_of_float(value)
    message = f"the {field} must be a time, was {shown(value)}"
    raise DecodeError(message)


def _milliseconds_of_float(value: float) -> int:
    """Seconds with decimals; a float holds them to a quarter of a microsecond, so the millisecond is exact."""
    if abs(value) < 1e11:
        return math.floor(round(value * 1e6) / 1000)
    return milliseconds_by_magnitude(int(value))


def optional_time_ms(value: object, field: str) -> int | None:
    """Return a time, or None where the venue states none or one that cannot be."""
    if value is None or value == "":
        return None
    found = possible_time_ms(value, field)
    return found if EARLIEST_MS <= found < _LATEST_MS else None


def in_time(found_ms: int, field: str) -> int:
    """Return a time in milliseconds.

    Raises:
        InvariantError: If it is before 2009 or after 2100.
    """
    if not EARLIEST_MS <= found_ms < _LATEST_MS:
        message = f"the {field} must be from 2009 to 2099, was {found_ms} ms"
        raise InvariantError(message)
    return found_ms

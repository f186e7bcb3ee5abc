"""Orders the first rows of a text by their times, however they are written.

It tells only which of two times is earlier, and imports nothing heavy, because the launcher asks it.
"""

import re
from collections.abc import Sequence
from itertools import pairwise

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = re.compile(rf"\b({'|'.join(_MONTHS)})[a-z]*\.?", re.IGNORECASE)
_NUMBER = re.compile(r"\s*\d{9,}(\.\d*)?\s*|\s*\d\.?\d*e\+?\d+\s*", re.IGNORECASE)
_COMPACT = re.compile(r"\s*(\d{4})(\d{2})(\d{2})(?:[T _-]*(\d{2}):?(\d{2}):?(\d{2})?)?.*")
_CLOCK = r"(?:\D*(\d{1,2})(?::?(\d{2}))?(?::?(\d{2}(?:[.,]\d+)?))?)?\s*(.*)"
_YEAR_FIRST = re.compile(r"\s*(\d{4})\D+(\d{1,2})\D+(\d{1,2})" + _CLOCK)
_YEAR_LAST = re.compile(r"\D*(\d{1,2})\D+(\d{1,2})\D+(\d{4}|\d{2})" + _CLOCK)
_AFTERNOON, _MORNING = re.compile(r"p\.?m", re.IGNORECASE), re.compile(r"a\.?m", re.IGNORECASE)
_LEAST_SHARE = 0.9

Key = tuple[float, ...]


def order_by_time(rows: Sequence[Sequence[str]], columns: Sequence[int]) -> list[int]:
    """Return the numbers of rows by time; those without a time are left out.

    Args:
        rows: The cells of the first rows.
        columns: Those that hold times, the days before the times of day.

    Returns:
        The rows as they stand, if the times of many cannot be read.
    """
    day_first = _keys(rows, columns, is_day_first=True)
    month_first = _keys(rows, columns, is_day_first=False)
    keys = min((month_first, day_first), key=_n_turns)
    if len(keys) < _LEAST_SHARE * len(rows):
        return list(range(len(rows)))
    return sorted(keys, key=lambda row: keys[row])


def _keys(rows: Sequence[Sequence[str]], columns: Sequence[int], *, is_day_first: bool) -> dict[int, Key]:
    """By row what its times are ordered by."""
    found: dict[int, Key] = {}
    for number, row in enumerate(rows):
        parts = [_key(row[column], is_day_first=is_day_first) for column in columns]
        if all(parts):
            found[number] = tuple(value for part in parts for value in part)
    return found


def _n_turns(keys: dict[int, Key]) -> int:
    """How often the times turn from going on to going back; in the true order of day and month it is seldom."""
    is_later = [later > earlier for earlier, later in pairwise(keys.values()) if later != earlier]
    return sum(one != other for one, other in pairwise(is_later))


def _key(cell: str, *, is_day_first: bool) -> Key:
    """What a time is ordered by, or nothing if it cannot be read."""
    if _NUMBER.fullmatch(cell):
        return (_seconds(float(cell)),)
    clock = re.fullmatch(r"\s*(\d{1,2}):(\d{2})(?::(\d{2}))?.*", cell)
    if clock is not None:
        return (float(clock[1]), float(clock[2]), float(clock[3] or 0))
    compact = _COMPACT.fullmatch(cell)
    if compact is not None:
        return tuple(float(part or 0) for part in compact.groups())
    named = _MONTH.search(cell)
    text = cell if named is None else _MONTH.sub(f" {_MONTHS.index(named[1].lower()) + 1} ", cell, count=1)
    found = _YEAR_FIRST.fullmatch(text) or _YEAR_LAST.fullmatch(text)
    if found is None:
        return ()
    is_name_first = named is not None and not re.search(r"\d", cell[: named.start()])
    days = [float(found[i]) for i in (1, 2, 3)]
    return (*_day(days, is_day_first=is_day_first if named is None else not is_name_first), *_clock(found))


def _seconds(value: float) -> float:
    """A number that counts units since 1970 in seconds, by its size."""
    scale = next((scale for most, scale in ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6)) if value < most), 1e9)
    return value / scale


def _day(days: Sequence[float], *, is_day_first: bool) -> Key:
    """Year, month and day of three numbers, of which the year is the first if it has four digits."""
    one, other, third = days
    if one > 31:
        return one, other, third
    return (third, other, one) if is_day_first else (third, one, other)


def _clock(found: re.Match[str]) -> Key:
    """The time of day that follows a day."""
    hour, minute, second = (float((found[i] or "0").replace(",", ".")) for i in (4, 5, 6))
    if _AFTERNOON.match(found[7]):
        hour = hour % 12 + 12
    elif _MORNING.match(found[7]):
        hour %= 12
    return hour, minute, second

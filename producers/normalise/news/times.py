"""Reads the times of articles, with the zone that was stated, and judges whether they can be true.

A parser of feeds hands out naive times, from which nobody can tell whether a zone was stated. So the text itself is read
here: RFC 822 with an offset or a named zone, two-digit years and missing seconds or days of the week; ISO 8601 with
``Z``, an offset or none; "September 25, 2026 at 2:41 PM ET"; seconds or milliseconds since 1970. A time without
a zone is taken as UTC and says so.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from producers.normalise.news.rules import ItemRefusedError, Rule
from producers.normalise.news.zones import offset_of_zone
from schemas.time import EARLIEST_MS, milliseconds_by_magnitude, text_of_time

#: A publisher's clock may be ahead of ours by so much, which is also what the codec allows.
MOST_AHEAD_MS = 60_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_MONTH = r"(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_CLOCK = (
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?"
    r"(?:\s*(?P<half>[ap])\.?m\.?)?"
)
_ZONE = r"(?:\s*\(?(?P<zone>(?:UTC|GMT)?\s*[+\-\u2212]\d{1,2}(?::?\d{2})?|[a-z]{1,5})\)?(?:\s*\([^)]*\)|\[utc\]|(?<=0000)\s+utc)?)?"
_AT = rf"(?:,?\s+(?:at\s+)?{_CLOCK}{_ZONE})?"
_WEEKDAY = r"(?:[a-z]{2,9}\.?,?\s+)?"
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_ISO = rf"(?P<year>\d{{4}})(?P<mark>[-/])(?P<number>\d{{1,2}})(?P=mark)(?P<day>\d{{1,2}})(?:(?:\s*T\s*|\s+){_CLOCK}{_ZONE})?"
_SHORT_ISO = (
    r"(?P<year>\d{4})(?P<number>\d{2})(?P<day>\d{2})T(?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2})?"
    + _ZONE
)
_RFC_822 = rf"{_WEEKDAY}{_DAY}[\s-]+{_MONTH},?[\s-]+(?P<year>\d{{4}}|\d{{2}}){_AT}"
_AMERICAN = rf"{_WEEKDAY}{_MONTH}\s+{_DAY},?\s+(?P<year>\d{{4}}){_AT}"
_OF_C = (
    rf"{_WEEKDAY}{_MONTH}\s+(?P<day>\d{{1,2}})\s+{_CLOCK}\s+(?:(?P<zone>[a-z]{{1,5}})\s+)?(?P<year>\d{{4}})"
)
_FORMS = tuple(re.compile(form, re.IGNORECASE) for form in (_ISO, _SHORT_ISO, _RFC_822, _AMERICAN, _OF_C))
_NUMBER = re.compile(r"\d{9,19}(\.\d+)?")
_OFFSET = re.compile(
    r"(?:UTC|GMT)?\s*(?P<sign>[+\-\u2212])(?P<hours>\d{1,2}):?(?P<minutes>\d{2})?", re.IGNORECASE
)
_FARTHEST_MINUTES = 15 * 60
#: Two-digit years up to this are of this century, as RFC 2822 has it.
_NEW_CENTURY = 50
_LONGEST = 80


class StatedTime(NamedTuple):
    """A time as it was stated.

    Attributes:
        ms: UTC milliseconds.
        zone: The offset that was stated, such as ``-05:00``; None if none was, so that it was taken as UTC.
    """

    ms: int
    zone: str | None


def read_time(text: str) -> StatedTime:
    """Read the time of an article.

    Args:
        text: As a feed or a page states it.

    Raises:
        ItemRefusedError: If it has no known form, names an unknown zone, or is no day of the calendar.

    Example:
        >>> read_time("Fri, 25 Sep 2026 14:41:53 EST")
        StatedTime(ms=1790365313000, zone='-05:00')
    """
    stated = " ".join(text.split())[:_LONGEST]
    if _NUMBER.fullmatch(stated):
        return StatedTime(milliseconds_by_magnitude(int(stated.partition(".")[0])), "+00:00")
    match = next((found for form in _FORMS if (found := form.fullmatch(stated))), None)
    if match is None:
        message = f"expected a time such as 'Fri, 25 Sep 2026 14:41:53 +0000' or '2026-09-25T14:41:53Z', was {stated!r}"
        raise ItemRefusedError(Rule.TIME, message)
    try:
        return _time_of(match.groupdict())
    except (ValueError, OverflowError) as error:
        message = f"expected a time of the calendar, was {stated!r}: {error}"
        raise ItemRefusedError(Rule.TIME, message) from error


def _time_of(parts: dict[str, str | None]) -> StatedTime:
    month = parts.get("month")
    local = datetime(  # noqa: DTZ001  (the zone follows)
        _year(parts["year"] or ""),
        _MONTHS[month[:3].lower()] if month else int(parts["number"] or 0),
        int(parts["day"] or 0),
        _hour(parts),
        int(parts["minute"] or 0),
        min(int(parts.get("second") or 0), 59),  # a leap second
        int((parts.get("part") or "0").ljust(6, "0")[:6]),
    )
    minutes = _minutes_ahead(parts.get("zone"), local)
    at = local.replace(tzinfo=UTC) - timedelta(minutes=minutes or 0)
    return StatedTime((at - _EPOCH) // timedelta(milliseconds=1), _zone_text(minutes))


def _year(text: str) -> int:
    year = int(text)
    if len(text) > 2:
        return year
    return year + (2000 if year < _NEW_CENTURY else 1900)


def _hour(parts: dict[str, str | None]) -> int:
    hour, half = int(parts["hour"] or 0), parts.get("half")
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        message = f"the hour {hour} is none of twelve"
        raise ValueError(message)
    return hour % 12 + (12 if half.lower() == "p" else 0)


def _minutes_ahead(zone: str | None, local: datetime) -> int | None:
    """How far ahead of UTC the stated zone is; None if no zone is stated. RFC 2822 says so by ``-0000``."""
    if zone is None:
        return None
    offset = _OFFSET.fullmatch(zone)
    if offset is None:
        minutes = offset_of_zone(zone, local)
        if minutes is None:
            message = f"the zone {zone!r} is not known"
            raise ValueError(message)
        return minutes
    minutes = int(offset["hours"]) * 60 + int(offset["minutes"] or 0)
    is_behind = offset["sign"] != "+"
    if minutes > _FARTHEST_MINUTES or int(offset["minutes"] or 0) > 59:
        message = f"no zone is {zone} from UTC"
        raise ValueError(message)
    if is_behind and minutes == 0:
        return None
    return -minutes if is_behind else minutes


def _zone_text(minutes: int | None) -> str | None:
    if minutes is None:
        return None
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02d}:{rest:02d}"


def check_published(published_ms: int, *, now_ms: int, most_ahead_ms: int = MOST_AHEAD_MS) -> None:
    """Check that an article can have been published at a time.

    Args:
        published_ms: The time that is stated.
        now_ms: When it was read.
        most_ahead_ms: How far the publisher's clock may be ahead.

    Raises:
        ItemRefusedError: If the time is before 2009 or later than now by more than clocks differ.
    """
    if published_ms < EARLIEST_MS:
        message = f"published at {_shown(published_ms)}, before the year 2009"
        raise ItemRefusedError(Rule.NOT_TOO_EARLY, message)
    if published_ms > now_ms + most_ahead_ms:
        message = (
            f"published at {_shown(published_ms)}, which is in the future: it was read at {_shown(now_ms)}"
        )
        raise ItemRefusedError(Rule.NOT_IN_FUTURE, message)


def _shown(time_ms: int) -> str:
    try:
        return text_of_time(time_ms)
    except (ValueError, OverflowError):
        return f"{time_ms} ms"

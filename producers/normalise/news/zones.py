"""The offsets from UTC of the zones that feeds and pages call by a name.

Names that mean several zones (``IST``, ``CST`` of China, ``BST`` of Bangladesh) are read as RFC 822 and the English
press have them. ``ET`` and the like mean standard or summer time by the date, after the rule that the United
States have had since 2007.
"""

from datetime import date, datetime, timedelta

_HOUR = 60
#: Minutes ahead of UTC.
_NAMES = {
    0: ("UTC", "UT", "GMT", "Z", "ZULU", "WET"),
    -300: ("EST", "CDT"),
    -240: ("EDT", "AST"),
    -360: ("CST", "MDT"),
    -420: ("MST", "PDT"),
    -480: ("PST", "AKDT"),
    -540: ("AKST",),
    -600: ("HST",),
    -180: ("ADT", "BRT"),
    60: ("BST", "WEST", "CET", "MEZ"),
    120: ("CEST", "MESZ", "EET"),
    180: ("EEST", "MSK", "TRT"),
    240: ("GST",),
    330: ("IST",),
    420: ("ICT", "WIB"),
    480: ("SGT", "HKT", "AWST"),
    540: ("JST", "KST"),
    570: ("ACST",),
    600: ("AEST",),
    660: ("AEDT",),
    720: ("NZST",),
    780: ("NZDT",),
}
_OFFSETS = {name: minutes for minutes, names in _NAMES.items() for name in names}
#: Minutes ahead of UTC in winter.
_AMERICAN = {"ET": -5 * _HOUR, "CT": -6 * _HOUR, "MT": -7 * _HOUR, "PT": -8 * _HOUR}
_SUNDAY = 6


def offset_of_zone(name: str, at: datetime) -> int | None:
    """Return how many minutes a zone is ahead of UTC, or None if the name is not known.

    Args:
        name: Such as ``EST``, in any case.
        at: The naive local time, which decides between winter and summer for ``ET``, ``CT``, ``MT`` and ``PT``.

    Example:
        >>> offset_of_zone("ET", datetime(2026, 7, 4, 12, 0))
        -240
    """
    upper = name.upper()
    if upper in _AMERICAN:
        return _AMERICAN[upper] + (_HOUR if _is_american_summer(at) else 0)
    return _OFFSETS.get(upper)


def _is_american_summer(at: datetime) -> bool:
    begin, end = _sunday(at.year, 3, 2), _sunday(at.year, 11, 1)
    change = timedelta(hours=2)
    return begin + change <= at < end + change


def _sunday(year: int, month: int, number: int) -> datetime:
    """Return midnight of the first, second ... Sunday of a month."""
    first = date(year, month, 1)
    day = 1 + (_SUNDAY - first.weekday()) % 7 + 7 * (number - 1)
    return datetime(year, month, day)  # noqa: DTZ001  (local time of a zone that the caller knows)

"""Reads the number that a cell of text says, with its marks between thousands and its letters for large numbers."""

import re
from collections.abc import Mapping

_DRESSED = re.compile(r"([-+]?)[$€£]?([\d.,]*\d[\d.,]*)(e[-+]?\d+)?([kmbt]?)", re.IGNORECASE)
_SPACES = re.compile(r"[\s'\u00a0\u202f_]+")
_TIMES: Mapping[str, float] = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}


def amount_of(text: str | None, *, has_decimal_comma: bool = False) -> float:
    """Return the number that a cell says, or NaN.

    Args:
        text: Of the cell.
        has_decimal_comma: Whether a comma begins the decimals.

    Example:
        >>> amount_of("28,420.3"), amount_of("57.32K"), amount_of("63.327,6", has_decimal_comma=True)
        (28420.3, 57320.0, 63327.6)
    """
    found = _DRESSED.fullmatch(_SPACES.sub("", text or ""))
    if found is None:
        return float("nan")
    sign, digits, exponent, letter = found.groups()
    grouping, decimal = (".", ",") if has_decimal_comma else (",", ".")
    whole, mark, decimals = digits.partition(decimal)
    if not _is_grouped(whole, grouping) or grouping in decimals or decimal in decimals:
        return float("nan")
    plain = f"{sign}{whole.replace(grouping, '') or '0'}{'.' if mark else ''}{decimals}{exponent or ''}"
    return round(float(plain) * _TIMES[letter.lower()], 8) if letter else float(plain)


def _is_grouped(whole: str, mark: str) -> bool:
    """Whether marks stand before every third digit, or nowhere."""
    first, *groups = whole.split(mark)
    return not groups or (1 <= len(first) <= 3 and all(len(group) == 3 for group in groups))

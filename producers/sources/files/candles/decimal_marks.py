"""Tells whether the numbers of a text have a decimal comma or a decimal point, where the text leaves that open.

It imports nothing heavy, because the launcher asks it.
"""

import re
from collections.abc import Sequence

_LETTER = r"\s*[kmb]?\s*"
_COMMA = re.compile(
    rf"\s*[-+]?(\d{{4,}},\d+|\d{{1,3}}(\.\d{{3}})+,\d+|0,\d+|\d+,(\d{{1,2}}|\d{{4,}})){_LETTER}",
    re.IGNORECASE,
)
_POINT = re.compile(
    rf"\s*[-+]?(\d+\.(\d{{1,2}}|\d{{4,}})|\d{{4,}}\.\d+|0\.\d+|\d{{1,3}}(,\d{{3}})+\.\d+){_LETTER}",
    re.IGNORECASE,
)
_SEVERAL_COMMAS = re.compile(r"\s*[-+]?\d{1,3}(,\d{3}){2,}\s*")
_THREE_AFTER_COMMA = re.compile(r"\s*[-+]?[1-9]\d{0,2},\d{3}\s*")
_THREE_AFTER_POINT = re.compile(r"\s*[-+]?[1-9]\d{0,2}\.\d{3}\s*")
_LEAST_SHARE = 0.5


def has_decimal_comma(cells: Sequence[str], separator: str) -> bool:
    """Return whether a comma begins the decimals of numbers.

    A file of semicolons is written so because its commas are decimal marks, unless one of its numbers says otherwise.

    Args:
        cells: The numbers of the first rows, as they are written.
        separator: Between the cells of a line.

    Example:
        >>> has_decimal_comma(["1,221", "1,227"], ";"), has_decimal_comma(["28,420", "28,431"], "|")
        (True, False)
    """
    commas, points = _n_of(_COMMA, cells), _n_of(_POINT, cells)
    if commas != points or separator != ";":
        return commas > points
    is_grouped = _n_of(_SEVERAL_COMMAS, cells) > 0 or any("." in cell for cell in cells)
    return not is_grouped and _n_of(_THREE_AFTER_COMMA, cells) > 0


def doubtful_number(cells: Sequence[str], separator: str) -> str | None:
    """Return a number such as 51.697 of a file of semicolons, if most are so written and no other has a comma.

    Args:
        cells: The numbers of the first rows, as they are written.
        separator: Between the cells of a line.
    """
    if separator != ";" or _n_of(_COMMA, cells):
        return None
    marked = [cell for cell in cells if "." in cell]
    doubtful = [cell for cell in marked if _THREE_AFTER_POINT.fullmatch(cell)]
    return doubtful[0] if doubtful and len(doubtful) > _LEAST_SHARE * len(marked) else None


def _n_of(pattern: re.Pattern[str], cells: Sequence[str]) -> int:
    return sum(bool(pattern.fullmatch(cell)) for cell in cells)

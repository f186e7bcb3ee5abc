"""Reads columns of times, however a file writes them, as UTC milliseconds.

Numbers count seconds, milliseconds, microseconds or nanoseconds, told apart by their size, each by itself. A time
without a zone is taken to be UTC. What cannot be read is :data:`~schemas.frames.MISSING_TIME`.
"""

import re
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from producers.sources.files.candles.arrays import floats, integers, truths
from schemas.frames import MISSING_TIME

Times = NDArray[np.int64]

_DAY_MS = 86_400_000
_CLOCK = (
    r"(?:[T ,_-]*(?P<hour>\d{1,2})(?::?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9}))?)?)?)?"
    r"[ -]*(?P<half>[AaPp]\.?[Mm]\.?)?"
    r"\s*(?:Z|z|UTC|GMT)?(?P<zone>[+-]\d{2}(?::?\d{2})?)?(?:\s*UTC)?"
)
_MONTH = r"(?P<month>[A-Za-z]{3})[a-z]*\.?"
#: How days are written; the first pattern that a cell has is taken.
_DAYS: Mapping[str, str] = {
    "iso": r"(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})",
    "compact": r"(?P<year>20\d{2}|19\d{2})(?P<month>\d{2})(?P<day>\d{2})",
    "name first": _MONTH + r" (?P<day>\d{1,2}),? (?P<year>\d{4})",
    "day first": r"(?P<day>\d{1,2})[- ]" + _MONTH + r",?[- ](?P<year>\d{4})",
}
#: Days by two numbers: with points the day comes first; with other marks nobody knows.
_DOTTED = r"(?P<one>\d{1,2})\.(?P<other>\d{1,2})\.(?P<year>\d{4})"
_SLASHED = r"(?P<one>\d{1,2})[-/](?P<other>\d{1,2})[-/](?P<year>\d{4})"
_DECISIVE = r"^\s*((1[3-9]|[23]\d)[-/]\d{1,2}|\d{1,2}[-/](1[3-9]|[23]\d))[-/]"
_NUMBER = r"^\s*-?\d{5,19}(\.\d*)?([eE]\+?\d+)?\s*$"
_PLAIN_ISO = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?)?$"
_CELLS_LOOKED_AT = 50
_COMPACT_DAYS = (19_000_101, 21_991_231)
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LARGEST = 2**62


def times_of(column: pa.ChunkedArray) -> Times:
    """Return a column's times; times that cannot be read are missing.

    Raises:
        TypeError: If the column's type is of no time, no number and no text.
    """
    kind = column.type
    if pa.types.is_null(kind):
        return np.full(len(column), MISSING_TIME, dtype=np.int64)
    if pa.types.is_timestamp(kind):
        return _of_unit(integers(column.cast(pa.int64())), kind.unit)
    if pa.types.is_date(kind):
        return integers(column.cast(pa.timestamp("ms")).cast(pa.int64()))
    if pa.types.is_integer(kind):
        return _of_whole_numbers(integers(column.cast(pa.int64(), safe=False)))
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return times_of_numbers(floats(column.cast(pa.float64(), safe=False)))
    if pa.types.is_string(kind):
        return _of_text(column)
    raise TypeError(str(kind))


def times_of_numbers(values: NDArray[np.float64]) -> Times:
    """Return numbers that count units since 1970 as milliseconds, each by its own size."""
    size = np.abs(values)
    scale = np.select([size < 1e11, size < 1e14, size < 1e17], [1e3, 1.0, 1e-3], 1e-6)
    milliseconds = np.floor(np.round(values * scale, 3))
    readable = np.isfinite(milliseconds) & (np.abs(milliseconds) < _LARGEST)
    return np.where(readable, np.where(readable, milliseconds, 0).astype(np.int64), MISSING_TIME)


def _of_whole_numbers(values: Times) -> Times:
    compact = (values >= _COMPACT_DAYS[0]) & (values <= _COMPACT_DAYS[1])
    if compact.any():
        days = _milliseconds(values // 10_000, values // 100 % 100, values % 100)
        return np.where(compact, days, _of_whole_numbers(np.where(compact, MISSING_TIME, values)))
    # The smallest number has no absolute value: it is what is missing.
    size = np.where(values == MISSING_TIME, 0, np.abs(values))
    scaled = np.select(
        [size < 10**11, size < 10**14, size < 10**17],
        [values * 1000, values, values // 1000],
        values // 10**6,
    )
    return np.where(values == MISSING_TIME, MISSING_TIME, scaled)


def _of_unit(values: Times, unit: str) -> Times:
    if unit == "ms":
        return values
    if unit == "s":
        largest = _LARGEST // 1000
        scaled = np.clip(values, -largest, largest) * 1000
    else:
        scaled = values // (1000 if unit == "us" else 10**6)
    return np.where(values == MISSING_TIME, MISSING_TIME, scaled)


def _of_text(column: pa.ChunkedArray) -> Times:
    plain = _of_plain_iso(column)
    return _of_any_text(column) if plain is None else plain


def _of_plain_iso(column: pa.ChunkedArray) -> Times | None:
    """The times of a column that is written in one usual way throughout, which pyarrow reads ten times faster."""
    for unit, zone in (("ms", None), ("ms", "UTC"), ("ns", None), ("ns", "UTC")):
        try:
            times = column.cast(pa.timestamp(unit, tz=zone))
        except pa.ArrowInvalid:
            continue
        return _of_unit(integers(times.cast(pa.int64())), unit)
    return None


def _of_any_text(column: pa.ChunkedArray) -> Times:
    result = np.full(len(column), MISSING_TIME, dtype=np.int64)
    is_plain = truths(pc.match_substring_regex(column, _PLAIN_ISO))
    plain = _of_plain_iso(column.filter(pa.array(is_plain)))
    if plain is not None:
        result[is_plain] = plain
    is_number = truths(pc.match_substring_regex(column, _NUMBER))
    if is_number.any():
        result[is_number] = _of_number_texts(column.filter(pa.array(is_number)))
    for pattern in _likeliest_first(column):
        if not (left := (result == MISSING_TIME) & ~is_number).any():
            return result
        result[left] = _matched(column.filter(pa.array(left)), pattern)
    return result


def _likeliest_first(column: pa.ChunkedArray) -> list[str]:
    """The ways of writing a time, those that the first cells have before the others."""
    cells = [cell or "" for cell in column.slice(0, _CELLS_LOOKED_AT).to_pylist()]
    patterns = [rf"^\s*{days}{_CLOCK}\s*$" for days in (*_DAYS.values(), _DOTTED, _SLASHED)]
    return sorted(patterns, key=lambda pattern: -sum(bool(re.match(pattern, cell)) for cell in cells))


def _of_number_texts(column: pa.ChunkedArray) -> Times:
    trimmed = pc.utf8_trim_whitespace(column)
    is_whole = truths(pc.match_substring_regex(trimmed, r"^-?\d{1,18}$"))
    if is_whole.all():
        return _of_whole_numbers(integers(trimmed.cast(pa.int64())))
    return times_of_numbers(floats(trimmed.cast(pa.float64())))


def _matched(column: pa.ChunkedArray, pattern: str) -> Times:
    found = _parts(column, pattern)
    if "one" in found:
        return _of_two_numbers(found, is_day_first=_DOTTED in pattern)
    return _with_clock(found, found["year"], found["month"], found["day"])


def _parts(column: pa.ChunkedArray, pattern: str) -> dict[str, Times]:
    """The named parts of a pattern as whole numbers; -1 where the cell has no such part."""
    matches = pc.extract_regex(column, pattern)
    matched = truths(pc.is_valid(matches))
    parts = {}
    for field in matches.type:
        text = pc.struct_field(matches, [field.name])
        parts[field.name] = np.where(matched, _PART.get(field.name, _whole_part)(text), -1)
    parts["matched"] = matched.astype(np.int64)
    return parts


def _whole_part(text: pa.ChunkedArray) -> Times:
    filled = pc.if_else(pc.match_substring_regex(text, r"^\d+$"), text, pa.scalar("-1"))
    return integers(pc.coalesce(filled, pa.scalar("-1")).cast(pa.int64()))


def _month_part(text: pa.ChunkedArray) -> Times:
    index = pc.index_in(pc.utf8_lower(text), value_set=pa.array(_MONTHS)).cast(pa.int64())
    named = integers(pc.coalesce(index, pa.scalar(-1, pa.int64())))
    return np.where(named >= 0, named + 1, _whole_part(text))


def _fraction_part(text: pa.ChunkedArray) -> Times:
    padded = pc.utf8_slice_codeunits(pc.binary_join_element_wise(text, pa.scalar("000"), ""), 0, 3)
    return np.maximum(_whole_part(padded), 0)


def _half_part(text: pa.ChunkedArray) -> Times:
    letter = pc.utf8_lower(pc.utf8_slice_codeunits(text, 0, 1))
    index = pc.index_in(letter, value_set=pa.array(["a", "p"])).cast(pa.int64())
    return integers(pc.coalesce(index, pa.scalar(-1, pa.int64())))


def _zone_part(text: pa.ChunkedArray) -> Times:
    """The offset in minutes."""
    bare = pc.replace_substring(text, ":", "")
    hours = _whole_part(pc.utf8_slice_codeunits(bare, 1, 3))
    minutes = _whole_part(pc.utf8_slice_codeunits(bare, 3, 5))
    west = truths(pc.starts_with(bare, "-"))
    ahead: Times = np.maximum(hours, 0) * 60 + np.maximum(minutes, 0)
    return np.where(west, -ahead, ahead)


_PART = {"month": _month_part, "fraction": _fraction_part, "half": _half_part, "zone": _zone_part}


def _of_two_numbers(found: dict[str, Times], *, is_day_first: bool) -> Times:
    """Days such as 10/01/2024, of which some cells tell whether the day or the month comes first."""
    if (found["one"] > 12).any() or (found["other"] > 12).any():
        is_day_first = bool((found["one"] > 12).sum() > (found["other"] > 12).sum())
    elif (found["one"] > 0).any():
        steps = _n_steps(found, is_day_first=True), _n_steps(found, is_day_first=False)
        is_day_first = is_day_first if steps[0] == steps[1] else steps[0] < steps[1]
    return _with_order(found, is_day_first=is_day_first)


def _with_order(found: dict[str, Times], *, is_day_first: bool) -> Times:
    month, day = (found["other"], found["one"]) if is_day_first else (found["one"], found["other"])
    return _with_clock(found, found["year"], month, day)


def _n_steps(found: dict[str, Times], *, is_day_first: bool) -> int:
    """How many different steps lie between the rows; of the true order they are few."""
    return int(np.unique(np.diff(np.sort(_with_order(found, is_day_first=is_day_first)))).size)


def day_order_doubt(column: pa.ChunkedArray) -> str | None:
    """Return a sentence if nobody can tell whether the days of a column have the day or the month first."""
    pattern = rf"^\s*{_SLASHED}{_CLOCK}\s*$"
    if not pa.types.is_string(column.type) or not truths(pc.match_substring_regex(column, pattern)).any():
        return None
    if truths(pc.match_substring_regex(column, _DECISIVE)).any():
        return None
    found = _parts(column, pattern)
    if _n_steps(found, is_day_first=True) != _n_steps(found, is_day_first=False):
        return None
    first = next(cell for cell in column.to_pylist() if cell)
    return f"Days such as {first.strip()} are read as month, day, year: nothing in the file tells otherwise"


def _with_clock(found: dict[str, Times], year: Times, month: Times, day: Times) -> Times:
    hour, minute, second = (np.maximum(found[name], 0) for name in ("hour", "minute", "second"))
    has_half = found["half"] >= 0
    is_clock = (hour < 24) & (minute < 60) & (second < 60) & (~has_half | ((hour >= 1) & (hour <= 12)))
    hour = np.where(has_half, hour % 12 + 12 * found["half"], hour)
    zone_ms = np.where(found["matched"] == 1, found["zone"], 0) * 60_000
    milliseconds = _milliseconds(year, month, day)
    clock_ms = ((hour * 60 + minute) * 60 + second) * 1000 + np.maximum(found["fraction"], 0)
    readable = (found["matched"] == 1) & is_clock & (milliseconds != MISSING_TIME)
    return np.where(readable, np.where(readable, milliseconds, 0) + clock_ms - zone_ms, MISSING_TIME)


def _milliseconds(year: Times, month: Times, day: Times) -> Times:
    """The beginning of days of the proleptic Gregorian calendar; a day that does not exist is missing."""
    is_month = (month >= 1) & (month <= 12) & (year >= 1)
    m, y = np.where(is_month, month, 1), np.where(is_month, year, 1970)
    months = (y - 1970) * 12 + m - 1
    first = _first_of_month(months)
    exists = is_month & (day >= 1) & (day <= _first_of_month(months + 1) - first)
    return np.where(exists, (first + day - 1) * _DAY_MS, MISSING_TIME)


def _first_of_month(months: Times) -> Times:
    return months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)

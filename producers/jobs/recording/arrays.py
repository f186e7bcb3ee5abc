"""Arrow arrays of plain values, made of buffers.

``pyarrow.array`` imports pandas to see whether the values are a series of it. That takes 55 MB in each process that
records, and no other part of them needs pandas.
"""

import math
from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, Final

import pyarrow as pa

#: An integer above this has no float of its own.
_LARGEST_EXACT = 2**53


class UnfitError(ValueError):
    """A value does not fit its column."""


def array_of(values: Sequence[Any], of: str) -> pa.Array:
    """Return an array of values, in which None is a missing one.

    Args:
        values: The values.
        of: The name of the type: ``string``, ``int64``, ``double`` or ``bool``.

    Raises:
        UnfitError: If a value is of another type or too large.
    """
    type_, buffers = _FORMS[of]
    try:
        made = buffers(values)
    except (TypeError, OverflowError, AttributeError, UnicodeEncodeError) as error:
        message = f"a column of type {of} was given another value: {error}"
        raise UnfitError(message) from error
    is_missing = [value is None for value in values]
    validity = _bits([not missing for missing in is_missing]) if any(is_missing) else None
    return pa.Array.from_buffers(type_, len(values), [validity, *made], null_count=sum(is_missing))


def _bits(flags: Sequence[bool]) -> pa.Buffer:
    number = int("".join("01"[flag] for flag in reversed(flags)) or "0", 2)
    return pa.py_buffer(number.to_bytes(-(-len(flags) // 8), "little"))


def _integers(values: Sequence[Any]) -> list[pa.Buffer]:
    return [pa.py_buffer(array("q", [0 if value is None else value for value in values]))]


def _doubles(values: Sequence[Any]) -> list[pa.Buffer]:
    if any(isinstance(value, int) and abs(value) > _LARGEST_EXACT for value in values):
        message = "an integer has no double of its own"
        raise OverflowError(message)
    return [pa.py_buffer(array("d", [math.nan if value is None else value for value in values]))]


def _booleans(values: Sequence[Any]) -> list[pa.Buffer]:
    if any(value is not None and not isinstance(value, bool) for value in values):
        message = "expected a bool"
        raise TypeError(message)
    return [_bits([value is True for value in values])]


def _strings(values: Sequence[Any]) -> list[pa.Buffer]:
    parts = [b"" if value is None else value.encode() for value in values]
    ends = array("i", accumulate(map(len, parts), initial=0))
    return [pa.py_buffer(ends), pa.py_buffer(b"".join(parts))]


_FORMS: Final[dict[str, tuple[pa.DataType, Callable[[Sequence[Any]], list[pa.Buffer]]]]] = {
    "string": (pa.string(), _strings),
    "int64": (pa.int64(), _integers),
    "double": (pa.float64(), _doubles),
    "bool": (pa.bool_(), _booleans),
}

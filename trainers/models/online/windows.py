"""Writes the window of ADWIN as plain numbers, and reads it.

In River 0.26 the window is written in Rust, and its state is the bytes of Rust's own serialisation. If it is given
other bytes, it does not raise an error but panics, which no ``except Exception`` catches.
Therefore the bytes of a snapshot never reach it: a window is stored as a list of numbers, each number is checked, and
the bytes are written here.

::

    [delta, clock, max_buckets, min_window_length, grace_period,
     total, variance, width, total_width, n_buckets, max_n_buckets, n_seen, n_detections,
     [[n_used, max_buckets + 1 totals, max_buckets + 1 variances], ... for each power of two]]

Source:
    Bifet and Gavaldà (2007), Learning from time-changing data with adaptive windowing.
"""

import math
import struct
from collections.abc import Sequence
from typing import Any

from river._river_rust.drift import AdaptiveWindowing

from schemas.errors import StateError

_HEAD = struct.Struct("<diQddddddiiiiQ")
_ROW = struct.Struct("<QQ")
_LENGTH = struct.Struct("<Q")
_TAIL = struct.Struct("<diQii")
_MOST_BUCKETS = 64
_MOST_ROWS = 48
_LARGEST = 1e18
_N_PLAIN = 13
_WHOLE = (1, 2, 9, 10, 11, 12)
_OTHER_LAYOUT = "this version of River stores the window of ADWIN in another layout than River 0.26: its models cannot be kept"


def window_numbers(window: Any) -> list[Any]:
    """Returns a window of River as the list above.

    Raises:
        StateError: If this version of River has another layout.
    """
    try:
        numbers = _read(window.__getstate__())
    except struct.error as error:
        raise StateError(_OTHER_LAYOUT) from error
    return numbers


def _read(data: bytes) -> list[Any]:
    *plain, n_rows = _HEAD.unpack_from(data)
    at, rows, wide = _HEAD.size, [], plain[2] + 1
    for _ in range(n_rows):
        _, n_used = _ROW.unpack_from(data, at)
        at += _ROW.size
        values: list[float] = []
        for _ in range(2):
            if _LENGTH.unpack_from(data, at) != (wide,):
                raise StateError(_OTHER_LAYOUT)
            values.extend(struct.unpack_from(f"<{wide}d", data, at + _LENGTH.size))
            at += _LENGTH.size + 8 * wide
        rows.append([n_used, *values])
    if data[at:] != _tail(plain):
        raise StateError(_OTHER_LAYOUT)
    return [*plain, rows]


def _tail(plain: Sequence[Any]) -> bytes:
    delta, clock, max_buckets, min_window_length, grace_period = plain[:5]
    return _TAIL.pack(delta, clock, max_buckets, int(min_window_length), int(grace_period))


def window_of(numbers: Any) -> AdaptiveWindowing:
    """Returns a window of River from the list above.

    Raises:
        StateError: If the list is not a window.
    """
    if not _is_window(numbers):
        message = "expected the numbers of an ADWIN window, as trainers/models/online/windows.py lists them"
        raise StateError(message)
    *plain, rows = numbers
    parts = [_HEAD.pack(*plain, len(rows))]
    length = _LENGTH.pack(plain[2] + 1)
    for n_used, *values in rows:
        half = len(values) // 2
        totals, variances = (struct.pack(f"<{half}d", *part) for part in (values[:half], values[half:]))
        parts += [_ROW.pack(plain[2], n_used), length, totals, length, variances]
    window = AdaptiveWindowing(plain[0], plain[1], plain[2], int(plain[3]), int(plain[4]))
    window.__setstate__(b"".join([*parts, _tail(plain)]))
    return window


def _is_window(numbers: Any) -> bool:
    if not isinstance(numbers, list) or len(numbers) != _N_PLAIN + 1:
        return False
    *plain, rows = numbers
    return (
        all(_is_number(value, is_whole=place in _WHOLE) for place, value in enumerate(plain))
        and 0 < plain[0] < 1
        and plain[1] >= 1
        and 1 <= plain[2] <= _MOST_BUCKETS
        and isinstance(rows, list)
        and 1 <= len(rows) <= _MOST_ROWS
        and all(_is_row(row, n_buckets=plain[2]) for row in rows)
    )


def _is_number(value: Any, *, is_whole: bool) -> bool:
    if is_whole:
        return type(value) is int and 0 <= value < 2**31
    return type(value) is float and math.isfinite(value) and 0 <= value <= _LARGEST


def _is_row(row: Any, *, n_buckets: int) -> bool:
    return (
        isinstance(row, list)
        and len(row) == 1 + 2 * (n_buckets + 1)
        and type(row[0]) is int
        and 0 <= row[0] <= n_buckets
        and all(_is_number(value, is_whole=False) for value in row[1:])
    )

"""Turns the times of rows into the starts of bars: as they are, or a bar earlier where they are closes."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.columns import Columns
from producers.sources.files.candles.steps import LONGEST_MS, BarLength, bar_length_of
from producers.sources.files.forms import ReadRequest
from schemas.frames import MISSING_TIME
from schemas.time import EARLIEST_MS

_ONE_SECOND_MS = 1000
_MOST_TIMES = 3


class Stamps(NamedTuple):
    """When the bars of a file begin.

    Attributes:
        starts: Shape (n,), in the file's order.
        length: Of the bars.
        are_closes: Whether the file states closes.
    """

    starts: NDArray[np.int64]
    length: BarLength
    are_closes: bool


def stamps_of(columns: Columns, request: ReadRequest, *, is_stated: bool) -> Stamps | None:
    """Return when the bars begin, or None if too few rows have a time.

    A close that is a millisecond or a second before a multiple of the length, such as 23:59:59.999, tells itself.

    Args:
        columns: Of the file, in its order.
        request: Whether the user says that the times are closes.
        is_stated: Whether the name of the column says so.
    """
    times = columns["timestamp"]
    plausible = times[(times >= EARLIEST_MS) & (times <= request.not_after_ms + _ONE_SECOND_MS)]
    length = bar_length_of(plausible)
    if length is None:
        length = bar_length_of(times)
    if (
        length is None
        or length.milliseconds > LONGEST_MS
        or len(np.unique(times[times != MISSING_TIME][:10_000])) < _MOST_TIMES
    ):
        return None
    early_ms = length.milliseconds - length.phase_ms
    is_just_before = early_ms in (1, _ONE_SECOND_MS) and length.milliseconds > _ONE_SECOND_MS
    are_closes = is_stated or is_just_before if request.is_close_stamped is None else request.is_close_stamped
    if not are_closes:
        return Stamps(times, length, are_closes=False)
    shift_ms = length.milliseconds - (early_ms if is_just_before else 0)
    starts = np.where(times == MISSING_TIME, MISSING_TIME, times - shift_ms)
    phase_ms = (length.phase_ms - shift_ms) % length.milliseconds
    return Stamps(starts, BarLength(length.milliseconds, phase_ms), are_closes=True)

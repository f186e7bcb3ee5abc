"""Finds stretches of a file whose bars have another length than the others, such as 5m bars after 1m bars.

Only the time of a row tells how long its bar is: many equal steps in succession are no bars that were left out.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.steps import BarLength
from schemas.frames import MISSING_TIME

Times = NDArray[np.int64]

#: So many equal steps in succession are bars of that length.
_FEWEST_STEPS = 20


class OtherLength(NamedTuple):
    """A stretch of rows whose bars have another length than most bars of the file.

    Attributes:
        length: Of its bars.
        first_ms: The time of its first row.
        last_ms: The time of its last row.
    """

    length: BarLength
    first_ms: int
    last_ms: int


def other_lengths(times: Times, length: BarLength) -> Sequence[OtherLength]:
    """Return the stretches of bars of another length.

    Args:
        times: Shape (n,), ascending; repeats count once and missing times for nothing.
        length: Of most bars.
    """
    present = times[times != MISSING_TIME]
    steps = np.diff(present)
    if int(((steps != length.milliseconds) & (steps > 0)).sum()) < _FEWEST_STEPS:
        return ()
    distinct = present[np.concatenate(([True], steps > 0))]
    steps = np.diff(distinct)
    begins = np.flatnonzero(np.concatenate(([True], steps[1:] != steps[:-1])))
    ends = np.append(begins[1:], len(steps))
    is_other = (ends - begins >= _FEWEST_STEPS) & (steps[begins] != length.milliseconds)
    return [
        OtherLength(BarLength(int(steps[begin])), int(distinct[begin]), int(distinct[end]))
        for begin, end in zip(begins[is_other], ends[is_other], strict=True)
    ]


def rows_of(stretches: Sequence[OtherLength], times: Times) -> NDArray[np.bool_]:
    """Return which rows belong to stretches; a row at an end may be of either length, and belongs to it.

    Args:
        stretches: What :func:`other_lengths` found.
        times: Shape (n,), ascending.
    """
    result = np.zeros(len(times), dtype=np.bool_)
    for stretch in stretches:
        begin = np.searchsorted(times, stretch.first_ms)
        result[begin : np.searchsorted(times, stretch.last_ms, side="right")] = True
    return result

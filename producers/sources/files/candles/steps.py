"""Tells how long the bars of a file are, and how long after a multiple of that they begin.

The length is the commonest step between the times. Any length is read; only some are lengths of the platform.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.frames import MISSING_TIME
from schemas.time import Interval, text_of_time

_UNITS = (("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000))
_DAY_MS = 86_400_000
#: Months differ in length; what is longer than a week of candles is no length that is read.
LONGEST_MS = 14 * _DAY_MS
#: Multiples of a week since 1970-01-01 are Thursdays; weeks of exchanges begin on Mondays.
_MONDAY_MS = 4 * _DAY_MS
_FEWEST_DOUBLED = 5
_MOSTLY = 0.8
#: A row that stands twice follows itself so much sooner than the next bar does.
_LEAST_RATIO = 5


class BarLength(NamedTuple):
    """The length of a file's bars, and where they begin.

    Attributes:
        milliseconds: The length.
        phase_ms: How long after a multiple of the length, counted from 1970, the bars begin.
    """

    milliseconds: int
    phase_ms: int = 0

    def __str__(self) -> str:
        """Such as ``2h``."""
        unit, length = next(
            ((unit, length) for unit, length in _UNITS if self.milliseconds % length == 0), ("ms", 1)
        )
        return f"{self.milliseconds // length}{unit}"

    @property
    def is_whole(self) -> bool:
        """Whether the bars begin where those of the platform would: at multiples of their length."""
        return self.phase_ms == 0

    @property
    def is_local(self) -> bool:
        """Whether bars that fit into a day begin at another hour than those of the platform."""
        return bool(_DAY_MS % self.milliseconds == 0 or self.milliseconds % _DAY_MS == 0) and bool(
            self.phase_ms % _DAY_MS
        )

    @property
    def own(self) -> Interval | None:
        """The platform's interval of this length, if it has one."""
        return next((found for found in Interval if found.milliseconds == self.milliseconds), None)

    @property
    def rolled(self) -> Interval | None:
        """The shortest interval of the platform that whole bars of this length make up, or None."""
        fitting = (found for found in Interval if found.milliseconds % self.milliseconds == 0)
        return next(fitting, None) if self.is_whole else None

    @property
    def beginning(self) -> str:
        """When the bars begin, in words."""
        if self.milliseconds % _DAY_MS:
            return text_of_time(self.phase_ms, "minute").split(" ")[1]
        weekday = " on a Monday" if self.phase_ms == _MONDAY_MS and str(self).endswith("w") else ""
        return text_of_time(self.phase_ms % _DAY_MS, "minute").split(" ")[1] + weekday


def bar_length_of(times: NDArray[np.int64]) -> BarLength | None:
    """Return the length of the bars that begin at these times, or None if no two times tell it.

    Args:
        times: In any order; missing ones and repeats count for nothing.
    """
    present = times[times != MISSING_TIME]
    between = np.diff(np.sort(present))
    between = between[between > 0]
    if not len(between):
        return None
    # Sorted and counted by runs: numpy's own unique takes ten times longer.
    step_ms = _of_doubled_rows(between, _commonest(between))
    phases = present % step_ms
    return BarLength(step_ms, _commonest(phases))


def _of_doubled_rows(between: NDArray[np.int64], step_ms: int) -> int:
    """The length of the bars whose rows stand twice, a little apart: the short and the long step together.

    Args:
        between: The steps in their order.
        step_ms: The commonest of them.
    """
    after = between[1:][between[:-1] == step_ms]
    if len(after) < _FEWEST_DOUBLED:
        return step_ms
    other_ms = _commonest(after)
    # Where the earlier of the two rows is the copy, a bar without one follows a whole length later.
    is_in_turn = int(np.isin(after, (other_ms, step_ms + other_ms)).sum()) >= _MOSTLY * len(after)
    return step_ms + other_ms if is_in_turn and other_ms >= _LEAST_RATIO * step_ms else step_ms


def _commonest(values: NDArray[np.int64]) -> int:
    """The commonest value; the least of several equally common ones."""
    ordered = np.sort(values)
    ends = np.flatnonzero(np.concatenate((ordered[1:] != ordered[:-1], [True])))
    counts = np.diff(np.concatenate(([-1], ends)))
    return int(ordered[ends[counts.argmax()]])


def is_monthly(times: NDArray[np.int64]) -> bool:
    """Return whether times are the first days of months, whose lengths differ."""
    days = np.sort(times[times != MISSING_TIME]).astype("datetime64[ms]").astype("datetime64[D]")
    steps = np.diff(days.astype(np.int64))
    is_first = days == days.astype("datetime64[M]").astype("datetime64[D]")
    return bool(len(steps) and is_first.all() and ((steps >= 28) & (steps <= 31)).all())

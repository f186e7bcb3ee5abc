"""Finds traces of a change of clocks in a file whose times are local ones without a zone.

In spring an hour is missing, in autumn an hour stands twice. In UTC neither happens.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.file_rows import FileRows
from producers.sources.files.candles.holes import Holes
from schemas.time import text_of_time

_HOUR_MS = 3_600_000
_LATEST_HOUR = 3
_SUNDAY = 6


def clock_change(rows: FileRows, starts: NDArray[np.int64], holes: Holes) -> str | None:
    """Return a sentence if the times of a file seem to follow a local clock.

    Args:
        rows: The rows of the file.
        starts: Of the good ones.
        holes: What is missing between them.
    """
    length_ms = rows.stamps.length.milliseconds
    if length_ms > _HOUR_MS:
        return None
    is_hour = (holes.n_missing * length_ms == _HOUR_MS) & ~holes.is_pause
    missing = starts[holes.after[is_hour]] + length_ms
    twice = [
        rows.columns["timestamp"][broken]
        for rule, broken in rows.judged.broken.items()
        if rule.name == "has one set of numbers"
    ]
    for time_ms in _sorted(missing, *twice):
        if _is_change(time_ms):
            return (
                f"The clock seems to change at {text_of_time(time_ms, 'minute')}: the times seem to be local ones, and "
                "bars lie hours from where UTC has them"
            )
    return None


def _sorted(*times: NDArray[np.int64]) -> Iterable[int]:
    return sorted(int(time) for time in np.concatenate(times))


def _is_change(time_ms: int) -> bool:
    """Whether clocks of Europe or of North America change at this hour of this day."""
    day = np.datetime64(time_ms, "ms").astype("datetime64[D]")
    month = int(day.astype("datetime64[M]").astype(int)) % 12 + 1
    first = day.astype("datetime64[M]").astype("datetime64[D]")
    number = int((day - first).astype(int)) + 1
    is_sunday = (int(day.astype(int)) + 3) % 7 == _SUNDAY
    is_early = time_ms % (24 * _HOUR_MS) <= _LATEST_HOUR * _HOUR_MS
    is_europe = month in (3, 10) and number > 24
    is_america = (month == 3 and 8 <= number <= 14) or (month == 11 and number <= 7)
    return is_sunday and is_early and (is_europe or is_america)

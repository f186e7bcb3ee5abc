"""The calendar periods of a backtest: which rows of the prices belong to each year and quarter, UTC."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from schemas.time import Interval

_DAY_MS = Interval.ONE_DAY.milliseconds


def spans(end_ms: NDArray[np.int64], name_of: Callable[[datetime], str]) -> Iterator[tuple[str, int, int]]:
    """The names of calendar periods with their first and last rows.

    A close at midnight belongs to the day that it ends.

    Args:
        end_ms: When each close was made, increasing.
        name_of: The name of the period that a day belongs to.
    """
    day = -(-end_ms // _DAY_MS) - 1
    firsts = np.concatenate([[0], np.flatnonzero(np.diff(day)) + 1])
    names = [name_of(datetime.fromtimestamp(int(day[row]) * _DAY_MS / 1000, tz=UTC)) for row in firsts]
    # If the first close of all is at midnight, it ends a day that has no other close.
    if len(firsts) > 1 and firsts[1] == 1:
        firsts, names = np.delete(firsts, 1), names[1:]
    begins = [i for i in range(len(names)) if i == 0 or names[i] != names[i - 1]]
    for place, i in enumerate(begins):
        following = firsts[begins[place + 1]] if place + 1 < len(begins) else len(end_ms)
        yield names[i], int(firsts[i]), int(following) - 1


def year_name(day: datetime) -> str:
    """The year of a day, such as ``2024``."""
    return str(day.year)


def quarter_name(day: datetime) -> str:
    """The quarter of a day, such as ``2024-Q3``."""
    return f"{day.year}-Q{(day.month - 1) // 3 + 1}"

"""Measures tables by day: how many bars there should be, which are missing unexplained, and which rules are broken. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.collected_frames import CollectedFrame, frame_rules
from schemas.frames import Fate, broken_rules
from schemas.gaps import Gap, GapKind
from schemas.time import Interval

DAY_MS = 86_400_000
#: Gaps of other kinds explain no missing bar: candles of an hour may be missing where those of a minute are there.
_OF_BARS = {f"candles {interval}": interval.milliseconds for interval in Interval}


class Judged(NamedTuple):
    """What rules say about the rows of each day.

    Attributes:
        n_rows: By day.
        n_outliers: By day, of the rules that keep a row.
        broken: By day, how many rows break each of the other rules.
    """

    n_rows: Counter[int]
    n_outliers: Counter[int]
    broken: dict[int, Counter[str]]


def judged(frame: CollectedFrame, columns: Mapping[str, NDArray[Any]], times_ms: NDArray[np.int64]) -> Judged:
    """Return what the rules of a table say about its rows, by day.

    Args:
        frame: The table.
        columns: Its columns.
        times_ms: The time by which each row belongs to a day.
    """
    days = times_ms // DAY_MS
    outliers, broken = Counter[int](), dict[int, Counter[str]]()
    for rule, rows in broken_rules(columns, frame_rules(frame)).items():
        for day, n in _counted(days[rows]).items():
            if rule.fate is Fate.KEPT:
                outliers[day] += n
            else:
                broken.setdefault(day, Counter())[f"{rule.column} {rule.name}"] += n
    return Judged(Counter(_counted(days)), outliers, broken)


def _counted(days: NDArray[np.int64]) -> dict[int, int]:
    values, counts = np.unique(days, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


class Expected(NamedTuple):
    """The bars that a day should have.

    Attributes:
        n_unexplained: How many of them are missing, and in no gap of the ledger.
    """

    n: int
    n_unexplained: int


def expected_bars(
    start_ms: NDArray[np.int64], *, length_ms: int, from_ms: int, until_ms: int, gaps: Sequence[Gap]
) -> dict[int, Expected]:
    """Return how many bars each day should have, and how many of them are missing unexplained.

    Args:
        start_ms: The starts of the bars that are there.
        length_ms: The length of a bar.
        from_ms: From here on bars are expected.
        until_ms: Only bars that end by then are expected.
        gaps: Of the instrument; open or closed, candles or trades.
    """
    first = -(-from_ms // length_ms) * length_ms
    wanted = np.arange(first, until_ms - length_ms + 1, length_ms, dtype=np.int64)
    missing = np.setdiff1d(wanted, start_ms, assume_unique=False)
    unexplained = missing[~_is_within(missing, length_ms, gaps)]
    n_unexplained = _counted(unexplained // DAY_MS)
    return {day: Expected(n, n_unexplained.get(day, 0)) for day, n in _counted(wanted // DAY_MS).items()}


def _is_within(start_ms: NDArray[np.int64], length_ms: int, gaps: Sequence[Gap]) -> NDArray[np.bool_]:
    """Whether each bar overlaps a gap: a bar that lacks some of its trades is not closed either."""
    result = np.zeros(len(start_ms), dtype=np.bool_)
    for gap in gaps:
        if gap.kind in {GapKind.TRADES, GapKind.CANDLES} or _OF_BARS.get(gap.kind) == length_ms:
            result |= (start_ms < gap.end_ms) & (start_ms + length_ms > gap.start_ms)
    return result

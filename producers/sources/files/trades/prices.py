"""Judges the prices of trades against each other: from one trade to the next a price does not double.

::

    price   100.2 100.1 100100.0 100.3          one garbled price
    price   100.2 100.1 | 100230 100190 ...     a symbol that was redenominated, or rows of another one

Trades on the scale of most are good. Across a pause of a day and more a price may be anything.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: The largest ratio of the prices of two trades in a row.
LARGEST_RATIO = 2.0
_SAME_SCALE = float(np.log(1.5))
_FREE_AFTER_MS = 86_400_000
#: Fewer trades than this between two steps are garbled; as many are on a scale of their own.
_LEAST_ON_A_SCALE = 5


class PriceStretch(NamedTuple):
    """Trades between two steps of the price that are not on the scale of most.

    Attributes:
        begin: The number of the first of them, in the order in which they were given.
        end: The number after the last of them.
        ratio: Of their prices to those on the scale of most; None for a few garbled ones.
    """

    begin: int
    end: int
    ratio: float | None


class _Stretch(NamedTuple):
    begin: int
    end: int
    offset: float


def wrong_prices(prices: NDArray[np.float64], times_ms: NDArray[np.int64]) -> list[PriceStretch]:
    """Return the stretches of trades whose prices are not on the scale of most.

    Args:
        prices: Of the trades, in the order of their times, shape (n,).
        times_ms: When each happened.

    Example:
        >>> wrong_prices(np.array([7.0] * 9 + [7000.0] + [7.0] * 9), np.arange(19))
        [PriceStretch(begin=9, end=10, ratio=None)]
    """
    logs = np.log(prices)
    is_free = np.diff(times_ms) > _FREE_AFTER_MS
    breaks = np.flatnonzero((np.abs(np.diff(logs)) > np.log(LARGEST_RATIO)) & ~is_free) + 1
    if not len(breaks):
        return []
    begins, ends = [0, *breaks.tolist()], [*breaks.tolist(), len(prices)]
    long = _on_scales(
        [(b, e) for b, e in zip(begins, ends, strict=True) if e - b >= _LEAST_ON_A_SCALE], logs, times_ms
    )
    if not long:
        return []
    usual = _usual_offset(long)
    ratios = {
        each.begin: float(np.exp(each.offset - usual))
        for each in long
        if abs(each.offset - usual) > _SAME_SCALE
    }
    right = [each for each in long if each.begin not in ratios]
    good = {each.begin for each in right}
    return [
        PriceStretch(begin, end, ratios.get(begin))
        for begin, end in zip(begins, ends, strict=True)
        if begin not in good and (begin in ratios or not _fits(begin, end, right, logs))
    ]


def _fits(begin: int, end: int, right: list[_Stretch], logs: NDArray[np.float64]) -> bool:
    """Whether a few trades are on the scale of the nearest good stretch before or after them."""
    before = [each for each in right if each.end <= begin][-1:]
    after = [each for each in right if each.begin >= end][:1]
    steps = [logs[begin] - logs[each.end - 1] for each in before]
    steps += [logs[end - 1] - logs[each.begin] for each in after]
    return any(abs(step) <= np.log(LARGEST_RATIO) for step in steps)


def _on_scales(
    parts: list[tuple[int, int]], logs: NDArray[np.float64], times_ms: NDArray[np.int64]
) -> list[_Stretch]:
    """Each long stretch with the logarithm of its scale, where the first has 0."""
    found: list[_Stretch] = []
    for begin, end in parts:
        offset = 0.0
        if found:
            before = found[-1]
            step = float(logs[begin] - logs[before.end - 1])
            is_free = times_ms[begin] - times_ms[before.end - 1] > _FREE_AFTER_MS
            is_step = abs(step) > np.log(LARGEST_RATIO) and not is_free
            offset = before.offset + (step if is_step else 0.0)
        found.append(_Stretch(begin, end, offset))
    return found


def _usual_offset(stretches: list[_Stretch]) -> float:
    """The scale on which most trades are."""

    def n_alike(offset: float) -> int:
        return sum(each.end - each.begin for each in stretches if abs(each.offset - offset) <= _SAME_SCALE)

    return max((each.offset for each in stretches), key=n_alike)

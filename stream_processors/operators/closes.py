"""The closing prices of one series of bars, kept while a prediction may still need them.

This module is separate from :mod:`.outcomes` because it knows only one series. A close takes 24 bytes, because a
partition may hold thousands of instruments.
"""

import bisect
from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_BEFORE_ALL_MS = -(2**62)


class CloseOfBar(NamedTuple):
    """The end of a bar, its last price, and the time at which the bar was known."""

    end_ms: int
    price: float
    known_ms: int


class ClosesOfSeries:
    """The closes of one series in the order of their ends. Only a newer close can be added.

    Args:
        source: The source of the bars.
        interval_ms: The length of the bars.
        kept: The closes to begin with, oldest first.
    """

    def __init__(self, source: str, interval_ms: int, kept: Iterable[CloseOfBar] = ()) -> None:
        self.source = source
        self.interval_ms = interval_ms
        self._end_ms, self._price, self._known_ms = array("q"), array("d"), array("q")
        for close in kept:
            self.add(close)

    def __len__(self) -> int:
        """Return how many closes are kept."""
        return len(self._end_ms)

    def __iter__(self) -> Iterator[CloseOfBar]:
        """Iterate over the kept closes, oldest first."""
        return map(CloseOfBar, self._end_ms, self._price, self._known_ms)

    @property
    def newest_ms(self) -> int | None:
        """The end of the newest close; None if there is none."""
        return self._end_ms[-1] if self._end_ms else None

    def add(self, close: CloseOfBar) -> None:
        """Add a close that is newer than all others."""
        self._end_ms.append(close.end_ms)
        self._price.append(close.price)
        self._known_ms.append(close.known_ms)

    def first_from(self, time_ms: int) -> CloseOfBar | None:
        """Return the first close that ends at a time or later; None if there is none yet."""
        at = bisect.bisect_left(self._end_ms, time_ms)
        if at == len(self._end_ms):
            return None
        return CloseOfBar(self._end_ms[at], self._price[at], self._known_ms[at])

    def n_after(self, time_ms: int) -> int:
        """Return how many closes end later than a time."""
        return len(self._end_ms) - bisect.bisect_right(self._end_ms, time_ms)

    def end_before_newest(self, n: int) -> int:
        """Return the end of the close before the newest n; a time before all of them if there are no more than n."""
        return self._end_ms[-n - 1] if len(self._end_ms) > n else _BEFORE_ALL_MS

    def let_go(self, until_ms: int) -> list[int]:
        """Delete the closes that ended by a time, except the newest one. Returns the ends of the deleted closes."""
        n = min(bisect.bisect_right(self._end_ms, until_ms), len(self._end_ms) - 1)
        if n <= 0:
            return []
        gone = self._end_ms[:n].tolist()
        for column in (self._end_ms, self._price, self._known_ms):
            del column[:n]
        return gone

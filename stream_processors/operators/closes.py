"""The closes of one instrument's bars, as long as a prediction may ask for them.

Stands apart from :mod:`.outcomes` as the part that knows only one series. A close takes 24 bytes here,
since a partition may hold thousands of instruments.
"""

import bisect
from array import array
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_BEFORE_ALL_MS = -(2**62)


class Close(NamedTuple):
    """The end of a bar, its last price, and when it was known."""

    end_ms: int
    price: float
    known_ms: int


class Closes:
    """Closes of one series, by their end; only newer ones come in.

    Args:
        source: Of the bars.
        interval_ms: Their length.
    """

    def __init__(self, source: str, interval_ms: int, kept: Iterable[Close] = ()) -> None:
        self.source = source
        self.interval_ms = interval_ms
        self._end_ms, self._price, self._known_ms = array("q"), array("d"), array("q")
        for close in kept:
            self.add(close)

    def __len__(self) -> int:
        """How many are kept."""
        return len(self._end_ms)

    def __iter__(self) -> Iterator[Close]:
        """Those that are kept, oldest first."""
        return map(Close, self._end_ms, self._price, self._known_ms)

    @property
    def newest_ms(self) -> int | None:
        """The end of the newest."""
        return self._end_ms[-1] if self._end_ms else None

    def add(self, close: Close) -> None:
        """Take a close in that is newer than all others."""
        self._end_ms.append(close.end_ms)
        self._price.append(close.price)
        self._known_ms.append(close.known_ms)

    def first_from(self, time_ms: int) -> Close | None:
        """The first that ends at a time or later; None where none does yet."""
        at = bisect.bisect_left(self._end_ms, time_ms)
        if at == len(self._end_ms):
            return None
        return Close(self._end_ms[at], self._price[at], self._known_ms[at])

    def n_after(self, time_ms: int) -> int:
        """How many end later than a time."""
        return len(self._end_ms) - bisect.bisect_right(self._end_ms, time_ms)

    def end_before_newest(self, n: int) -> int:
        """Return the end of the close before the newest n; a time before all of them if there are no more than n."""
        return self._end_ms[-n - 1] if len(self._end_ms) > n else _BEFORE_ALL_MS

    def let_go(self, until_ms: int) -> list[int]:
        """Forget those that ended by a time, but never the newest; the ends of what went."""
        n = min(bisect.bisect_right(self._end_ms, until_ms), len(self._end_ms) - 1)
        if n <= 0:
            return []
        gone = self._end_ms[:n].tolist()
        for column in (self._end_ms, self._price, self._known_ms):
            del column[:n]
        return gone

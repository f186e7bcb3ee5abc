"""The clock of a live venue, estimated from what it sends: how far its times are from the times of receipt.

The skew is the median of venue time minus receipt over the newest trades, and the lateness is how far the smallest of
them lies below it, with a reserve. Both follow the venue, because a network or a venue may get slower. The lateness is
bounded: a trade that comes later than that counts as late, and one message that was held back for a minute must
not hold every bar back for a minute.

Source:
    The clock of a capture, estimated the same way (``producers/sources/files/trades/clocks.py``).
"""

from collections import deque
from statistics import median

from schemas.sources import LARGEST_LEAD_MS

#: No trade is waited for longer.
LARGEST_LATENESS_MS = 5_000
#: What is added to the largest lateness that was seen.
RESERVE_MS = 250
#: Fewer trades say nothing about the clock; until then the largest lateness is taken.
_FEWEST, _MOST, _EVERY = 20, 512, 32


class VenueClock:
    """Estimates the clock of one venue."""

    def __init__(self) -> None:
        self._leads = deque[int](maxlen=_MOST)
        self._n = 0
        self.skew_ms = 0
        self.lateness_ms = LARGEST_LATENESS_MS

    def observe(self, event_time_ms: int, received_ms: int) -> None:
        """Take the times of a trade that arrived as it happened."""
        self._leads.append(event_time_ms - received_ms)
        self._n += 1
        if self._n == _FEWEST or (self._n > _FEWEST and self._n % _EVERY == 0):
            self._estimate()
        elif self._n < _FEWEST:
            self.skew_ms = int(median(self._leads))

    def _estimate(self) -> None:
        self.skew_ms = int(median(self._leads))
        self.lateness_ms = min(self.skew_ms - min(self._leads) + RESERVE_MS, LARGEST_LATENESS_MS)

    @property
    def lead_ms(self) -> int:
        """The least by which the time of a trade is ahead of its receipt."""
        return self.skew_ms - self.lateness_ms

    @property
    def is_too_far_ahead(self) -> bool:
        """Whether the clock of the venue is farther ahead than any venue's is, so that its times are wrong."""
        return self.skew_ms > LARGEST_LEAD_MS

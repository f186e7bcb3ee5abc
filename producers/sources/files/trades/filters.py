"""Which trades of a file are used, stated once when the run is described and the same at every later start."""

import bisect
from functools import cached_property

import msgspec
import numpy as np
from numpy.typing import NDArray

from producers.normalise.trades import TradeKind
from schemas.streams import Silence


class TradeFilter(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The bounds of a file's good trades.

    Attributes:
        is_stamped: Whether the known time of a trade is the local time of its line; otherwise it is the venue's time.
        kind: Of the trades that are used.
        first_known_ms: No good trade was known before.
        last_known_ms: No good trade was known later.
        lead_from_ms: The least by which the venue's time of a good trade is ahead of its local time.
        lead_until_ms: The most.
        silences: Stretches without a good trade, where the known time is the venue's.
        is_in_order: Whether the trades stand in the order of their known times.
        is_numbered: Whether the trades have their numbers in the file for ids, because their own do not tell them apart.
        rows_aside: The first and the last lines of the stretches of trades whose prices are not believed.
    """

    is_stamped: bool
    kind: TradeKind
    first_known_ms: int
    last_known_ms: int
    lead_from_ms: int = 0
    lead_until_ms: int = 0
    silences: tuple[Silence, ...] = ()
    is_in_order: bool = True
    is_numbered: bool = False
    rows_aside: tuple[tuple[int, int], ...] = ()

    @cached_property
    def _begins_aside(self) -> list[int]:
        return [first for first, _ in self.rows_aside]

    @cached_property
    def _silence_begins(self) -> list[int]:
        return [silence.from_ms for silence in self.silences]

    def known_ms(self, local_ms: int | None, time_ms: int) -> int | None:
        """Return when a trade was known, or None if its line does not say.

        Args:
            local_ms: The local time of its line, or None.
            time_ms: The venue's time.
        """
        return local_ms if self.is_stamped else time_ms

    def accepts(self, row: int, known_ms: int, time_ms: int) -> bool:
        """Return whether a trade is good.

        Args:
            row: The number of its line.
            known_ms: When it was known.
            time_ms: When it happened, by the venue.
        """
        if not self.first_known_ms <= known_ms <= self.last_known_ms:
            return False
        if not self.lead_from_ms <= time_ms - known_ms <= self.lead_until_ms:
            return False
        if self.rows_aside and self._is_aside(row):
            return False
        if self.is_stamped or not self.silences:
            return True
        at = bisect.bisect_right(self._silence_begins, known_ms) - 1
        return at < 0 or known_ms >= self.silences[at].until_ms

    def _is_aside(self, row: int) -> bool:
        at = bisect.bisect_right(self._begins_aside, row) - 1
        return at >= 0 and row <= self.rows_aside[at][1]

    def accepted(
        self, rows: NDArray[np.int64], known_ms: NDArray[np.int64], times_ms: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Return which of many trades are good, as :meth:`accepts` does for one.

        Args:
            rows: The numbers of their lines, shape (n,).
            known_ms: When each was known, shape (n,).
            times_ms: When each happened, shape (n,).
        """
        lead_ms = times_ms - known_ms
        good = (self.first_known_ms <= known_ms) & (known_ms <= self.last_known_ms)
        good &= (self.lead_from_ms <= lead_ms) & (lead_ms <= self.lead_until_ms)
        if self.rows_aside:
            at = np.searchsorted(self._begins_aside, rows, side="right") - 1
            last = np.array([last for _, last in self.rows_aside])
            good &= (at < 0) | (rows > last[np.maximum(at, 0)])
        if not self.is_stamped and self.silences:
            at = np.searchsorted(self._silence_begins, known_ms, side="right") - 1
            until = np.array([silence.until_ms for silence in self.silences])
            good &= (at < 0) | (known_ms >= until[np.maximum(at, 0)])
        return good

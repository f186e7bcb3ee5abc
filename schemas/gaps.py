"""Gaps: intervals in which data of a source are missing, and the port of the ledger that keeps them.

Nothing is filled forward, so whatever is missing is stated. A gap is open until someone fills it, and then says who
did. One conformance suite holds every ledger against this port.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from enum import StrEnum

import msgspec
from msgspec.structs import replace


class GapKind(StrEnum):
    """What is missing. Candles without a length are those of a minute, which the platform is made for."""

    CANDLES = "candles"
    CANDLES_5M = "candles 5m"
    CANDLES_15M = "candles 15m"
    CANDLES_30M = "candles 30m"
    CANDLES_1H = "candles 1h"
    CANDLES_4H = "candles 4h"
    CANDLES_1D = "candles 1d"
    TRADES = "trades"
    ARTICLES = "articles"
    QUOTES = "quotes"


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """Data that are missing over ``[start_ms, end_ms)``.

    Attributes:
        stream: The run.
        source: The source that should have had them.
        instrument: The instrument; the name of the source if the gap is of articles, which have no instrument.
        start_ms: When it begins: event time, UTC milliseconds.
        end_ms: When it ends, after its beginning.
        reason: One sentence for people: why the data are missing.
        opened_ms: When it was found, by the clock of the platform.
        n_missing: How many candles, trades or articles are missing; None if that is not known.
        closed_ms: When it was filled or given up, by the clock of the platform; None if it is open.
        closed_by: Who closed it, such as ``backfill``; None if it is open.
    """

    stream: str
    source: str
    instrument: str
    kind: GapKind
    start_ms: int
    end_ms: int
    reason: str
    opened_ms: int
    n_missing: int | None = None
    closed_ms: int | None = None
    closed_by: str | None = None

    def __post_init__(self) -> None:
        """Refuse a gap without length.

        Raises:
            ValueError: If it ends at or before its beginning.
        """
        if self.end_ms <= self.start_ms:
            message = f"a gap must end after its beginning, was [{self.start_ms}, {self.end_ms})"
            raise ValueError(message)

    @property
    def key(self) -> tuple[str, str, str, str, int, int]:
        """What identifies it: two gaps with the same key are one."""
        return self.stream, self.source, self.instrument, str(self.kind), self.start_ms, self.end_ms

    @property
    def is_open(self) -> bool:
        """Whether the data are still missing."""
        return self.closed_ms is None


class GapLedger(ABC):
    """Keeps gaps by their key. Every operation may be repeated: the second time changes nothing."""

    @abstractmethod
    def open(self, gap: Gap) -> bool:
        """Add a gap. A gap of the same key stays as it is, and a closed one stays closed.

        Returns:
            Whether it is new.

        Raises:
            StoreUnavailableError: If the ledger cannot be reached; nothing was changed.
        """

    @abstractmethod
    def close(self, gap: Gap, *, by: str, at_ms: int, remaining: Sequence[Gap] = ()) -> bool:
        """Close a gap, and open what is left of it in the same step.

        Args:
            gap: The gap; only its key matters.
            by: Who closed it, such as ``backfill`` or ``reconnect``.
            at_ms: When, by the clock of the platform.
            remaining: The parts that are still missing, if only some of the data were found.

        Returns:
            Whether an open gap was closed; False if it is unknown or was closed before.

        Raises:
            StoreUnavailableError: If the ledger cannot be reached; nothing was changed.
        """

    @abstractmethod
    def move_end(self, gaps: Sequence[Gap], end_ms: int) -> bool:
        """Let open gaps end at another time, such as those of an outage that lasts.

        Args:
            gaps: The gaps; only their keys matter.
            end_ms: The new end of each: after its beginning, and another one than before.

        Returns:
            Whether every one of them was open. One that is unknown or closed stays as it is.

        Raises:
            StoreUnavailableError: If the ledger cannot be reached; nothing was changed.
        """

    @abstractmethod
    def gaps(
        self,
        stream: str,
        *,
        instrument: str | None = None,
        source: str | None = None,
        is_open: bool | None = None,
    ) -> list[Gap]:
        """Return gaps by their beginning.

        Args:
            stream: The run.
            instrument: Only those of this instrument; None for all.
            source: Only those of this source; None for all.
            is_open: Only open ones, or only closed ones; None for both.

        Raises:
            StoreUnavailableError: If the ledger cannot be reached.
        """


class MemoryGaps(GapLedger):
    """The ledger in memory, for tests and for a run without a durable store."""

    def __init__(self) -> None:
        self._gaps: dict[tuple[str, str, str, str, int, int], Gap] = {}

    def open(self, gap: Gap) -> bool:
        """Add a gap; see the port, :class:`GapLedger`."""
        return self._gaps.setdefault(gap.key, gap) is gap

    def close(self, gap: Gap, *, by: str, at_ms: int, remaining: Sequence[Gap] = ()) -> bool:
        """Close a gap; see the port, :class:`GapLedger`."""
        held = self._gaps.get(gap.key)
        is_closed = held is not None and held.is_open
        if held is not None and is_closed:
            self._gaps[gap.key] = replace(held, closed_ms=at_ms, closed_by=by)
        for part in remaining:
            self.open(part)
        return is_closed

    def move_end(self, gaps: Sequence[Gap], end_ms: int) -> bool:
        """Move the end of open gaps; see the port, :class:`GapLedger`."""
        held = [self._gaps.get(gap.key) for gap in gaps]
        for gap in held:
            if gap is not None and gap.is_open:
                del self._gaps[gap.key]
                moved = replace(gap, end_ms=end_ms)
                self._gaps.setdefault(moved.key, moved)
        return all(gap is not None and gap.is_open for gap in held)

    def gaps(
        self,
        stream: str,
        *,
        instrument: str | None = None,
        source: str | None = None,
        is_open: bool | None = None,
    ) -> list[Gap]:
        """Return gaps; see the port, :class:`GapLedger`."""
        found = [
            gap
            for gap in self._gaps.values()
            if gap.stream == stream
            and instrument in {None, gap.instrument}
            and source in {None, gap.source}
            and is_open in {None, gap.is_open}
        ]
        return sorted(found, key=lambda gap: (gap.start_ms, gap.end_ms, gap.source, gap.instrument, gap.kind))

"""The trades of the sockets that wait until what comes before them was given."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from producers.jobs.following.giving import Giving
from producers.jobs.following.sequences import Place
from producers.normalise.trades import VenueTrade


class WaitingTrade(NamedTuple):
    """A trade that a socket brought.

    Attributes:
        instrument: Of which instrument.
        trade: What the venue sent.
        received_ms: When it arrived.
        is_repeated: Whether the venue sends it again after a subscription.
    """

    instrument: str
    trade: VenueTrade
    received_ms: int
    is_repeated: bool


class Waiting:
    """Keeps trades in the order in which they arrived."""

    def __init__(self) -> None:
        self._trades = deque[WaitingTrade]()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._trades)

    def __iter__(self) -> Iterator[WaitingTrade]:
        """Yield them, the first one first."""
        return iter(self._trades)

    def add(self, instrument: str, trade: VenueTrade, received_ms: int, *, is_repeated: bool = False) -> None:
        """Add a trade that arrived.

        Args:
            instrument: Of which instrument.
            trade: What the venue sent.
            received_ms: When it arrived.
            is_repeated: Whether the venue sends it again after a subscription.
        """
        self._trades.append(WaitingTrade(instrument, trade, received_ms, is_repeated))

    def clear(self) -> None:
        """Let go of all."""
        self._trades.clear()

    def first(self) -> WaitingTrade | None:
        """Return the trade that arrived first; None if none waits."""
        return self._trades[0] if self._trades else None

    def give(self, giving: Giving) -> Place | None:
        """Give the trades in their order, up to one before which others are missing.

        Returns:
            ``BEYOND`` if it stopped at such a trade, which stays the first; None if all were given.

        Raises:
            ShutError: If the source was declared absent.
        """
        while self._trades:
            instrument, trade, received_ms, is_repeated = self._trades[0]
            if not (is_repeated and giving.is_known(instrument, trade)):
                place = giving.place(instrument, trade)
                if place is Place.BEYOND:
                    return place
                if place is Place.NEXT:
                    giving.give(instrument, trade, received_ms)
            self._trades.popleft()
        return None

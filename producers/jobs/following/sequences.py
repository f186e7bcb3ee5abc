"""The order of one instrument's trades: what comes next, what is a repeat, and what is missing in between.

Where a venue's ids count up by one, a larger step is a loss, and the trades between are fetched before anything
later is given. Elsewhere every larger id is the next one.
"""

from enum import Enum, auto

from producers.normalise.trade_ids import TradeIdEpochs
from producers.normalise.trades import NO_ID, VenueTrade, tick_of_trade
from schemas.events import TickObserved

#: More trades than this are never missing between two messages; the venue has numbered its trades anew.
LARGEST_STEP = 1_000_000


class Place(Enum):
    """Where a trade stands in the order of its instrument."""

    NEXT = auto()
    REPEAT = auto()
    BEYOND = auto()


class TradeSequence:
    """The trades of one instrument, in the order in which they are given.

    Args:
        instrument: Its name.
        stream: The run.
        source: The source of its events.
        newest: The newest trade that was given before; None if none was.
        is_contiguous: Whether the ids of the venue count up by one.
        n_remembered: How many trades are remembered, to tell a repeat from an id that has started again.
    """

    def __init__(
        self,
        instrument: str,
        *,
        stream: str,
        source: str,
        newest: TickObserved | None,
        is_contiguous: bool,
        n_remembered: int,
    ) -> None:
        self.instrument = instrument
        self._stream = stream
        self._source = source
        self._is_contiguous = is_contiguous
        self._epochs = TradeIdEpochs(newest, n_remembered=n_remembered)
        self.newest = newest

    def place(self, trade: VenueTrade) -> Place:
        """Return where a trade of the socket stands."""
        newest = self.newest
        if newest is None or trade.trade_id == NO_ID:
            return Place.NEXT
        step = trade.trade_id - newest.trade_id
        if step <= 0 and self._is_contiguous and trade.time_ms <= newest.event_time_ms:
            return Place.REPEAT  # every trade up to the newest was given
        is_beyond = self._is_contiguous and 1 < step <= LARGEST_STEP
        return Place.BEYOND if is_beyond else Place.NEXT

    def is_known(self, trade: VenueTrade) -> bool:
        """Return whether a trade that the venue sends again after a subscription was given."""
        return self.newest is not None and trade.trade_id <= self.newest.trade_id

    def tick(self, trade: VenueTrade, known_time_ms: int) -> TickObserved | None:
        """Return the event of a trade that is given next; None if it repeats a remembered one."""
        tick = self._epochs.with_epoch(
            tick_of_trade(
                trade,
                instrument=self.instrument,
                known_time_ms=known_time_ms,
                stream=self._stream,
                source=self._source,
                trade_id=trade.trade_id,
                is_buyer_maker=bool(trade.is_buyer_maker),
            )
        )
        newest = self.newest
        is_newer = newest is None or (tick.id_epoch, tick.trade_id) > (newest.id_epoch, newest.trade_id)
        return tick if is_newer else None

    def gave(self, tick: TickObserved) -> None:
        """Note that a trade was handed over."""
        self.newest = tick

    def n_missing(self, trade: VenueTrade) -> int:
        """Return how many trades are missing before one that stands beyond the next."""
        return 0 if self.newest is None else trade.trade_id - self.newest.trade_id - 1

"""Refills trades by REST: those after the newest that was given, and those before one that a socket brought.

Everything here is a generator that does one request, or waits, between two of its values, as in
:mod:`producers.jobs.following.catching`.
"""

from collections.abc import Iterator, Sequence

from producers.jobs.following.giving import Giving
from producers.jobs.following.notes import GapNotes
from producers.jobs.following.paging import PageMerge
from producers.jobs.following.sequences import Place
from producers.jobs.following.waiting import WaitingTrade
from producers.normalise.trades import VenueTrade
from producers.sources.venues import TradesOutOfReachError, Venue
from schemas.time import Clock, Interval, bar_start_ms

#: For so long a trade that is missing in the stream is looked for.
_PATIENCE_S = 15.0
_AGAIN_S = 0.5


class TradeRefill:
    """Refills the trades of one source.

    Args:
        venue: Who is asked.
        clock: The clock.
        giving: Where the trades go.
        gaps: Notes what is missing.
    """

    def __init__(self, venue: Venue, clock: Clock, giving: Giving, gaps: GapNotes) -> None:
        self._venue = venue
        self._clock = clock
        self._giving = giving
        self._gaps = gaps

    def trades(self, instruments: Sequence[str]) -> Iterator[float]:
        """Give the trades after the newest one of each instrument, in the order of time, up to the venue's newest.

        Raises:
            TradesOutOfReachError: If the venue does not hand out all of them any more.
        """
        pages = {name: self._pages_of(name) for name in instruments}
        merge = PageMerge[VenueTrade](pages, lambda trade: trade.time_ms)
        while merge.fetch():
            received_ms = self._clock.now_ms()
            for instrument, trade in merge.ready():
                self._giving.give(instrument, trade, received_ms)
            yield 0.0

    def _pages_of(self, instrument: str) -> Iterator[Sequence[VenueTrade]]:
        newest = self._giving.newest(instrument)
        if newest is not None:
            return self._venue.trades_after(instrument, newest.trade_id, time_ms=newest.event_time_ms)
        from_ms = self._giving.from_ms.get(instrument)
        if from_ms is None:
            now_ms = self._clock.now_ms() + self._giving.clock.skew_ms
            from_ms = bar_start_ms(now_ms, Interval.ONE_MINUTE)
        return self._venue.trades_from(instrument, from_ms)

    def before(self, first: WaitingTrade) -> Iterator[float]:
        """Give the trades that are missing before one of a socket; give them up after a while."""
        until_s = self._clock.monotonic_s() + _PATIENCE_S
        while self._giving.place(first.instrument, first.trade) is Place.BEYOND:
            try:
                yield from self._trades_before(first)
            except TradesOutOfReachError as error:
                self._give_up(first, str(error))
                return
            if self._giving.place(first.instrument, first.trade) is not Place.BEYOND:
                return
            if self._clock.monotonic_s() >= until_s:
                self._give_up(first, f"The venue did not hand out trades before {first.trade.trade_id}.")
                return
            yield _AGAIN_S

    def _trades_before(self, first: WaitingTrade) -> Iterator[float]:
        for page in self._pages_of(first.instrument):
            received_ms = self._clock.now_ms()
            for trade in page:
                if trade.trade_id >= first.trade.trade_id:
                    return
                self._giving.give(first.instrument, trade, received_ms)
            yield 0.0

    def _give_up(self, first: WaitingTrade, reason: str) -> None:
        instrument, trade = first.instrument, first.trade
        newest = self._giving.newest(instrument)
        from_ms = trade.time_ms if newest is None else newest.event_time_ms
        n_missing = self._giving.n_missing(instrument, trade)
        self._giving.state_missing(from_ms, trade.time_ms, self._clock.now_ms())
        self._giving.begin_trades([instrument], trade.time_ms)
        end_ms = max(trade.time_ms, from_ms + 1)
        self._gaps.missing([instrument], from_ms, end_ms, reason, n_missing=n_missing)
        others = [name for name in self._venue.instruments if name != instrument]
        self._gaps.missing(
            others, from_ms, end_ms, f"Trades of {instrument}, of the same source, are missing."
        )

"""A fake venue behind the port: its answers come from a made market, and its messages are JSON of its own."""

from collections.abc import Iterator, Sequence

import msgspec

from producers.normalise.fields import decoded
from producers.normalise.observations import Message, Notice, NoticeKind, VenueCandle, VenuePrice
from producers.normalise.rejects import RejectedRow
from producers.normalise.trades import VenueTrade
from producers.sources.instrument_names import InstrumentNames
from producers.sources.paging import check_interval, closed_candles
from producers.sources.venues import Reading, SocketAddress, TradesOutOfReachError, Venue, VenueTraits
from schemas.time import Interval
from tests.fakes.markets import MINUTE_MS, MadeMarket

FAKE_TRAITS = VenueTraits(
    has_contiguous_ids=True,
    candle_intervals=frozenset({Interval.ONE_MINUTE}),
    n_candles=None,
    oldest_trade_ms=None,
    silent_after_s=10.0,
    connection_s=None,
    settles_s=0.0,
)


class FakeMessage(msgspec.Struct):
    """What a socket of the fake sends: trades, or a word."""

    trades: list[VenueTrade] = []
    repeated: list[VenueTrade] = []
    word: str | None = None


_messages = msgspec.json.Decoder(FakeMessage)


class FakeVenue(Venue):
    """Hands out what its market has.

    Args:
        instruments: Those of the venue; all have the same market.
        market: May be replaced as time goes on.
        name: The source.
        page: The rows of a page.
    """

    def __init__(
        self, instruments: Sequence[str], market: MadeMarket, *, name: str = "fake", page: int = 1000
    ) -> None:
        self.name = name
        self.traits = FAKE_TRAITS
        self.instruments = tuple(instruments)
        self.market = market
        #: Raised by every method that would ask the network.
        self.failure: Exception | None = None
        self._names = InstrumentNames(instruments)
        self._page = page
        self._answered_ms: int | None = None

    def sockets(self) -> Sequence[SocketAddress]:
        return [SocketAddress("wss://venue.test/ws", self.instruments, ('{"subscribe":"all"}',))]

    def read(self, payload: bytes, *, received_ms: int) -> Reading:
        found = decoded(_messages, payload, "a message of the fake venue")
        if found.word == "ping":
            return Reading(replies=("pong",))
        notices = () if found.word is None else (Notice(NoticeKind.OTHER, found.word),)
        return self._names.reading(
            Message(trades=tuple(found.trades), repeated=tuple(found.repeated), notices=notices)
        )

    def _trades(self, instrument: str) -> list[VenueTrade]:
        self._check()
        parts = self._names[instrument]
        symbol = f"{parts.base}/{parts.quote}"
        return [
            VenueTrade(symbol, each.trade_id, each.price, each.size, each.time_ms, each.is_buyer_maker)
            for each in self.market.trades
        ]

    def _check(self) -> None:
        if self.failure is not None:
            raise self.failure
        self._answered_ms = self.market.now_ms // 1000 * 1000

    def trades_after(self, instrument: str, trade_id: int, *, time_ms: int) -> Iterator[Sequence[VenueTrade]]:
        found = [each for each in self._trades(instrument) if each.trade_id > trade_id]
        if found and found[0].trade_id > trade_id + 1:
            raise TradesOutOfReachError("too old", oldest_ms=found[0].time_ms)
        yield from self._paged(found)

    def trades_from(self, instrument: str, from_ms: int) -> Iterator[Sequence[VenueTrade]]:
        yield from self._paged([each for each in self._trades(instrument) if each.time_ms >= from_ms])

    def _paged(self, trades: list[VenueTrade]) -> Iterator[Sequence[VenueTrade]]:
        return (trades[at : at + self._page] for at in range(0, len(trades), self._page))

    def candles(
        self, instrument: str, from_ms: int, until_ms: int, *, interval: Interval = Interval.ONE_MINUTE
    ) -> Iterator[Sequence[VenueCandle]]:
        check_interval(self.name, interval, self.traits.candle_intervals)
        _ = self._names[instrument]
        self._check()
        candles = [
            VenueCandle("", each.start_ms, MINUTE_MS, *each[1:], volume=2.5) for each in self.market.candles
        ]
        return iter(
            [closed_candles(candles, from_ms=from_ms, until_ms=until_ms, closed_ms=self.market.now_ms)]
        )

    def candles_reach_ms(self, interval: Interval, *, now_ms: int) -> int | None:
        return None

    def latest(self, instruments: Sequence[str]) -> Sequence[tuple[str, VenuePrice]]:
        self._check()
        newest = self.market.trades[-1]
        return [
            (each, VenuePrice("", newest.price, newest.time_ms)) for each in instruments if self._names[each]
        ]

    def take_answered_ms(self) -> int | None:
        taken, self._answered_ms = self._answered_ms, None
        return taken

    def take_rejected(self) -> Sequence[RejectedRow]:
        return ()

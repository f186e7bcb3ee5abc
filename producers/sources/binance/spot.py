"""Binance's spot market.

What the venue promises (its documentation of ``stream.binance.com`` and ``/api/v3``):

- **Order.** Trades of a symbol come in the order of their ids, which count up by one. ``@trade`` (single trades, id
  ``t``) and ``aggTrades`` (id ``a``) have ids of their own; only ``t`` is used here, in the socket and over REST.
- **Repeats.** Nothing is repeated after a subscription.
- **Disconnection.** The venue cuts each connection after 24 hours, and says ``serverShutdown`` before a planned
  restart. It pings by frames every 20 s and cuts a connection that has not answered within a minute.
- **Quotes.** ``bookTicker`` has an update id that grows, and no time of its own.
- **Refusals.** 451 and 403 where the venue does not serve a country; 418 is a ban after many 429. None is evaded.
- **Old trades.** ``historicalTrades`` gives 1,000 from an id on, at a weight of 25. Where it is refused without a key
  (``DRIFTLINE_BINANCE_KEY``, which the fetcher adds), ``trades`` gives the newest 1,000, and what is older is out of reach.
  The first id at or after a time is the ``f`` of the first ``aggTrades`` from then on.
- **Candles.** ``klines`` reach back to the listing, 1,000 a page, with the number of trades and what buyers took. The
  last one of an answer may still be forming. Minutes without a trade are there, with a volume of 0; outages are not.
- **Maintenance.** There is no message about it: sockets are closed and REST answers 5xx.
"""

from collections.abc import Iterator, Sequence

import msgspec

from producers.normalise.binance_answers import read_first_ids, read_prices, read_trades
from producers.normalise.binance_messages import read_binance_message
from producers.normalise.observations import VenueCandle, VenuePrice
from producers.normalise.rejects import RejectedRow
from producers.normalise.trades import Market, VenueTrade
from producers.sources.binance.rest import PAGE, SETTLES_S, BinanceRest
from producers.sources.fetching import Fetcher, SourceAnswerError
from producers.sources.instrument_names import InstrumentNames
from producers.sources.latest_prices import dated_prices
from producers.sources.paging import (
    Rejections,
    TradePage,
    begins_after,
    check_interval,
    from_time,
    newer_than,
    pages_by_id,
)
from producers.sources.venues import Reading, SocketAddress, TradesOutOfReachError, Venue, VenueTraits
from schemas.time import Interval

_SOCKET = "wss://stream.binance.com:9443/stream"
_ROOT = "https://api.binance.com/api/v3"

SPOT_TRAITS = VenueTraits(
    has_contiguous_ids=True,
    candle_intervals=frozenset(Interval),
    n_candles=None,
    oldest_trade_ms=None,
    silent_after_s=30.0,
    connection_s=86_400.0,
    settles_s=SETTLES_S,
)


class BinanceSpot(Venue):
    """The adapter of the spot market.

    Args:
        instruments: Such as ``BTC-USDT.BINANCE``.
        fetcher: Asks its REST API.
        name: The source.
    """

    def __init__(self, instruments: Sequence[str], fetcher: Fetcher, *, name: str = "binance") -> None:
        self.name = name
        self.traits = SPOT_TRAITS
        self.instruments = tuple(instruments)
        self._names = InstrumentNames(instruments)
        self._rejections = Rejections()
        self._rest = BinanceRest(fetcher, _ROOT, self._rejections)

    def _symbol(self, instrument: str) -> str:
        parts = self._names[instrument]
        return f"{parts.base}{parts.quote}"

    def sockets(self) -> Sequence[SocketAddress]:
        """Return one connection, whose address names the streams, so that nothing is sent."""
        symbols = [self._symbol(each).lower() for each in self.instruments]
        streams = "/".join(f"{symbol}@trade/{symbol}@bookTicker" for symbol in symbols)
        return [SocketAddress(f"{_SOCKET}?streams={streams}", self.instruments, ())]

    def read(self, payload: bytes, *, received_ms: int) -> Reading:
        """Return what a message said."""
        del received_ms
        return self._names.reading(read_binance_message(payload))

    def trades_after(self, instrument: str, trade_id: int, *, time_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Yield every trade after one, by its id; of the newest 1,000 alone where older ones are refused; see the port."""
        del time_ms
        symbol = self._symbol(instrument)
        what = f"{self.name} {symbol}"
        try:
            first = self._historical(symbol, trade_id + 1)
        except SourceAnswerError:
            yield begins_after(self._recent(symbol), trade_id, what)
            return
        yield from pages_by_id(
            first, trade_id, lambda from_id: self._historical(symbol, from_id), n_full=PAGE, what=what
        )

    def trades_from(self, instrument: str, from_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Yield every trade at or after a time."""
        symbol = self._symbol(instrument)
        try:
            fetched = self._rest.get("aggTrades", symbol=symbol, startTime=from_ms, limit=1)
        except SourceAnswerError:
            yield self._recent_from(symbol, from_ms)
            return
        for first_id in read_first_ids(fetched.body)[:1]:
            yield from from_time(self.trades_after(instrument, first_id - 1, time_ms=from_ms), from_ms)

    def _recent_from(self, symbol: str, from_ms: int) -> Sequence[VenueTrade]:
        page = self._recent(symbol)
        trades = newer_than(page.trades, -1)
        if page.n_rows >= PAGE and trades[0].time_ms >= from_ms:
            message = f"{self.name} {symbol}: the trades from {from_ms} ms on are not to be had any more"
            raise TradesOutOfReachError(message, oldest_ms=trades[0].time_ms)
        return [each for each in trades if each.time_ms >= from_ms]

    def _historical(self, symbol: str, from_id: int) -> TradePage:
        return self._rest.trades("historicalTrades", _single_trades, symbol=symbol, fromId=from_id)

    def _recent(self, symbol: str) -> TradePage:
        return self._rest.trades("trades", _single_trades, symbol=symbol)

    def candles(
        self, instrument: str, from_ms: int, until_ms: int, *, interval: Interval = Interval.ONE_MINUTE
    ) -> Iterator[Sequence[VenueCandle]]:
        """Yield the closed candles; see the port."""
        check_interval(self.name, interval, self.traits.candle_intervals)
        return self._rest.candles(self._symbol(instrument), from_ms, until_ms, interval)

    def candles_reach_ms(self, interval: Interval, *, now_ms: int) -> int | None:
        """Return None: all since the listing are to be had."""
        del interval, now_ms
        return None

    def latest(self, instruments: Sequence[str]) -> Sequence[tuple[str, VenuePrice]]:
        """Return the latest prices: of the statistics of 24 hours, which state a time, else of ``ticker/price``."""
        symbols = msgspec.json.encode([self._symbol(each) for each in instruments]).decode()
        try:
            fetched = self._rest.get("ticker/24hr", symbols=symbols, type="MINI")
        except SourceAnswerError:
            fetched = self._rest.get("ticker/price", symbols=symbols)
        return dated_prices(self._names, read_prices(fetched.body), fetched, instruments)

    def take_answered_ms(self) -> int | None:
        """Return the earliest ``Date`` of the answers since this was called last."""
        return self._rest.take_answered_ms()

    def take_rejected(self) -> Sequence[RejectedRow]:
        """Return the rows that were left out."""
        return self._rejections.take()


def _single_trades(body: bytes, symbol: str, rejected: list[RejectedRow]) -> Sequence[VenueTrade]:
    return read_trades(body, symbol=symbol, market=Market.SPOT, rejected=rejected)

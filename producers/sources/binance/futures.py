"""Binance's USD-margined perpetual futures.

What the venue promises (its documentation of ``fstream.binance.com`` and ``/fapi/v1``):

- **Addresses.** Streams are split: ``/market`` has trades, mark prices and liquidations, ``/public`` the best bid and
  ask. The former common address was closed on 2026-04-23.
- **Order.** ``aggTrade`` joins what one side took at one price within 100 ms; its ids ``a`` count up by one, in the socket
  as over REST, and hold only trades of the market, not those of the insurance fund. Single trades are no documented stream.
- **Repeats.** Nothing is repeated after a subscription.
- **Disconnection.** After 24 hours, as on the spot market; pings by frames every 3 minutes.
- **Mark price.** ``markPrice@1s`` states mark and index price, the funding rate and the next settlement, each second.
- **Liquidations.** ``forceOrder`` states at most the largest of each second and symbol: a sample, no complete list.
- **Open interest** and settled fundings are only polled.
- **Old trades.** ``aggTrades`` needs no key and reaches back for a year; 1,000 a page at a weight of 20.
- **Candles.** As on the spot market; the weight of 1,000 is 5.
"""

from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from producers.normalise.binance_answers import read_aggregate_trades, read_prices
from producers.normalise.binance_messages import read_binance_message
from producers.normalise.binance_perpetual_answers import read_fundings, read_mark_prices, read_open_interest
from producers.normalise.observations import PerpetualFact, VenueCandle, VenuePrice
from producers.normalise.rejects import RejectedRow
from producers.normalise.trades import Market, VenueTrade
from producers.sources.binance.rest import PAGE, SETTLES_S, BinanceRest
from producers.sources.fetching import Fetcher
from producers.sources.instrument_names import InstrumentNames
from producers.sources.latest_prices import dated_prices
from producers.sources.paging import Rejections, TradePage, check_interval, from_time, pages_by_id
from producers.sources.venues import Reading, SocketAddress, Venue, VenueTraits
from schemas.time import Interval

_SOCKET = "wss://fstream.binance.com"
_ROOT = "https://fapi.binance.com/fapi/v1"
_YEAR_MS = 365 * 86_400_000

FUTURES_TRAITS = VenueTraits(
    has_contiguous_ids=True,
    candle_intervals=frozenset(Interval),
    n_candles=None,
    oldest_trade_ms=_YEAR_MS,
    silent_after_s=30.0,
    connection_s=86_400.0,
    settles_s=SETTLES_S,
)


class BinanceFutures(Venue):
    """The adapter of USD-margined perpetuals.

    Args:
        instruments: Such as ``BTC-USDT-PERP.BINANCE``.
        fetcher: Asks its REST API.
        name: The source.
    """

    def __init__(
        self, instruments: Sequence[str], fetcher: Fetcher, *, name: str = "binance-futures"
    ) -> None:
        self.name = name
        self.traits = FUTURES_TRAITS
        self.instruments = tuple(instruments)
        self._names = InstrumentNames(instruments)
        self._rejections = Rejections()
        self._rest = BinanceRest(fetcher, _ROOT, self._rejections)

    def _symbol(self, instrument: str) -> str:
        parts = self._names[instrument]
        return f"{parts.base}{parts.quote}"

    def sockets(self) -> Sequence[SocketAddress]:
        """Return two connections: trades, mark prices and liquidations on one, the best bid and ask on the other."""
        market = self._streams("aggTrade", "markPrice@1s", "forceOrder")
        public = self._streams("bookTicker")
        return [
            SocketAddress(f"{_SOCKET}/market/stream?streams={market}", self.instruments, ()),
            SocketAddress(f"{_SOCKET}/public/stream?streams={public}", self.instruments, ()),
        ]

    def _streams(self, *kinds: str) -> str:
        symbols = [self._symbol(each).lower() for each in self.instruments]
        return "/".join(f"{symbol}@{kind}" for symbol in symbols for kind in kinds)

    def read(self, payload: bytes, *, received_ms: int) -> Reading:
        """Return what a message said. Messages of futures do not name their market; this connection has no other."""
        del received_ms
        message = read_binance_message(payload)
        of_market = tuple(replace(each, market=Market.PERPETUAL) for each in message.trades)
        return self._names.reading(replace(message, trades=of_market) if of_market else message)

    def trades_after(self, instrument: str, trade_id: int, *, time_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Yield every trade after one, by its id; see the port."""
        del time_ms
        symbol = self._symbol(instrument)
        yield from pages_by_id(
            self._page(symbol, trade_id + 1),
            trade_id,
            lambda from_id: self._page(symbol, from_id),
            n_full=PAGE,
            what=f"{self.name} {symbol}",
        )

    def trades_from(self, instrument: str, from_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Yield every trade at or after a time."""
        symbol = self._symbol(instrument)
        first = self._rest.trades("aggTrades", _aggregate_trades, symbol=symbol, startTime=from_ms)
        before_id = min((each.trade_id for each in first.trades), default=0) - 1
        pages = pages_by_id(
            first,
            before_id,
            lambda from_id: self._page(symbol, from_id),
            n_full=PAGE,
            what=f"{self.name} {symbol}",
        )
        yield from from_time(pages, from_ms)

    def _page(self, symbol: str, from_id: int) -> TradePage:
        return self._rest.trades("aggTrades", _aggregate_trades, symbol=symbol, fromId=from_id)

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
        """Return the latest prices, one request for each."""
        found: list[tuple[str, VenuePrice]] = []
        for instrument in instruments:
            fetched = self._rest.get("ticker/price", symbol=self._symbol(instrument))
            found.extend(dated_prices(self._names, read_prices(fetched.body), fetched, [instrument]))
        return found

    def open_interest(self, instruments: Sequence[str]) -> Sequence[tuple[str, PerpetualFact]]:
        """Return what is open, one request for each instrument."""
        answers = [(each, self._rest.get("openInterest", symbol=self._symbol(each))) for each in instruments]
        return [(instrument, read_open_interest(fetched.body)) for instrument, fetched in answers]

    def mark_prices(self, instruments: Sequence[str]) -> Sequence[tuple[str, PerpetualFact]]:
        """Return mark and index price and funding, one request for each instrument."""
        answers = [(each, self._rest.get("premiumIndex", symbol=self._symbol(each))) for each in instruments]
        return [
            (instrument, fact) for instrument, fetched in answers for fact in read_mark_prices(fetched.body)
        ]

    def fundings(self, instrument: str, from_ms: int) -> Sequence[tuple[str, PerpetualFact]]:
        """Return the fundings that were settled from a time on, oldest first, at most 1,000 (333 days)."""
        symbol = self._symbol(instrument)
        fetched = self._rest.get("fundingRate", symbol=symbol, startTime=from_ms, limit=PAGE)
        return [(instrument, fact) for fact in read_fundings(fetched.body)]

    def take_answered_ms(self) -> int | None:
        """Return the earliest ``Date`` of the answers since this was called last."""
        return self._rest.take_answered_ms()

    def take_rejected(self) -> Sequence[RejectedRow]:
        """Return the rows that were left out."""
        return self._rejections.take()


def _aggregate_trades(body: bytes, symbol: str, rejected: list[RejectedRow]) -> Sequence[VenueTrade]:
    return read_aggregate_trades(body, symbol=symbol, market=Market.PERPETUAL, rejected=rejected)

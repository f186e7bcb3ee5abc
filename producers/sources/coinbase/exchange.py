"""Coinbase Exchange.

What the venue promises (its documentation of ``ws-feed.exchange.coinbase.com`` and ``api.exchange.coinbase.com``):

- **Order.** Trade ids of a product count up by one. ``matches`` sends trades in their order, but a message may be
  dropped; the ``heartbeat`` of each second names the newest id, so that a loss is seen, and the trade is asked for over REST.
- **Repeats.** After a subscription a ``last_match`` repeats the newest trade before it.
- **Side.** Everywhere the side of the order that was in the book.
- **Subscription.** The venue cuts a connection that has sent none within 5 s, and answers with ``subscriptions`` or
  with ``error``. It states no longest time of a connection.
- **Quotes.** ``ticker`` states the best bid and ask with every trade, not with every change of the book.
- **Old trades.** Pages of 1,000, newest first, by the cursor ``after``: the trades with ids below it. They reach back to
  the listing. The cursor ``before`` gives the newest page, not the next one, and is not used.
- **Candles.** 300 a page, newest first, sometimes with some from before the stretch that was asked for. Minutes
  without a trade are left out. There is no number of trades and no taker side. The newest ones may still change, so
  a candle is taken 10 s after its end. They reach back to the listing.
- **Maintenance.** The ``status`` channel and REST state it by product; sockets are closed.
"""

from collections.abc import Iterator, Sequence

import msgspec

from producers.normalise.coinbase_answers import read_candles, read_price, read_trades
from producers.normalise.coinbase_messages import read_coinbase_message
from producers.normalise.observations import VenueCandle, VenuePrice
from producers.normalise.rejects import RejectedRow
from producers.normalise.trades import VenueTrade
from producers.sources.coinbase.searching import CursorPages, newest_id_before
from producers.sources.fetching import Fetched, Fetcher
from producers.sources.http_times import DatedFetcher, answered_ms
from producers.sources.instrument_names import InstrumentNames
from producers.sources.latest_prices import dated_prices
from producers.sources.paging import (
    Rejections,
    TradePage,
    check_interval,
    closed_candles,
    first_start_ms,
    from_time,
)
from producers.sources.venues import Reading, SocketAddress, Venue, VenueTraits
from schemas.time import Interval, text_of_time

_SOCKET = "wss://ws-feed.exchange.coinbase.com"
_ROOT = "https://api.exchange.coinbase.com/products"
_CHANNELS = ("matches", "heartbeat", "ticker")
_TRADES_PAGE = 1000
_CANDLES_PAGE = 300
_SETTLES_S = 10.0

COINBASE_TRAITS = VenueTraits(
    has_contiguous_ids=True,
    candle_intervals=frozenset(
        {
            Interval.ONE_MINUTE,
            Interval.FIVE_MINUTES,
            Interval.FIFTEEN_MINUTES,
            Interval.ONE_HOUR,
            Interval.ONE_DAY,
        }
    ),
    n_candles=None,
    oldest_trade_ms=None,
    silent_after_s=10.0,
    connection_s=None,
    settles_s=_SETTLES_S,
)


class CoinbaseExchange(Venue):
    """The adapter of Coinbase Exchange.

    Args:
        instruments: Such as ``BTC-USD.COINBASE``.
        fetcher: Asks its REST API.
        name: The source.
    """

    def __init__(self, instruments: Sequence[str], fetcher: Fetcher, *, name: str = "coinbase") -> None:
        self.name = name
        self.traits = COINBASE_TRAITS
        self.instruments = tuple(instruments)
        self._names = InstrumentNames(instruments)
        self._rejections = Rejections()
        self._fetcher = DatedFetcher(fetcher)

    def _product(self, instrument: str) -> str:
        parts = self._names[instrument]
        return f"{parts.base}-{parts.quote}"

    def _get(self, instrument: str, path: str, **params: str | int) -> Fetched:
        asked = {name: str(value) for name, value in params.items()}
        return self._fetcher.get(f"{_ROOT}/{self._product(instrument)}/{path}", params=asked or None)

    def sockets(self) -> Sequence[SocketAddress]:
        """Return one connection for all products."""
        products = [self._product(each) for each in self.instruments]
        subscription = {"type": "subscribe", "product_ids": products, "channels": _CHANNELS}
        text = msgspec.json.encode(subscription).decode()
        return [SocketAddress(_SOCKET, self.instruments, (text,))]

    def read(self, payload: bytes, *, received_ms: int) -> Reading:
        """Return what a message said."""
        del received_ms
        return self._names.reading(read_coinbase_message(payload))

    def _pages(self, instrument: str) -> CursorPages:
        def page(after: int | None) -> TradePage:
            cursor = {} if after is None else {"after": after}
            fetched = self._get(instrument, "trades", limit=_TRADES_PAGE, **cursor)
            rejected: list[RejectedRow] = []
            trades = read_trades(fetched.body, symbol=self._product(instrument), rejected=rejected)
            self._rejections.add(rejected)
            return TradePage(trades, len(trades) + len(rejected), len(rejected))

        return CursorPages(page, f"{self.name} {self._product(instrument)}", _TRADES_PAGE)

    def trades_after(self, instrument: str, trade_id: int, *, time_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Yield every trade after one, by its id; see the port."""
        del time_ms
        return self._pages(instrument).after(trade_id)

    def trades_from(self, instrument: str, from_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Yield every trade at or after a time; some pages are asked for to find the first one."""
        pages = self._pages(instrument)
        yield from from_time(pages.after(newest_id_before(pages, from_ms)), from_ms)

    def candles(
        self, instrument: str, from_ms: int, until_ms: int, *, interval: Interval = Interval.ONE_MINUTE
    ) -> Iterator[Sequence[VenueCandle]]:
        """Yield the closed candles, window by window; see the port."""
        check_interval(self.name, interval, self.traits.candle_intervals)
        return self._windows(instrument, first_start_ms(from_ms, interval), until_ms, interval)

    def _windows(
        self, instrument: str, from_ms: int, until_ms: int, interval: Interval
    ) -> Iterator[Sequence[VenueCandle]]:
        length_ms = interval.milliseconds
        start_ms, closed_ms = from_ms, until_ms
        while start_ms < min(until_ms, closed_ms):
            end_ms = min(start_ms + _CANDLES_PAGE * length_ms, first_start_ms(until_ms, interval))
            asked = {"start": text_of_time(start_ms, "iso"), "end": text_of_time(end_ms - length_ms, "iso")}
            fetched = self._get(instrument, "candles", granularity=length_ms // 1000, **asked)
            rejected: list[RejectedRow] = []
            product = self._product(instrument)
            found = read_candles(fetched.body, symbol=product, length_ms=length_ms, rejected=rejected)
            self._rejections.add(rejected)
            closed_ms = answered_ms(fetched) - round(_SETTLES_S * 1000)
            yield closed_candles(found, from_ms=start_ms, until_ms=min(until_ms, end_ms), closed_ms=closed_ms)
            start_ms = end_ms

    def candles_reach_ms(self, interval: Interval, *, now_ms: int) -> int | None:
        """Return None: all since the listing are to be had."""
        del interval, now_ms
        return None

    def latest(self, instruments: Sequence[str]) -> Sequence[tuple[str, VenuePrice]]:
        """Return the latest prices, one request for each."""
        found: list[tuple[str, VenuePrice]] = []
        for instrument in instruments:
            fetched = self._get(instrument, "ticker")
            latest = read_price(fetched.body, symbol=self._product(instrument))
            found.extend(dated_prices(self._names, [latest], fetched, [instrument]))
        return found

    def take_answered_ms(self) -> int | None:
        """Return the earliest ``Date`` of the answers since this was called last."""
        return self._fetcher.take_answered_ms()

    def take_rejected(self) -> Sequence[RejectedRow]:
        """Return the rows that were left out."""
        return self._rejections.take()

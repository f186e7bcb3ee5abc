"""Kraken's spot market.

What the venue promises (its documentation of ``ws.kraken.com/v2`` and ``api.kraken.com/0/public``):

- **Order.** A trade id is a number in sequence for each book, the same in the socket and over REST, and a message may
  hold several trades.
- **Repeats.** After a subscription a snapshot repeats the newest 50 trades.
- **Heartbeat.** About one message a second when there is no other, on every connection with a subscription; a connection
  that is silent for 10 s is dead.
- **Subscription.** Each pair of a request is answered by itself, with an error where it is unknown.
- **Quotes.** ``ticker`` with the trigger ``bbo`` states every change of the best bid and ask, with a time.
- **Old trades.** ``Trades`` pages by ``since``, a time in nanoseconds that is not included, 1,000 a page, oldest first,
  back to the listing. There is no page by id, so a trade is found by its time and then by its id.
- **Candles.** ``OHLC`` gives the newest 720 of an interval and nothing older (12 hours of minutes), the last of which
  is still forming; ``last`` is the newest that is closed. What is older comes from trades, or not at all. There is no taker side.
- **Errors** come with status 200 and a list ``error``.
- **Maintenance.** A ``status`` message says ``maintenance``, ``cancel_only`` or ``post_only``: no trade will come. It
  states no longest time of a connection.
"""

from collections.abc import Iterator, Sequence

import msgspec

from producers.normalise.kraken_answers import read_candles, read_prices, read_trades
from producers.normalise.kraken_messages import read_kraken_message
from producers.normalise.observations import VenueCandle, VenuePrice
from producers.normalise.rejects import RejectedRow
from producers.normalise.trades import NO_ID, VenueTrade
from producers.sources.fetching import Fetched, Fetcher
from producers.sources.http_times import DatedFetcher, answered_ms
from producers.sources.instrument_names import InstrumentNames
from producers.sources.kraken.errors import checked_answer
from producers.sources.latest_prices import dated_prices
from producers.sources.paging import (
    Rejections,
    TradePage,
    begins_after,
    check_interval,
    closed_candles,
    first_start_ms,
    from_time,
    newer_than,
)
from producers.sources.venues import Reading, SocketAddress, Venue, VenueTraits
from schemas.errors import InvariantError
from schemas.time import Interval, bar_start_ms

_SOCKET = "wss://ws.kraken.com/v2"
_ROOT = "https://api.kraken.com/0/public"
_TRADES_PAGE = 1000
#: 720 with the one that is still forming.
_N_CANDLES = 719
_SETTLES_S = 2.0
_NS = 1_000_000
#: The names that the REST API has for some coins.
_REST_NAMES = {"BTC": "XBT", "DOGE": "XDG"}

KRAKEN_TRAITS = VenueTraits(
    has_contiguous_ids=True,
    candle_intervals=frozenset(Interval),
    n_candles=_N_CANDLES,
    oldest_trade_ms=None,
    silent_after_s=10.0,
    connection_s=None,
    settles_s=_SETTLES_S,
)


class KrakenSpot(Venue):
    """The adapter of Kraken's spot market.

    Args:
        instruments: Such as ``BTC-USD.KRAKEN``.
        fetcher: Asks its REST API.
        name: The source.
    """

    def __init__(self, instruments: Sequence[str], fetcher: Fetcher, *, name: str = "kraken") -> None:
        self.name = name
        self.traits = KRAKEN_TRAITS
        self.instruments = tuple(instruments)
        self._names = InstrumentNames(instruments)
        self._rejections = Rejections()
        self._fetcher = DatedFetcher(fetcher)

    def _pair(self, instrument: str) -> str:
        parts = self._names[instrument]
        return "".join(_REST_NAMES.get(each, each) for each in (parts.base, parts.quote))

    def _get(self, path: str, **params: str | int) -> Fetched:
        asked = {name: str(value) for name, value in params.items()}
        return checked_answer(self._fetcher.get(f"{_ROOT}/{path}", params=asked))

    def sockets(self) -> Sequence[SocketAddress]:
        """Return one connection for all pairs, with a subscription of trades and one of best bids and asks."""
        pairs = [f"{self._names[each].base}/{self._names[each].quote}" for each in self.instruments]
        trades = {"channel": "trade", "symbol": pairs, "snapshot": True}
        quotes = {"channel": "ticker", "symbol": pairs, "event_trigger": "bbo", "snapshot": True}
        sent = [
            msgspec.json.encode({"method": "subscribe", "params": each}).decode() for each in (trades, quotes)
        ]
        return [SocketAddress(_SOCKET, self.instruments, tuple(sent))]

    def read(self, payload: bytes, *, received_ms: int) -> Reading:
        """Return what a message said."""
        del received_ms
        return self._names.reading(read_kraken_message(payload))

    def _page(self, instrument: str, since_ns: int) -> tuple[TradePage, int]:
        """A page of trades after a time, and the time of its last trade."""
        fetched = self._get("Trades", pair=self._pair(instrument), since=since_ns, count=_TRADES_PAGE)
        rejected: list[RejectedRow] = []
        found = read_trades(fetched.body, rejected=rejected)
        if any(each.trade_id == NO_ID for each in found.trades):
            message = "trades of Kraken must have ids, which its answers state since 2023"
            raise InvariantError(message)
        self._rejections.add(rejected)
        last_ns = since_ns if found.last_ns is None else found.last_ns
        page = TradePage(found.trades, len(found.trades) + len(rejected), len(rejected))
        return page, last_ns

    def trades_after(self, instrument: str, trade_id: int, *, time_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Yield every trade after one: the pages from its time on, without the trades up to its id; see the port."""
        page, last_ns = self._page(instrument, time_ms * _NS - 1)
        found = begins_after(page, trade_id, f"{self.name} {self._pair(instrument)}")
        yield found
        yield from self._further(instrument, page, last_ns, found[-1].trade_id if found else trade_id)

    def trades_from(self, instrument: str, from_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Yield every trade at or after a time."""
        page, last_ns = self._page(instrument, from_ms * _NS - 1)
        found = newer_than(page.trades, -1)
        further = self._further(instrument, page, last_ns, found[-1].trade_id if found else -1)
        yield from from_time((each for pages in ([found], further) for each in pages), from_ms)

    def _further(
        self, instrument: str, page: TradePage, last_ns: int, newest_id: int
    ) -> Iterator[Sequence[VenueTrade]]:
        """The pages after a full one. Trades of one nanosecond may lie on both sides of a page, so it is asked for again."""
        while page.n_rows >= _TRADES_PAGE:
            since_ns, asked_ns = last_ns, last_ns - 1
            page, last_ns = self._page(instrument, asked_ns)
            found = newer_than(page.trades, newest_id)
            if last_ns <= since_ns and not found:
                return
            yield found
            newest_id = found[-1].trade_id if found else newest_id

    def candles(
        self, instrument: str, from_ms: int, until_ms: int, *, interval: Interval = Interval.ONE_MINUTE
    ) -> Iterator[Sequence[VenueCandle]]:
        """Yield the closed ones of the newest 720 candles, as one page; see the port."""
        check_interval(self.name, interval, self.traits.candle_intervals)
        return self._candles(instrument, from_ms, until_ms, interval)

    def _candles(
        self, instrument: str, from_ms: int, until_ms: int, interval: Interval
    ) -> Iterator[Sequence[VenueCandle]]:
        length_ms = interval.milliseconds
        since_s = first_start_ms(from_ms, interval) // 1000 - 1
        fetched = self._get("OHLC", pair=self._pair(instrument), interval=length_ms // 60_000, since=since_s)
        rejected: list[RejectedRow] = []
        page = read_candles(fetched.body, length_ms=length_ms, rejected=rejected)
        self._rejections.add(rejected)
        closed_ms = answered_ms(fetched) - round(_SETTLES_S * 1000)
        if page.last_ms is not None:
            closed_ms = min(closed_ms, page.last_ms + length_ms)
        yield closed_candles(page.candles, from_ms=from_ms, until_ms=until_ms, closed_ms=closed_ms)

    def candles_reach_ms(self, interval: Interval, *, now_ms: int) -> int | None:
        """Return the start of the oldest of the newest 720 candles."""
        return bar_start_ms(now_ms, interval) - _N_CANDLES * interval.milliseconds

    def latest(self, instruments: Sequence[str]) -> Sequence[tuple[str, VenuePrice]]:
        """Return the latest prices in one request. ``Ticker`` states no time, so they have that of the answer."""
        fetched = self._get("Ticker", pair=",".join(self._pair(each) for each in instruments))
        return dated_prices(self._names, read_prices(fetched.body), fetched, instruments)

    def take_answered_ms(self) -> int | None:
        """Return the earliest ``Date`` of the answers since this was called last."""
        return self._fetcher.take_answered_ms()

    def take_rejected(self) -> Sequence[RejectedRow]:
        """Return the rows that were left out."""
        return self._rejections.take()

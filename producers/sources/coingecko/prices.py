"""CoinGecko: the latest price of any coin, averaged over many venues.

What the source promises (its documentation of ``api.coingecko.com/api/v3``):

- **Latest prices** are updated about once a minute (cached for 60 s without a key) and state their own time, ``last_updated``.
- **It has no trades, no sockets and no candles that this platform could use**: its candles are stamped with their
  close, state no volume, last 30 minutes, 4 hours or 4 days, and reach back 365 days. They are never treated as
  minute candles, and ``candles`` of the port refuses every interval; :meth:`CoinGecko.coarse_candles` gives them for research.
- **Limits.** Some 30 requests a minute with a free key, 5 to 15 without; 429 with ``Retry-After``.
- **Keys.** The fetcher adds one by host. A key of the paid plan is for the host ``pro-api.coingecko.com``, which is
  asked as soon as the public host refuses the key.
"""

from collections.abc import Iterator, Mapping, Sequence

from producers.normalise.coingecko import read_coarse_candles, read_markets, read_symbols
from producers.normalise.observations import VenueCandle, VenuePrice
from producers.normalise.rejects import RejectedRow
from producers.normalise.trades import VenueTrade
from producers.sources.fetching import Fetched, Fetcher, SourceAnswerError
from producers.sources.instrument_names import InstrumentNames
from producers.sources.latest_prices import dated_prices
from producers.sources.paging import Rejections, check_interval
from producers.sources.venues import Reading, SocketAddress, TradesOutOfReachError, Venue, VenueTraits
from schemas.errors import SourceUnavailableError
from schemas.time import Interval

_HOST, _PAID_HOST = "api.coingecko.com", "pro-api.coingecko.com"
#: The statuses of "wrong key, or wrong address for this key" (error codes 10002, 10010 and 10011).
_WRONG_KEY = (400, 401)
#: The ids of the coins whose symbols other coins have too. Any other coin is the largest one of its symbol.
_IDS = {
    "BTC": "bitcoin",
    "ETH": "ethereum",
    "USDT": "tether",
    "USDC": "usd-coin",
    "BNB": "binancecoin",
    "XRP": "ripple",
    "SOL": "solana",
    "ADA": "cardano",
    "DOGE": "dogecoin",
    "DOT": "polkadot",
    "LTC": "litecoin",
    "LINK": "chainlink",
    "AVAX": "avalanche-2",
    "TRX": "tron",
    "BCH": "bitcoin-cash",
}

COINGECKO_TRAITS = VenueTraits(
    has_contiguous_ids=False,
    candle_intervals=frozenset(),
    n_candles=0,
    oldest_trade_ms=0,
    silent_after_s=300.0,
    connection_s=None,
    settles_s=0.0,
)


class CoinGecko(Venue):
    """The adapter of CoinGecko.

    Args:
        instruments: Such as ``BTC-USD.COINGECKO``.
        fetcher: Asks its REST API.
        name: The source.
    """

    def __init__(self, instruments: Sequence[str], fetcher: Fetcher, *, name: str = "coingecko") -> None:
        self.name = name
        self.traits = COINGECKO_TRAITS
        self.instruments = tuple(instruments)
        self._names = InstrumentNames(instruments)
        self._rejections = Rejections()
        self._fetcher = fetcher
        self._host = _HOST

    def _get(self, path: str, **params: str) -> Fetched:
        """A key of the paid plan is refused by the public host, with the advice to ask the other one."""
        try:
            return self._fetcher.get(f"https://{self._host}/api/v3/{path}", params=params)
        except SourceAnswerError as error:
            if self._host == _PAID_HOST or error.status not in _WRONG_KEY:
                raise
            return self._paid(path, params, error)

    def _paid(self, path: str, params: Mapping[str, str], refusal: SourceAnswerError) -> Fetched:
        try:
            found = self._fetcher.get(f"https://{_PAID_HOST}/api/v3/{path}", params=params)
        except SourceUnavailableError:
            raise refusal from None  # then the key was not what was wrong
        self._host = _PAID_HOST
        return found

    def sockets(self) -> Sequence[SocketAddress]:
        """Return none: it is polled."""
        return ()

    def read(self, payload: bytes, *, received_ms: int) -> Reading:
        """Raise an error, since there is no socket.

        Raises:
            ValueError: Always.
        """
        del payload, received_ms
        message = f"{self.name} has no socket"
        raise ValueError(message)

    def trades_after(self, instrument: str, trade_id: int, *, time_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Raise an error, since there are no trades; see the port.

        Raises:
            TradesOutOfReachError: Always.
        """
        del trade_id, time_ms
        message = f"{self.name} has no trades of {instrument}"
        raise TradesOutOfReachError(message)

    def trades_from(self, instrument: str, from_ms: int) -> Iterator[Sequence[VenueTrade]]:
        """Raise an error, since there are no trades.

        Raises:
            TradesOutOfReachError: Always.
        """
        return self.trades_after(instrument, 0, time_ms=from_ms)

    def candles(
        self, instrument: str, from_ms: int, until_ms: int, *, interval: Interval = Interval.ONE_MINUTE
    ) -> Iterator[Sequence[VenueCandle]]:
        """Raise an error, since it has no candles of the platform's intervals with a volume; see the port.

        Raises:
            ValueError: Always.
        """
        del instrument, from_ms, until_ms
        check_interval(self.name, interval, self.traits.candle_intervals)
        return iter(())

    def candles_reach_ms(self, interval: Interval, *, now_ms: int) -> int | None:
        """Return the present: there are none."""
        del interval
        return now_ms

    def latest(self, instruments: Sequence[str]) -> Sequence[tuple[str, VenuePrice]]:
        """Return the latest prices, one request for each quote currency."""
        by_currency: dict[str, list[str]] = {}
        for each in instruments:
            by_currency.setdefault(self._names[each].quote, []).append(each)
        return [pair for currency, asked in by_currency.items() for pair in self._latest_in(currency, asked)]

    def _latest_in(self, currency: str, asked: Sequence[str]) -> Sequence[tuple[str, VenuePrice]]:
        bases = [self._names[each].base for each in asked]
        known = [_IDS[base] for base in bases if base in _IDS]
        others = [base.lower() for base in bases if base not in _IDS]
        found: list[tuple[str, VenuePrice]] = []
        for selection in ({"ids": ",".join(known)}, {"symbols": ",".join(others)}):
            if any(selection.values()):
                found.extend(self._markets(currency, asked, selection))
        return found

    def _markets(
        self, currency: str, asked: Sequence[str], selection: Mapping[str, str]
    ) -> Sequence[tuple[str, VenuePrice]]:
        fetched = self._get("coins/markets", vs_currency=currency.lower(), precision="full", **selection)
        symbols = read_symbols(fetched.body)
        first_of = {symbol: coin for coin, symbol in reversed(list(symbols.items()))}
        chosen = {**first_of, **{base: coin for base, coin in _IDS.items() if coin in symbols}}
        base_of = {coin: base for base, coin in chosen.items()}
        prices = [
            VenuePrice(f"{base_of[each.symbol]}/{currency}", each.price, each.time_ms, each.volume_24h)
            for each in read_markets(fetched.body)
            if each.symbol in base_of
        ]
        return dated_prices(self._names, prices, fetched, asked)

    def coarse_candles(self, instrument: str, *, days: int) -> Sequence[VenueCandle]:
        """Return candles of 30 minutes (1 day), 4 hours (up to 30 days) or 4 days, without volume; the last may still form.

        Args:
            instrument: One of the source's.
            days: 1, 7, 14, 30, 90, 180 or 365.
        """
        parts = self._names[instrument]
        coin = _IDS.get(parts.base, parts.base.lower())
        fetched = self._get(f"coins/{coin}/ohlc", vs_currency=parts.quote.lower(), days=str(days))
        return read_coarse_candles(fetched.body, coin=coin)

    def take_rejected(self) -> Sequence[RejectedRow]:
        """Return none: an answer is read as a whole."""
        return self._rejections.take()

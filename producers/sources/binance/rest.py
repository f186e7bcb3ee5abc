"""Asks the REST APIs of Binance: what the spot market and the futures have in common."""

from collections.abc import Callable, Iterator, Mapping, Sequence

from producers.normalise.binance_answers import read_candles
from producers.normalise.observations import VenueCandle
from producers.normalise.rejects import RejectedRow
from producers.normalise.trades import VenueTrade
from producers.sources.fetching import Fetched, Fetcher
from producers.sources.http_times import DatedFetcher, answered_ms
from producers.sources.paging import Rejections, TradePage, closed_candles, first_start_ms
from schemas.time import Interval

TradeReader = Callable[[bytes, str, list[RejectedRow]], Sequence[VenueTrade]]

PAGE = 1000
#: A kline ends with its last millisecond, and the venue counts trades into it without a delay that it states.
SETTLES_S = 2.0


class BinanceRest:
    """Asks one of the two APIs.

    Args:
        fetcher: Adds the key, if there is one, by host.
        root: Such as ``https://api.binance.com/api/v3``.
        rejections: Get the rows that cannot be read.
    """

    def __init__(self, fetcher: Fetcher, root: str, rejections: Rejections) -> None:
        self._fetcher = DatedFetcher(fetcher)
        self._root = root
        self._rejections = rejections

    def get(self, path: str, **params: str | int) -> Fetched:
        """Return the answer to one request."""
        asked: Mapping[str, str] = {name: str(value) for name, value in params.items()}
        return self._fetcher.get(f"{self._root}/{path}", params=asked)

    def take_answered_ms(self) -> int | None:
        """Return the earliest ``Date`` of the answers since this was called last."""
        return self._fetcher.take_answered_ms()

    def trades(self, path: str, read: TradeReader, *, symbol: str, **params: int) -> TradePage:
        """Return a page of trades.

        Args:
            path: Such as ``aggTrades``.
            read: Reads its answer.
            symbol: As the venue writes it.
            params: Such as ``fromId``.
        """
        fetched = self.get(path, symbol=symbol, limit=PAGE, **params)
        rejected: list[RejectedRow] = []
        trades = read(fetched.body, symbol, rejected)
        self._rejections.add(rejected)
        return TradePage(trades, len(trades) + len(rejected), len(rejected))

    def candles(
        self, symbol: str, from_ms: int, until_ms: int, interval: Interval
    ) -> Iterator[Sequence[VenueCandle]]:
        """Yield the closed candles of ``klines``, page by page, oldest first; see the port.

        Args:
            symbol: As the venue writes it.
            from_ms: The earliest start.
            until_ms: The first start that is too late.
            interval: Of the candles.
        """
        start_ms = first_start_ms(from_ms, interval)
        while start_ms < until_ms:
            asked = {"startTime": start_ms, "endTime": until_ms - 1, "limit": PAGE}
            fetched = self.get("klines", symbol=symbol, interval=interval.value, **asked)
            rejected: list[RejectedRow] = []
            candles = read_candles(fetched.body, symbol=symbol, rejected=rejected)
            self._rejections.add(rejected)
            closed_ms = answered_ms(fetched) - round(SETTLES_S * 1000)
            yield closed_candles(candles, from_ms=start_ms, until_ms=until_ms, closed_ms=closed_ms)
            if len(candles) + len(rejected) < PAGE or candles[-1].start_ms < start_ms:
                return
            start_ms = candles[-1].start_ms + interval.milliseconds

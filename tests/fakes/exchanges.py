"""Fake exchanges behind the port of HTTP: each answers in the form of its venue from one market of made trades.

They keep what the real ones do that matters to an adapter: page sizes, order, cursors, the candle that is still
forming, a clock of their own in ``Date``, and how far back they reach.
"""

from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec

from producers.sources.fetching import Fetched, Fetcher, SourceAnswerError
from schemas.time import parse_time, text_of_time
from tests.fakes.markets import MINUTE_MS, MadeCandle, MadeMarket, MadeTrade

Params = Mapping[str, str]


class FakeExchange(Fetcher):
    """Answers from a market.

    Args:
        market: Its trades, candles and clock.
    """

    prefix: ClassVar[str]

    def __init__(self, market: MadeMarket) -> None:
        self.market = market
        self.asked: list[str] = []
        #: Paths that are refused, with the status.
        self.refused: dict[str, int] = {}
        #: Changes an answer, by its path.
        self.edits: dict[str, Callable[[Any], Any]] = {}

    def get(
        self,
        url: str,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        is_page: bool = False,
    ) -> Fetched:
        del headers, is_page
        assert url.startswith(self.prefix), url
        path = url.removeprefix(self.prefix).strip("/")
        self.asked.append(path)
        for refused, status in self.refused.items():
            if refused in path:
                raise SourceAnswerError(f"{urlsplit(url).netloc} answered {status}", status=status)
        answer = self.answer(path, params or {})
        for edited, edit in self.edits.items():
            answer = edit(answer) if edited in path else answer
        dated = {"date": formatdate(self.market.now_ms // 1000, usegmt=True)}
        return Fetched(
            url,
            200,
            msgspec.json.encode(answer),
            dated,
            is_new=True,
            received_ms=self.market.now_ms + 3_600_000,
        )

    def answer(self, path: str, params: Params) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        pass


class FakeBinance(FakeExchange):
    prefix = "https://api.binance.com/api/v3"

    def answer(self, path: str, params: Params) -> Any:
        trades, limit = self.market.trades, int(params.get("limit", "500"))
        match path:
            case "historicalTrades":
                from_id = int(params["fromId"])
                return [_binance_trade(each) for each in trades if each.trade_id >= from_id][:limit]
            case "trades":
                return [_binance_trade(each) for each in trades[-limit:]]
            case "aggTrades":
                found = [each for each in trades if self._is_asked(each, params)][:limit]
                return [_binance_aggregate(each) for each in found]
            case "klines":
                return _klines(self.market, params, limit)
            case "ticker/24hr":
                return [
                    {
                        "symbol": "BTCUSDT",
                        "lastPrice": str(trades[-1].price),
                        "closeTime": trades[-1].time_ms,
                        "volume": "5",
                    }
                ]
            case "ticker/price":
                row = {"symbol": "BTCUSDT", "price": str(trades[-1].price)}
                return [row] if "symbols" in params else row
            case "openInterest":
                return {"symbol": "BTCUSDT", "openInterest": "10659.509", "time": self.market.now_ms}
            case "premiumIndex":
                return {
                    "symbol": "BTCUSDT",
                    "markPrice": "100.5",
                    "indexPrice": "100.25",
                    "lastFundingRate": "-0.0001",
                    "nextFundingTime": self.market.now_ms + MINUTE_MS,
                    "time": self.market.now_ms,
                }
            case "fundingRate":
                return [
                    {
                        "symbol": "BTCUSDT",
                        "fundingRate": "0.0001",
                        "fundingTime": self.market.now_ms,
                        "markPrice": "",
                    }
                ]
            case _:
                raise SourceAnswerError(path, status=404)

    @staticmethod
    def _is_asked(trade: MadeTrade, params: Params) -> bool:
        return trade.time_ms >= int(params.get("startTime", "0")) and trade.trade_id >= int(
            params.get("fromId", "0")
        )


class FakeBinanceFutures(FakeBinance):
    prefix = "https://fapi.binance.com/fapi/v1"


def _binance_trade(trade: MadeTrade) -> dict[str, Any]:
    return {
        "id": trade.trade_id,
        "price": f"{trade.price:.8f}",
        "qty": f"{trade.size:.8f}",
        "quoteQty": "1.0",
        "time": trade.time_ms,
        "isBuyerMaker": trade.is_buyer_maker,
        "isBestMatch": True,
    }


def _binance_aggregate(trade: MadeTrade) -> dict[str, Any]:
    return {
        "a": trade.trade_id,
        "p": f"{trade.price:.8f}",
        "q": f"{trade.size:.8f}",
        "f": trade.trade_id,
        "l": trade.trade_id,
        "T": trade.time_ms,
        "m": trade.is_buyer_maker,
    }


def _klines(market: MadeMarket, params: Params, limit: int) -> list[list[Any]]:
    start_ms, end_ms = int(params["startTime"]), int(params["endTime"])
    found = [each for each in market.candles if start_ms <= each.start_ms <= end_ms][:limit]
    return [
        [each.start_ms, *_prices(each), "2.5", each.start_ms + MINUTE_MS - 1, "250", 3, "1.5", "150", "0"]
        for each in found
    ]


def _prices(candle: MadeCandle) -> list[str]:
    return [f"{each:.2f}" for each in (candle.open, candle.high, candle.low, candle.close)]


class FakeCoinbase(FakeExchange):
    prefix = "https://api.exchange.coinbase.com/products/BTC-USD"

    def answer(self, path: str, params: Params) -> Any:
        match path:
            case "trades":
                after = int(params.get("after", str(2**62)))
                below = [each for each in self.market.trades if each.trade_id < after]
                return [
                    _coinbase_trade(each) for each in reversed(below[-int(params.get("limit", "1000")) :])
                ]
            case "candles":
                return self._candles(params)
            case "ticker":
                return {**_coinbase_trade(self.market.trades[-1]), "bid": "1", "ask": "2", "volume": "5"}
            case _:
                raise SourceAnswerError(path, status=404)

    def _candles(self, params: Params) -> list[list[float]]:
        """Both ends are included, and a candle from before the start comes along, as the documentation warns."""
        start_ms, end_ms = parse_time(params["start"], "start"), parse_time(params["end"], "end")
        if (end_ms - start_ms) // MINUTE_MS >= 300:
            raise SourceAnswerError("granularity too small", status=400)
        found = [each for each in self.market.candles if start_ms - MINUTE_MS <= each.start_ms <= end_ms]
        return [
            [each.start_ms // 1000, each.low, each.high, each.open, each.close, 2.5]
            for each in reversed(found)
        ]


def _coinbase_trade(trade: MadeTrade) -> dict[str, Any]:
    return {
        "trade_id": trade.trade_id,
        "side": "buy" if trade.is_buyer_maker else "sell",
        "size": f"{trade.size:.8f}",
        "price": f"{trade.price:.2f}",
        "time": text_of_time(trade.time_ms, "iso"),
    }


class FakeKraken(FakeExchange):
    prefix = "https://api.kraken.com/0/public"

    def answer(self, path: str, params: Params) -> Any:
        match path:
            case "Trades":
                return self._trades(int(params["since"]), int(params["count"]))
            case "OHLC":
                return self._candles(int(params["since"]))
            case "Ticker":
                last = str(self.market.trades[-1].price)
                sides = {"a": ["2", "1", "1.000"], "b": ["1", "1", "1.000"]}
                return _kraken({"XXBTZUSD": {**sides, "c": [last, "0.1"], "v": ["1", "5"]}})
            case _:
                raise SourceAnswerError(path, status=404)

    def _trades(self, since_ns: int, count: int) -> Any:
        found = [each for each in self.market.trades if each.time_ms * 1_000_000 > since_ns][:count]
        last_ns = found[-1].time_ms * 1_000_000 if found else since_ns
        return _kraken({"XXBTZUSD": [_kraken_trade(each) for each in found], "last": str(last_ns)})

    def _candles(self, since_s: int) -> Any:
        newest = self.market.candles[-720:]
        rows = [
            [each.start_ms // 1000, *_prices(each), "100.0", "2.5", 3]
            for each in newest
            if each.start_ms // 1000 > since_s
        ]
        return _kraken({"XXBTZUSD": rows, "last": self.market.candles[-2].start_ms // 1000})


def _kraken(result: Mapping[str, Any]) -> Any:
    return {"error": [], "result": result}


def _kraken_trade(trade: MadeTrade) -> list[Any]:
    side = "s" if trade.is_buyer_maker else "b"
    return [f"{trade.price:.5f}", f"{trade.size:.8f}", trade.time_ms / 1000, side, "m", "", trade.trade_id]


class FakeCoinGecko(FakeExchange):
    """Answers under one of the two addresses; under the other it refuses the key."""

    prefix = "https://"

    def __init__(self, market: MadeMarket, *, host: str = "api.coingecko.com") -> None:
        super().__init__(market)
        self._host = host

    def answer(self, path: str, params: Params) -> Any:
        if not path.startswith(f"{self._host}/api/v3/"):
            raise SourceAnswerError("If you are using Pro API key, please change your root URL", status=400)
        coins = {"bitcoin": "btc", "batcat": "btc"}
        asked = params.get("ids", "").split(",")
        return [
            {
                "id": coin,
                "symbol": symbol,
                "current_price": self.market.trades[-1].price,
                "total_volume": 5,
                "last_updated": text_of_time(self.market.trades[-1].time_ms, "iso"),
            }
            for coin, symbol in coins.items()
            if coin in asked or params.get("symbols") == symbol
        ]

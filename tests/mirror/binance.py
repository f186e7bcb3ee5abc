"""Binance spot by REST, as https://developers.binance.com/docs/binance-spot-api-docs states it."""

import json
from collections.abc import Callable

import numpy as np

from tests.mirror.answers import NOT_FOUND, Answer, Request, as_json
from tests.mirror.candles import INTERVALS_MS
from tests.mirror.markets import Market
from tests.mirror.tapes import Trades

SYMBOL = "BTCUSDT"
PAGE, MOST = 500, 1000
WEIGHTS = {
    "klines": 2,
    "uiKlines": 2,
    "trades": 25,
    "historicalTrades": 25,
    "aggTrades": 4,
    "exchangeInfo": 20,
}


def kline(row: np.void, interval_ms: int, digits: str = ".8f") -> list:
    """Return a candle in the order of the venue."""
    prices = [f"{row[name]:.8f}" for name in ("open", "high", "low", "close")]
    amounts = [f"{row[name]:{digits}}" for name in ("taker", "taker_quote")]
    ends_ms = int(row["open_ms"]) + interval_ms - 1
    head = [int(row["open_ms"]), *prices, f"{row['volume']:{digits}}", ends_ms, f"{row['quote']:{digits}}"]
    return [*head, int(row["n_trades"]), *amounts, "0"]


def _symbols(request: Request) -> list[str]:
    """Return the symbols that a request names, one by ``symbol`` or several by ``symbols`` as JSON."""
    if "symbols" not in request.query:
        return [request.query.get("symbol", SYMBOL)]
    try:
        return [str(name) for name in json.loads(request.query["symbols"])]
    except (ValueError, TypeError):
        return [""]


def _refused(code: int, message: str) -> Answer:
    return as_json({"code": code, "msg": message}, 400)


class BinanceRest:
    """The public part of ``/api/v3`` or, with other paths and digits, of ``/fapi/v1``.

    Args:
        market: What is traded.
        prefix: Of all paths.
        most: The longest page of candles.
    """

    def __init__(self, market: Market, *, prefix: str = "/api/v3/", most: int = MOST) -> None:
        self.market = market
        self._prefix = prefix
        self._most = most
        self._n_weight: dict[int, int] = {}
        self._answers: dict[str, Callable[[Request], object]] = {
            "ping": lambda _: {},
            "time": lambda request: {"serverTime": request.now_ms},
            "exchangeInfo": self._exchange_info,
            "klines": self._klines,
            "uiKlines": self._klines,
            "trades": self._recent,
            "historicalTrades": self._historical,
            "aggTrades": self._aggregated,
            "ticker/price": lambda request: self._named(request, {"price": f"{self._price(request):.8f}"}),
            "ticker/24hr": self._day,
            "ticker/bookTicker": lambda request: self._named(request, self._best(request)),
        }

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        name = request.path.removeprefix(self._prefix)
        if not request.path.startswith(self._prefix) or name not in self._answers:
            return NOT_FOUND
        wrong = self._wrong(request, name)
        if wrong is not None:
            return wrong
        answer = as_json(self._answers[name](request))
        return answer._replace(headers={"x-mbx-used-weight-1m": str(self._weigh(request, name))})

    def _wrong(self, request: Request, name: str) -> Answer | None:
        if (
            name in {"klines", "uiKlines", "trades", "historicalTrades", "aggTrades"}
            and "symbol" not in request.query
        ):
            return _refused(-1102, "Mandatory parameter 'symbol' was not sent, was empty/null, or malformed.")
        if any(symbol != SYMBOL for symbol in _symbols(request)):
            return _refused(-1121, "Invalid symbol.")
        if name.endswith("lines") and request.query.get("interval") not in INTERVALS_MS:
            return _refused(-1120, "Invalid interval.")
        return None

    def _weigh(self, request: Request, name: str) -> int:
        minute = request.now_ms // 60_000
        self._n_weight = {minute: self._n_weight.get(minute, 0) + WEIGHTS.get(name, 2)}
        return self._n_weight[minute]

    def _limit(self, request: Request, most: int = MOST) -> int:
        return max(1, min(request.number("limit", PAGE) or PAGE, most))

    def _klines(self, request: Request) -> list:
        interval_ms, limit = INTERVALS_MS[request.query["interval"]], self._limit(request, self._most)
        from_ms, until_ms = request.number("startTime"), request.number("endTime", request.now_ms)
        first_ms = max(0, until_ms - (limit + 1) * interval_ms) if from_ms is None else from_ms
        rows = self.market.candles(interval_ms, first_ms, until_ms + 1, request.now_ms)
        return [kline(row, interval_ms) for row in (rows[-limit:] if from_ms is None else rows[:limit])]

    def _recent(self, request: Request) -> list:
        end = self.market.trades.first_at(request.now_ms)
        return _trades(self.market.trades.numbered(end - self._limit(request), end))

    def _historical(self, request: Request) -> list:
        first = request.number("fromId")
        if first is None:
            return self._recent(request)
        first = max(first, self.market.first_id())
        end = min(first + self._limit(request), self.market.trades.first_at(request.now_ms))
        return _trades(self.market.trades.numbered(first, end))

    def _aggregated(self, request: Request) -> list:
        tape, limit = self.market.aggregated, self._limit(request)
        oldest, newest = self.market.first_id(tape), tape.first_at(request.now_ms)
        first, from_ms, until_ms = (request.number(name) for name in ("fromId", "startTime", "endTime"))
        end = newest if until_ms is None else min(newest, tape.first_at(until_ms + 1))
        if first is None and from_ms is None:
            first = end - limit
        elif first is None:
            first = tape.first_at(from_ms)
        first = max(first, oldest)
        return [_aggregate(trade) for trade in _each(tape.numbered(first, min(first + limit, end)))]

    def _price(self, request: Request) -> float:
        return self.market.price(request.now_ms)

    def _best(self, request: Request) -> dict:
        quote = self.market.quotes.latest(request.now_ms)
        return {
            "bidPrice": f"{quote.bid[0]:.8f}", "bidQty": f"{quote.bid_size[0]:.8f}",
            "askPrice": f"{quote.ask[0]:.8f}", "askQty": f"{quote.ask_size[0]:.8f}",
        }  # fmt: skip

    def _day(self, request: Request) -> object:
        now_ms = request.now_ms
        rows = self.market.candles(3_600_000, now_ms - 86_400_000, now_ms, now_ms)
        last = self._price(request)
        prices = {
            "openPrice": rows["open"][0],
            "highPrice": rows["high"].max(),
            "lowPrice": rows["low"].min(),
            "lastPrice": last,
        }
        sums = {"volume": rows["volume"].sum(), "quoteVolume": rows["quote"].sum()}
        values = {name: f"{value:.8f}" for name, value in {**prices, **sums}.items()}
        times = {"openTime": now_ms - 86_400_000, "closeTime": now_ms}
        ends = {"firstId": self.market.first_id(), "lastId": self.market.trades.first_at(now_ms) - 1}
        return self._named(request, {**values, **times, **ends, "count": int(rows["n_trades"].sum())})

    def _named(self, request: Request, values: dict) -> object:
        values = {"symbol": SYMBOL, **values}
        return values if "symbol" in request.query else [values]

    def _exchange_info(self, request: Request) -> dict:
        symbol = {
            "symbol": SYMBOL, "status": "TRADING", "baseAsset": "BTC", "baseAssetPrecision": 8, "quoteAsset": "USDT",
            "quotePrecision": 8, "isSpotTradingAllowed": True, "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01000000", "maxPrice": "1000000.00000000", "tickSize": "0.01000000"},
                {"filterType": "LOT_SIZE", "minQty": "0.00001000", "maxQty": "9000.00000000", "stepSize": "0.00001000"},
            ],
        }  # fmt: skip
        limits = [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 6000}]
        return {
            "timezone": "UTC",
            "serverTime": request.now_ms,
            "rateLimits": limits,
            "exchangeFilters": [],
            "symbols": [symbol],
        }


def _each(trades: Trades):
    columns = [column.tolist() for column in trades]
    return (Trades(*values) for values in zip(*columns, strict=True))


def _trades(trades: Trades) -> list[dict]:
    return [
        {
            "id": trade.id, "price": f"{trade.price:.8f}", "qty": f"{trade.size:.8f}",
            "quoteQty": f"{trade.price * trade.size:.8f}", "time": trade.time_ms,
            "isBuyerMaker": trade.is_buyer_maker, "isBestMatch": True,
        }
        for trade in _each(trades)
    ]  # fmt: skip


def _aggregate(trade: Trades) -> dict:
    return {
        "a": trade.id, "p": f"{trade.price:.8f}", "q": f"{trade.size:.8f}", "f": trade.first_id, "l": trade.last_id,
        "T": trade.time_ms, "m": trade.is_buyer_maker, "M": True,
    }  # fmt: skip

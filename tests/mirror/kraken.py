"""Kraken by REST, as https://docs.kraken.com/api states it.

``since`` is exclusive and in nanoseconds (or seconds); ``last`` is what to ask with next. OHLC has the last 720 candles
whatever is asked, the one that is still forming at the end.
"""

from tests.mirror.answers import NOT_FOUND, Answer, Request, as_json
from tests.mirror.markets import Market

PAIRS = {
    "XBTUSD": "XXBTZUSD",
    "BTCUSD": "XXBTZUSD",
    "XXBTZUSD": "XXBTZUSD",
    "XBT/USD": "XXBTZUSD",
    "BTC/USD": "XXBTZUSD",
}
MOST_TRADES, MOST_CANDLES = 1000, 720
INTERVALS = (1, 5, 15, 30, 60, 240, 1440)
UNKNOWN_PAIR = {"error": ["EQuery:Unknown asset pair"]}


def nanoseconds(time_ms: int, rank: int) -> int:
    """Return the venue's time of a trade, which tells trades of one millisecond apart."""
    return time_ms * 1_000_000 + min(rank, 999) * 1_000


def seconds(time_ms: int, rank: int) -> float:
    """Return the same time as answers state it; as microseconds it is exact, and nanoseconds would not be."""
    return nanoseconds(time_ms, rank) // 1_000 / 1e6


def _since_ns(text: str) -> int:
    """Return nanoseconds of what may be seconds, with a fraction or not, or nanoseconds."""
    if text.isdigit() and len(text) > 12:
        return int(text)
    return int(float(text) * 1e9)


class KrakenRest:
    """Trades, candles and the ticker."""

    def __init__(self, market: Market) -> None:
        self.market = market

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        name = request.path.removeprefix("/0/public/")
        if name == "Time":
            return as_json({"error": [], "result": {"unixtime": request.now_ms // 1000}})
        if name == "SystemStatus":
            return as_json({"error": [], "result": {"status": "online"}})
        answers = {
            "Trades": self._trades,
            "OHLC": self._candles,
            "Ticker": self._ticker,
            "AssetPairs": self._pairs,
        }
        if name not in answers:
            return NOT_FOUND
        wanted = request.query.get("pair", "").split(",")
        pair = PAIRS.get(wanted[0]) if all(name in PAIRS for name in wanted) else None
        return as_json(
            UNKNOWN_PAIR if pair is None else {"error": [], "result": answers[name](request, pair)}
        )

    def _trades(self, request: Request, pair: str) -> dict:
        limit = max(1, min(request.number("count", MOST_TRADES) or MOST_TRADES, MOST_TRADES))
        end = self.market.trades.first_at(request.now_ms)
        since = request.query.get("since")
        first = end - limit if since is None else self._after(_since_ns(since), end)
        trades = self.market.trades.numbered(first, min(first + limit, end))
        items = [_trade(*values) for values in zip(*(column.tolist() for column in trades[:6]), strict=True)]
        times = zip(trades.time_ms[-1:].tolist(), trades.rank[-1:].tolist(), strict=True)
        last = next((str(nanoseconds(*each)) for each in times), since or "0")
        return {pair: items, "last": last}

    def _after(self, since_ns: int, end: int) -> int:
        """Return the id of the first trade after a time."""
        tape = self.market.trades
        at_ms = max(since_ns // 1_000_000, self.market.tape_start_ms)
        first = tape.first_at(at_ms)
        same = tape.numbered(first, min(tape.first_at(at_ms + 1), end))
        return first + sum(nanoseconds(at_ms, rank) <= since_ns for rank in same.rank.tolist())

    def _candles(self, request: Request, pair: str) -> dict:
        minutes = request.number("interval", 1)
        interval_ms = (minutes if minutes in INTERVALS else 1) * 60_000
        first_ms = request.now_ms - MOST_CANDLES * interval_ms
        rows = self.market.candles(interval_ms, first_ms, request.now_ms, request.now_ms)[-MOST_CANDLES:]
        since = request.number("since", 0) or 0
        items = [_candle(row) for row in rows if row["open_ms"] > since * 1000]
        committed = [item[0] for item in items[:-1]]
        return {pair: items, "last": committed[-1] if committed else since}

    def _ticker(self, request: Request, pair: str) -> dict:
        quote = self.market.quotes.latest(request.now_ms)
        end = self.market.trades.first_at(request.now_ms)
        last = self.market.trades.numbered(end - 1, end)
        day = self.market.candles(3_600_000, request.now_ms - 86_400_000, request.now_ms, request.now_ms)
        volume, price = f"{day['volume'].sum():.8f}", f"{last.price[0]:.5f}"
        high, low = f"{day['high'].max():.5f}", f"{day['low'].min():.5f}"
        return {pair: {
            "a": [f"{quote.ask[0]:.5f}", "1", "1.000"], "b": [f"{quote.bid[0]:.5f}", "1", "1.000"],
            "c": [price, f"{last.size[0]:.8f}"], "v": [volume, volume], "p": [price, price],
            "t": [int(day["n_trades"].sum())] * 2, "l": [low, low], "h": [high, high], "o": f"{day['open'][0]:.5f}",
        }}  # fmt: skip

    def _pairs(self, request: Request, pair: str) -> dict:
        return {
            pair: {
                "altname": "XBTUSD",
                "wsname": "XBT/USD",
                "base": "XXBT",
                "quote": "ZUSD",
                "pair_decimals": 1,
                "status": "online",
            }
        }


def _trade(trade_id: int, time_ms: int, rank: int, price: float, size: float, is_buyer_maker: bool) -> list:  # noqa: FBT001 - a column
    return [
        f"{price:.5f}",
        f"{size:.8f}",
        seconds(time_ms, rank),
        "s" if is_buyer_maker else "b",
        "m",
        "",
        trade_id,
    ]


def _candle(row) -> list:
    average = row["quote"] / row["volume"] if row["volume"] else 0.0
    prices = [f"{row[name]:.1f}" for name in ("open", "high", "low", "close")]
    return [
        int(row["open_ms"]) // 1000,
        *prices,
        f"{average:.1f}",
        f"{row['volume']:.8f}",
        int(row["n_trades"]),
    ]

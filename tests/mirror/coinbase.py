"""Coinbase Exchange by REST, as https://docs.cdp.coinbase.com/exchange states it.

Two properties that clients get wrong are kept. ``side`` is that of the maker. ``before`` gives the newest page of what
is newer than the cursor, and not the page that follows it.
"""

import re
from datetime import UTC, datetime

from tests.mirror.answers import NOT_FOUND, Answer, Request, as_json
from tests.mirror.markets import Market

PRODUCT = "BTC-USD"
MOST_TRADES, MOST_CANDLES = 1000, 300
GRANULARITIES_S = (60, 300, 900, 3600, 21600, 86400)
PATH = re.compile(r"/products/(?P<product>[^/]+)(?:/(?P<what>trades|candles|ticker))?/?$")


def stamp(time_ms: int, rank: int = 0) -> str:
    """Return a time with the venue's microseconds, which tell trades of one millisecond apart."""
    at = datetime.fromtimestamp(time_ms / 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{time_ms % 1000 * 1000 + min(rank, 999):06d}Z"


def side(is_buyer_maker: bool) -> str:  # noqa: FBT001 - a column
    """Return the side of the maker."""
    return "buy" if is_buyer_maker else "sell"


def plain(value: float, digits: int = 8) -> str:
    """Return a number without trailing zeros."""
    return f"{value:.{digits}f}".rstrip("0").rstrip(".")


def _time_ms(text: str) -> int | None:
    if text.lstrip("-").isdigit():
        return int(text) * 1000
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int(at.replace(tzinfo=at.tzinfo or UTC).timestamp() * 1000)


class CoinbaseRest:
    """Trades, candles, the ticker and the product."""

    def __init__(self, market: Market) -> None:
        self.market = market

    def __call__(self, request: Request) -> Answer:
        """Answer a request."""
        if request.path == "/time":
            return as_json({"iso": stamp(request.now_ms), "epoch": request.now_ms / 1000})
        found = PATH.match(request.path)
        if found is None:
            return NOT_FOUND
        if found["product"] != PRODUCT:
            return as_json({"message": "NotFound"}, 404)
        answers = {
            "trades": self._trades,
            "candles": self._candles,
            "ticker": self._ticker,
            None: self._product,
        }
        return answers[found["what"]](request)

    def _trades(self, request: Request) -> Answer:
        tape = self.market.trades
        limit = max(1, min(request.number("limit", MOST_TRADES) or MOST_TRADES, MOST_TRADES))
        newer_than, older_than = request.number("before"), request.number("after")
        end = min(tape.first_at(request.now_ms), older_than or 1 << 62)
        first = max(end - limit, self.market.first_id(), (newer_than or 0) + 1)
        trades = tape.numbered(first, end)
        items = [_trade(*values) for values in zip(*(column.tolist() for column in trades[:6]), strict=True)][
            ::-1
        ]
        cursors = (
            {"cb-before": str(items[0]["trade_id"]), "cb-after": str(items[-1]["trade_id"])} if items else {}
        )
        return as_json(items)._replace(headers=cursors)

    def _candles(self, request: Request) -> Answer:
        step_s = request.number("granularity", 60)
        if step_s not in GRANULARITIES_S:
            return as_json({"message": "Unsupported granularity"}, 400)
        end_ms = _time_ms(request.query.get("end", "")) or request.now_ms
        newest_ms = end_ms - end_ms % (step_s * 1000)
        start_ms = _time_ms(request.query.get("start", "")) or newest_ms - (MOST_CANDLES - 1) * step_s * 1000
        if end_ms - start_ms > MOST_CANDLES * step_s * 1000:
            why = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
            return as_json({"message": why}, 400)
        rows = self.market.candles(step_s * 1000, start_ms, end_ms + 1, request.now_ms)[-MOST_CANDLES:]
        names = ("low", "high", "open", "close", "volume")
        return as_json(
            [
                [int(row["open_ms"]) // 1000, *(round(float(row[name]), 8) for name in names)]
                for row in rows[::-1]
            ]
        )

    def _ticker(self, request: Request) -> Answer:
        end = self.market.trades.first_at(request.now_ms)
        last = self.market.trades.numbered(end - 1, end)
        quote = self.market.quotes.latest(request.now_ms)
        return as_json({
            "ask": plain(quote.ask[0]), "bid": plain(quote.bid[0]), "volume": "8123.42817", "trade_id": end - 1,
            "price": plain(last.price[0]), "size": plain(last.size[0]),
            "time": stamp(int(last.time_ms[0]), int(last.rank[0])), "rfq_volume": "0",
        })  # fmt: skip

    def _product(self, request: Request) -> Answer:
        return as_json({
            "id": PRODUCT, "base_currency": "BTC", "quote_currency": "USD", "quote_increment": "0.01",
            "base_increment": "0.00000001", "display_name": "BTC/USD", "status": "online", "trading_disabled": False,
        })  # fmt: skip


def _trade(trade_id: int, time_ms: int, rank: int, price: float, size: float, is_buyer_maker: bool) -> dict:  # noqa: FBT001 - a column
    return {
        "trade_id": trade_id, "side": side(is_buyer_maker), "size": f"{size:.8f}", "price": f"{price:.8f}",
        "time": stamp(time_ms, rank),
    }  # fmt: skip

"""The WebSocket of Kraken, version 2: status, trade, ticker, ohlc is left out; heartbeat, ping and pong."""

from tests.mirror.coinbase import stamp
from tests.mirror.markets import Market
from tests.mirror.sessions import WORDS, Message, Moment, beats, each, in_order, parsed
from tests.mirror.tapes import Trades

SYMBOL = "BTC/USD"
CHANNELS = {"trade", "ticker"}
N_SNAPSHOT = 50


def trade_data(trade: Trades) -> dict:
    """Return a trade in the venue's form."""
    return {
        "symbol": SYMBOL, "side": "sell" if trade.is_buyer_maker else "buy", "price": trade.price, "qty": trade.size,
        "ord_type": "market", "trade_id": trade.id, "timestamp": stamp(trade.time_ms, trade.rank),
    }  # fmt: skip


class KrakenSession:
    """One connection. Trades of one moment come in one message, as the venue sends them."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._channels: set[str] = set()
        self._trigger = "trades"
        self._spoke_ms = 0

    def greeting(self, now_ms: int) -> list[Message]:
        """Return the status of the venue."""
        data = {
            "version": "2.0.10",
            "system": "online",
            "api_version": "v2",
            "connection_id": 13834774380200032777,
        }
        return [Message(WORDS({"channel": "status", "type": "update", "data": [data]}))]

    def heard(self, text: str, now_ms: int) -> list[Message]:
        """Subscribe, unsubscribe, or answer a ping."""
        order = parsed(text)
        method, head = order.get("method"), {}
        if "req_id" in order:
            head["req_id"] = order["req_id"]
        times = {"time_in": stamp(now_ms), "time_out": stamp(now_ms, 1)}
        if method == "ping":
            return [Message(WORDS({"method": "pong", **head, **times}))]
        if method not in {"subscribe", "unsubscribe"}:
            return [Message(WORDS({"error": "Malformed request", "success": False, **head, **times}))]
        replies = []
        for symbol in order.get("params", {}).get("symbol", []):
            replies += self._one(method, symbol, order["params"], {**head, **times}, now_ms)
        return replies

    def due(self, from_ms: int, until_ms: int) -> list[Message]:
        """Return trades, quotes, and a heartbeat for each second in which nothing else was sent."""
        trades = list(each(self._market.trades.between(from_ms, until_ms))) if self._channels else []
        moments = self._trades(trades) if "trade" in self._channels else []
        if "ticker" in self._channels:
            moments += self._tickers(trades, from_ms, until_ms)
        if moments:
            self._spoke_ms = max(moment.at_ms for moment in moments)
        beat = Message(WORDS({"channel": "heartbeat"}))
        quiet = [
            at_ms
            for at_ms in beats(from_ms, until_ms, 1_000)
            if self._channels and at_ms - self._spoke_ms >= 1_000
        ]
        return in_order(moments + [Moment(at_ms, beat) for at_ms in quiet])

    def _one(self, method: str, symbol: str, params: dict, ends: dict, now_ms: int) -> list[Message]:
        channel = params.get("channel")
        if symbol != SYMBOL or channel not in CHANNELS:
            why = (
                f"Currency pair not supported {symbol}"
                if symbol != SYMBOL
                else f"Channel not supported {channel}"
            )
            return [
                Message(WORDS({"error": why, "method": method, "success": False, "symbol": symbol, **ends}))
            ]
        if method == "unsubscribe":
            self._channels.discard(channel)
            return [
                Message(
                    WORDS(
                        {
                            "method": method,
                            "result": {"channel": channel, "symbol": symbol},
                            "success": True,
                            **ends,
                        }
                    )
                )
            ]
        self._channels.add(channel)
        has_snapshot = bool(params.get("snapshot", channel == "ticker"))
        result = {"channel": channel, "snapshot": has_snapshot, "symbol": symbol}
        if channel == "ticker":
            self._trigger = result["event_trigger"] = params.get("event_trigger", "trades")
        said = [Message(WORDS({"method": method, "result": result, "success": True, **ends}))]
        return said + ([self._snapshot(channel, now_ms)] if has_snapshot else [])

    def _snapshot(self, channel: str, now_ms: int) -> Message:
        if channel == "ticker":
            return self._ticker("snapshot", now_ms)
        end = self._market.trades.first_at(now_ms)
        data = [trade_data(trade) for trade in each(self._market.trades.numbered(end - N_SNAPSHOT, end))]
        return Message(WORDS({"channel": "trade", "type": "snapshot", "data": data}), is_trade=True)

    def _trades(self, trades: list[Trades]) -> list[Moment]:
        moments: dict[int, list[dict]] = {}
        for trade in trades:
            moments.setdefault(trade.time_ms, []).append(trade_data(trade))
        return [
            Moment(at_ms, Message(WORDS({"channel": "trade", "type": "update", "data": data}), is_trade=True))
            for at_ms, data in moments.items()
        ]

    def _tickers(self, trades: list[Trades], from_ms: int, until_ms: int) -> list[Moment]:
        if self._trigger == "bbo":
            times = self._market.quotes.between(from_ms, until_ms).time_ms.tolist()
        else:
            times = [trade.time_ms for trade in trades]
        return [Moment(at_ms, self._ticker("update", at_ms + 1)) for at_ms in dict.fromkeys(times)]

    def _ticker(self, kind: str, now_ms: int) -> Message:
        quote = self._market.quotes.latest(now_ms)
        last = self._market.price(now_ms)
        data = {
            "symbol": SYMBOL, "bid": float(quote.bid[0]), "bid_qty": float(quote.bid_size[0]), "ask": float(quote.ask[0]),
            "ask_qty": float(quote.ask_size[0]), "last": last, "volume": 2163.28908096, "vwap": last, "low": last,
            "high": last, "change": 250.0, "change_pct": 0.24, "timestamp": stamp(now_ms),
        }  # fmt: skip
        return Message(WORDS({"channel": "ticker", "type": kind, "data": [data]}))

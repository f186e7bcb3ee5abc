"""The feed of Coinbase Exchange: matches, ticker, heartbeat."""

import uuid

from tests.mirror.coinbase import PRODUCT, plain, side, stamp
from tests.mirror.markets import Market
from tests.mirror.sessions import WORDS, Message, Moment, beats, each, in_order, parsed
from tests.mirror.tapes import Trades

CHANNELS = ("matches", "ticker", "heartbeat", "status")
#: Orders that are no matches take numbers of the sequence too, so the numbers of matches are not contiguous.
SEQUENCE_STEP = 7


def _name(kind: str, number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{kind}-{number}"))


def match(trade: Trades, kind: str = "match") -> dict:
    """Return a match in the venue's form."""
    return {
        "type": kind, "trade_id": trade.id, "maker_order_id": _name("maker", trade.id),
        "taker_order_id": _name("taker", trade.id), "side": side(trade.is_buyer_maker), "size": f"{trade.size:.8f}",
        "price": plain(trade.price, 2), "product_id": PRODUCT, "sequence": trade.id * SEQUENCE_STEP,
        "time": stamp(trade.time_ms, trade.rank),
    }  # fmt: skip


class CoinbaseSession:
    """One connection; what was subscribed to is sent for ``BTC-USD``."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._channels: dict[str, set[str]] = {}

    def greeting(self, now_ms: int) -> list[Message]:
        """Return nothing: Coinbase waits for a subscription."""
        return []

    def heard(self, text: str, now_ms: int) -> list[Message]:
        """Subscribe or unsubscribe, and answer with all subscriptions and the last match of each product."""
        order = parsed(text)
        kind = order.get("type")
        if kind not in {"subscribe", "unsubscribe"}:
            return [
                Message(
                    WORDS(
                        {
                            "type": "error",
                            "message": "Malformed JSON"
                            if not order
                            else "Type has to be either subscribe or unsubscribe",
                        }
                    )
                )
            ]
        wanted = self._wanted(order)
        unknown = [name for name, products in wanted.items() if name not in CHANNELS or products - {PRODUCT}]
        if unknown:
            reason = f"{unknown[0]} is not a valid channel or product"
            return [Message(WORDS({"type": "error", "message": "Failed to subscribe", "reason": reason}))]
        self._change(kind, wanted)
        listed = [
            {"name": name, "product_ids": sorted(ids), "account_ids": None}
            for name, ids in self._channels.items()
        ]
        replies = [Message(WORDS({"type": "subscriptions", "channels": listed}))]
        if kind == "subscribe" and PRODUCT in wanted.get("matches", ()):
            last = self._last(now_ms)
            replies.append(Message(WORDS(match(last, "last_match")), is_trade=True))
        return replies

    def due(self, from_ms: int, until_ms: int) -> list[Message]:
        """Return matches, tickers and heartbeats."""
        moments = []
        if "matches" in self._channels or "ticker" in self._channels:
            for trade in each(self._market.trades.between(from_ms, until_ms)):
                moments += self._of(trade)
        if "heartbeat" in self._channels:
            moments += [self._heartbeat(at_ms) for at_ms in beats(from_ms, until_ms, 1_000)]
        return in_order(moments)

    def _of(self, trade: Trades) -> list[Moment]:
        found = []
        if "matches" in self._channels:
            found.append(Moment(trade.time_ms, Message(WORDS(match(trade)), is_trade=True)))
        if "ticker" in self._channels:
            found.append(Moment(trade.time_ms, Message(WORDS(self._ticker(trade)))))
        return found

    def _ticker(self, trade: Trades) -> dict:
        quote = self._market.quotes.latest(trade.time_ms + 1)
        return {
            "type": "ticker", "sequence": trade.id * SEQUENCE_STEP, "product_id": PRODUCT, "price": plain(trade.price, 2),
            "open_24h": plain(trade.price, 2), "volume_24h": "8123.42817", "low_24h": plain(trade.price, 2),
            "high_24h": plain(trade.price, 2), "volume_30d": "243702.8451", "best_bid": plain(quote.bid[0], 2),
            "best_bid_size": f"{quote.bid_size[0]:.8f}", "best_ask": plain(quote.ask[0], 2),
            "best_ask_size": f"{quote.ask_size[0]:.8f}", "side": "sell" if trade.is_buyer_maker else "buy",
            "time": stamp(trade.time_ms, trade.rank), "trade_id": trade.id, "last_size": plain(trade.size),
        }  # fmt: skip

    def _heartbeat(self, at_ms: int) -> Moment:
        last = self._market.trades.first_at(at_ms) - 1
        values = {
            "type": "heartbeat",
            "last_trade_id": last,
            "product_id": PRODUCT,
            "sequence": last * SEQUENCE_STEP + 1,
        }
        return Moment(at_ms, Message(WORDS({**values, "time": stamp(at_ms)})))

    def _last(self, now_ms: int) -> Trades:
        end = self._market.trades.first_at(now_ms)
        return next(each(self._market.trades.numbered(end - 1, end)))

    def _wanted(self, order: dict) -> dict[str, set[str]]:
        common = set(order.get("product_ids") or ())
        wanted = {}
        for channel in order.get("channels") or ():
            is_named = isinstance(channel, dict)
            name = channel.get("name", "") if is_named else channel
            wanted[name] = set(channel.get("product_ids") or common) if is_named else set(common)
        return wanted

    def _change(self, kind: str, wanted: dict[str, set[str]]) -> None:
        for name, products in wanted.items():
            if kind == "subscribe":
                self._channels[name] = self._channels.get(name, set()) | products
            else:
                self._channels.pop(name, None)

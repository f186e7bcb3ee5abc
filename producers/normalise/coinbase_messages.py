"""Reads every message of Coinbase's WebSocket feeds: of the Exchange, and of Advanced Trade, whose messages are batches.

``side`` is the side of the order that was in the book, everywhere. A ``last_match``, and a snapshot of Advanced
Trade, repeat trades that were made before the subscription.

Source:
    Coinbase Exchange documentation, "WebSocket Overview" and "Exchange WebSocket Channels"; Coinbase Advanced
    Trade documentation, "WebSocket Channels".
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

import msgspec

from producers.normalise.coinbase import read_match
from producers.normalise.coinbase_answers import advanced_trade
from producers.normalise.fields import decoded, fields_of, json_of, note_of, price, rows_of, text, whole
from producers.normalise.observations import Message, Notice, NoticeKind, VenuePrice, VenueQuote
from producers.normalise.quotes import quote
from producers.normalise.time_fields import in_time, optional_time_ms
from producers.normalise.trades import VenueTrade

_EXPECTED = "a Coinbase message"


class _Kind(msgspec.Struct, frozen=True, gc=False):
    type: str | None = None
    channel: str | None = None


_kinds = msgspec.json.Decoder(_Kind)


def read_coinbase_message(payload: bytes) -> Message:
    """Return what a message holds.

    Args:
        payload: Any bytes.

    Raises:
        ContractError: If it is no message of Coinbase, or a value in it cannot be.
    """
    found = decoded(_kinds, payload, _EXPECTED)
    kind = found.type or found.channel or "unnamed"
    if kind in {"match", "last_match"}:
        trade = read_match(payload)
        in_time(trade.time_ms, "time of a trade")
        whole(trade.trade_id, "trade_id")
        return Message(trades=(trade,)) if kind == "match" else Message(repeated=(trade,))
    reader = _READERS.get(kind)
    if reader is None:
        return Message(notices=(Notice(NoticeKind.OTHER, note_of(kind)),))
    return reader(fields_of(json_of(payload, _EXPECTED), _EXPECTED))


def _ticker(fields: Mapping[str, Any]) -> Message:
    """The latest trade with the best bid and ask; older messages state no sizes, and then there is no quote."""
    symbol, at_ms = text(fields.get("product_id"), "product_id"), optional_time_ms(fields.get("time"), "time")
    quotes = _quotes(fields, symbol, at_ms)
    if fields.get("price") is None:
        return Message(quotes=quotes)
    return Message(quotes=quotes, prices=(VenuePrice(symbol, price(fields["price"], "price"), at_ms),))


def _quotes(fields: Mapping[str, Any], symbol: str, at_ms: int | None) -> tuple[VenueQuote, ...]:
    bid, ask = fields.get("best_bid"), fields.get("best_ask")
    bid_size = fields.get("best_bid_size", fields.get("best_bid_quantity"))
    ask_size = fields.get("best_ask_size", fields.get("best_ask_quantity"))
    if not bid or not ask or bid_size is None or ask_size is None:
        return ()
    return (quote(symbol, bid=(bid, bid_size), ask=(ask, ask_size), time_ms=at_ms),)


def _heartbeat(fields: Mapping[str, Any]) -> Message:
    newest = fields.get("last_trade_id")
    notice = Notice(
        NoticeKind.HEARTBEAT,
        symbol=text(fields.get("product_id"), "product_id"),
        last_trade_id=None if newest is None else whole(newest, "last_trade_id"),
        time_ms=optional_time_ms(fields.get("time"), "time"),
    )
    return Message(notices=(notice,))


def _subscriptions(fields: Mapping[str, Any]) -> Message:
    """One notice for each channel that is subscribed now; none at all is a refusal."""
    channels = [
        fields_of(each, "a Coinbase channel") if isinstance(each, dict) else {"name": each}
        for each in rows_of(fields.get("channels"), "Coinbase channels")
    ]
    if not channels:
        return Message(notices=(Notice(NoticeKind.NOT_SUBSCRIBED, "no channel is subscribed"),))
    return Message(
        notices=tuple(Notice(NoticeKind.SUBSCRIBED, note_of(each.get("name"))) for each in channels)
    )


def _error(fields: Mapping[str, Any]) -> Message:
    said = note_of(
        ": ".join(str(note_of(fields[name])) for name in ("message", "reason") if fields.get(name))
    )
    is_refusal = "subscri" in said.lower() or "not a valid product" in said
    return Message(notices=(Notice(NoticeKind.NOT_SUBSCRIBED if is_refusal else NoticeKind.ERROR, said),))


def _status(fields: Mapping[str, Any]) -> Message:
    """The status of all products. One that is delisted, or for which nothing but cancelling is possible, does not trade."""
    products = [fields_of(each, "a product") for each in rows_of(fields.get("products"), "products")]
    return Message(notices=tuple(_status_of(each) for each in products))


def _status_of(product: Mapping[str, Any]) -> Notice:
    is_trading = product.get("status") == "online" and not any(
        product.get(flag) is True for flag in ("cancel_only", "post_only", "trading_disabled")
    )
    kind = NoticeKind.ONLINE if is_trading else NoticeKind.MAINTENANCE
    said = note_of(product.get("status_message") or product.get("status"))
    return Notice(kind, said, text(product.get("id"), "product id"))


def _events(fields: Mapping[str, Any], of: str) -> Iterator[tuple[bool, Mapping[str, Any]]]:
    """The entries of a batch of Advanced Trade, each with whether it belongs to a snapshot."""
    for each in rows_of(fields.get("events"), "Coinbase events"):
        event = fields_of(each, "a Coinbase event")
        for entry in rows_of(event.get(of, []), f"Coinbase {of}"):
            yield event.get("type") == "snapshot", fields_of(entry, f"one of Coinbase {of}")


def _market_trades(fields: Mapping[str, Any]) -> Message:
    """Newest first within a message, so they are turned round."""
    trades: list[VenueTrade] = []
    repeated: list[VenueTrade] = []
    for is_repeated, entry in _events(fields, "trades"):
        (repeated if is_repeated else trades).append(advanced_trade(entry))
    return Message(trades=_by_id(trades), repeated=_by_id(repeated))


def _by_id(trades: list[VenueTrade]) -> tuple[VenueTrade, ...]:
    return tuple(sorted(trades, key=lambda each: each.trade_id))


def _tickers(fields: Mapping[str, Any]) -> Message:
    stated = {"time": fields.get("timestamp")}
    found = [_ticker({**stated, **entry}) for _, entry in _events(fields, "tickers")]
    return Message(
        quotes=tuple(chain.from_iterable(each.quotes for each in found)),
        prices=tuple(chain.from_iterable(each.prices for each in found)),
    )


def _beat(_: Mapping[str, Any]) -> Message:
    return Message(notices=(Notice(NoticeKind.HEARTBEAT),))


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Message]] = {
    "ticker": lambda fields: _tickers(fields) if "events" in fields else _ticker(fields),
    "ticker_batch": lambda fields: _tickers(fields) if "events" in fields else _ticker(fields),
    "heartbeat": _heartbeat,
    "heartbeats": _beat,
    "subscriptions": lambda fields: (
        Message(notices=(Notice(NoticeKind.SUBSCRIBED),)) if "events" in fields else _subscriptions(fields)
    ),
    "error": _error,
    "status": _status,
    "market_trades": _market_trades,
}

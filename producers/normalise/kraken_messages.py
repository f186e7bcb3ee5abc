"""Reads every message of Kraken's WebSocket API, of version 2 (objects) and of version 1 (arrays and events).

A snapshot of trades repeats trades that were made before the subscription. Trades of version 1 have no ids.

Source:
    Kraken documentation, "Spot WebSocket v2": trade, ticker, ohlc, status, heartbeat, ping; "Spot WebSocket v1":
    trade, ticker, spread, ohlc, systemStatus, subscriptionStatus.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from producers.normalise.candle_fields import aligned, candle_prices
from producers.normalise.fields import (
    amount,
    decoded,
    fields_of,
    json_of,
    note_of,
    price,
    rows_of,
    text,
    traded_in_quote,
    whole,
)
from producers.normalise.kraken import EXPECTED, read_trades
from producers.normalise.kraken_arrays import read_array
from producers.normalise.observations import Message, Notice, NoticeKind, VenueCandle, VenuePrice
from producers.normalise.quotes import quote
from producers.normalise.time_fields import in_time, optional_time_ms, time_ms
from producers.normalise.trades import VenueTrade

_MINUTE_MS = 60_000
_SNAPSHOT = "snapshot"


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    channel: str | None = None
    type: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    method: str | None = None
    event: str | None = None


_envelopes = msgspec.json.Decoder(_Envelope)


def read_kraken_message(payload: bytes) -> Message:
    """Return what a message holds.

    Args:
        payload: Any bytes.

    Raises:
        ContractError: If it is no message of Kraken, or a value in it cannot be.
    """
    if payload[:1] == b"[":
        return read_array(payload)
    found = decoded(_envelopes, payload, EXPECTED)
    if found.channel == "trade":
        return _trades(found)
    if found.channel == "heartbeat" or found.event == "heartbeat":
        return Message(notices=(Notice(NoticeKind.HEARTBEAT),))
    reader = _READERS.get(found.channel or "")
    if reader is not None:
        rows = rows_of(json_of(bytes(found.data), EXPECTED), "the data of a Kraken message")
        return reader([fields_of(each, "an entry of a Kraken message") for each in rows])
    fields = fields_of(json_of(payload, EXPECTED), EXPECTED)
    return _answer(fields, found.method or found.event or found.channel or "unnamed")


def _trades(found: _Envelope) -> Message:
    trades = tuple(checked(read_trades(found.data)))
    return Message(repeated=trades) if found.type == _SNAPSHOT else Message(trades=trades)


def checked(trades: Iterable[VenueTrade]) -> Iterable[VenueTrade]:
    """Yield trades whose times and ids can be.

    Raises:
        InvariantError: If one cannot.
    """
    for each in trades:
        in_time(each.time_ms, "time of a trade")
        whole(each.trade_id, "trade_id")
        yield each


def _ticker(rows: Sequence[Mapping[str, Any]]) -> Message:
    quotes, prices = [], []
    for each in rows:
        symbol, at_ms = (
            text(each.get("symbol"), "symbol"),
            optional_time_ms(each.get("timestamp"), "timestamp"),
        )
        bid, ask = (each.get("bid"), each.get("bid_qty")), (each.get("ask"), each.get("ask_qty"))
        if None not in bid and None not in ask:
            quotes.append(quote(symbol, bid=bid, ask=ask, time_ms=at_ms))
        if each.get("last") is not None:
            traded = traded_in_quote(each.get("volume"), each.get("vwap"))
            prices.append(VenuePrice(symbol, price(each["last"], "last price"), at_ms, traded))
    return Message(quotes=tuple(quotes), prices=tuple(prices))


def _candles(rows: Sequence[Mapping[str, Any]]) -> Message:
    return Message(candles=tuple(_candle(each) for each in rows))


def _candle(found: Mapping[str, Any]) -> VenueCandle:
    length_ms = whole(found.get("interval"), "interval") * _MINUTE_MS
    names = ("open", "high", "low", "close")
    n_trades = found.get("trades")
    return VenueCandle(
        text(found.get("symbol"), "symbol"),
        aligned(time_ms(found.get("interval_begin"), "interval_begin"), length_ms),
        length_ms,
        *candle_prices(*(found.get(name) for name in names)),
        volume=amount(found.get("volume"), "volume"),
        n_trades=None if n_trades is None else whole(n_trades, "trades"),
    )


def _status(rows: Sequence[Mapping[str, Any]]) -> Message:
    return Message(notices=tuple(_state(each.get("system")) for each in rows))


def _state(word: object) -> Notice:
    return Notice(NoticeKind.ONLINE if word == "online" else NoticeKind.MAINTENANCE, note_of(word))


def _answer(fields: Mapping[str, Any], kind: str) -> Message:
    """An answer to a request of either version, or something that was not asked for."""
    match kind:
        case "systemStatus":
            notice = _state(fields.get("status"))
        case "subscribe" | "subscriptionStatus":
            notice = _subscription(fields)
        case "ping":
            return Message(replies=(_pong(fields),))
        case "pong":
            notice = Notice(NoticeKind.HEARTBEAT, "pong")
        case _ if fields.get("error") or fields.get("errorMessage"):
            notice = Notice(NoticeKind.ERROR, note_of(fields.get("error") or fields.get("errorMessage")))
        case _:
            notice = Notice(NoticeKind.OTHER, note_of(kind))
    return Message(notices=(notice,))


def _subscription(fields: Mapping[str, Any]) -> Notice:
    error = fields.get("error") or fields.get("errorMessage")
    is_refused = bool(error) or fields.get("success") is False or fields.get("status") == "error"
    kind = NoticeKind.NOT_SUBSCRIBED if is_refused else NoticeKind.SUBSCRIBED
    result = fields.get("result")
    named = {**fields, **result} if isinstance(result, dict) else fields
    symbol = named.get("symbol", named.get("pair"))
    said = note_of(error or named.get("channel") or named.get("channelName"))
    return Notice(kind, said, note_of(symbol) if isinstance(symbol, str) else None)


def _pong(fields: Mapping[str, Any]) -> str:
    """A ping that the venue sends as a message is answered with its number."""
    number = fields.get("req_id", fields.get("reqid"))
    is_number = isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**63
    body: dict[str, object] = {"method": "pong"}
    if is_number:
        body["req_id"] = number
    return msgspec.json.encode(body).decode()


_READERS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], Message]] = {
    "ticker": _ticker,
    "ohlc": _candles,
    "status": _status,
}

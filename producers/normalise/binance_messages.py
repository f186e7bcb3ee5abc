"""Reads every message of Binance's WebSocket streams, of the spot market and of USD-margined futures.

A combined stream wraps a message as ``{"stream": ..., "data": ...}``, a raw stream sends it alone, and a stream of all
markets sends an array. The kind is found in ``e``, or in the name of the stream where there is none (``bookTicker``
of the spot market). Trades and quotes are decoded by type, since they come hundreds of times a second.

Source:
    Binance documentation, "WebSocket Streams" of the spot API and "Websocket Market Streams" of USD-margined
    futures; the answers to requests and the errors under "Live Subscribing/Unsubscribing".
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from producers.normalise.binance import read_trade
from producers.normalise.candle_fields import aligned, candle_prices
from producers.normalise.fields import (
    amount,
    decoded,
    fields_of,
    funding_rate,
    json_of,
    note_of,
    optional_amount,
    price,
    text,
    turnover,
    whole,
)
from producers.normalise.observations import (
    Liquidation,
    MarkPrice,
    Message,
    Notice,
    NoticeKind,
    VenueCandle,
    VenuePrice,
    VenueQuote,
)
from producers.normalise.quotes import quote
from producers.normalise.time_fields import in_time, optional_time_ms, time_ms

_EXPECTED = "a Binance message"


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    event: str | None = msgspec.field(name="e", default=None)
    #: Only a best bid and ask of a raw stream has this and no ``e``.
    bid_size: msgspec.Raw = msgspec.field(name="B", default=msgspec.Raw())


class _BookTicker(msgspec.Struct, frozen=True, gc=False):
    symbol: str = msgspec.field(name="s")
    bid: str | float = msgspec.field(name="b")
    bid_size: str | float = msgspec.field(name="B")
    ask: str | float = msgspec.field(name="a")
    ask_size: str | float = msgspec.field(name="A")
    update_id: int | None = msgspec.field(name="u", default=None)
    transaction_time: int | None = msgspec.field(name="T", default=None)


_envelopes = msgspec.json.Decoder(_Envelope)
_book_tickers = msgspec.json.Decoder(_BookTicker)
_lists = msgspec.json.Decoder(list[msgspec.Raw])


def read_binance_message(payload: bytes) -> Message:
    """Return what a message holds.

    Args:
        payload: Any bytes.

    Raises:
        ContractError: If it is no message of Binance, or a value in it cannot be.
    """
    if payload[:1] == b"[":
        return _read_list(payload, "")
    envelope = decoded(_envelopes, payload, _EXPECTED)
    if envelope.stream is None:
        kind = envelope.event or ("bookTicker" if bytes(envelope.bid_size) else "")
        return _read_body(payload, kind)
    body = bytes(envelope.data)
    kind = _kind_of_stream(envelope.stream)
    return _read_list(body, kind) if body[:1] == b"[" else _read_body(body, kind)


@lru_cache(maxsize=10_000)
def _kind_of_stream(stream: str) -> str:
    """The kind in the name of a stream: ``btcusdt@kline_1m`` is of ``kline``, ``!miniTicker@arr`` of ``miniTicker``."""
    before, _, after = stream.partition("@")
    kind = before[1:] if before.startswith("!") else after
    return kind.partition("@")[0].partition("_")[0]


def _read_list(payload: bytes, kind: str) -> Message:
    found = [_read_one(bytes(each), kind) for each in decoded(_lists, payload, _EXPECTED)]
    return Message(
        trades=tuple(trade for each in found for trade in each.trades),
        quotes=tuple(quote for each in found for quote in each.quotes),
        candles=tuple(candle for each in found for candle in each.candles),
        prices=tuple(latest for each in found for latest in each.prices),
        perpetual=tuple(fact for each in found for fact in each.perpetual),
        notices=tuple(notice for each in found for notice in each.notices),
    )


def _read_one(payload: bytes, kind: str) -> Message:
    return _read_body(payload, decoded(_envelopes, payload, _EXPECTED).event or kind)


def _read_body(body: bytes, kind: str) -> Message:
    if kind in {"trade", "aggTrade"}:
        trade = read_trade(body)
        if trade is None:
            return Message(notices=(Notice(NoticeKind.OTHER, "a trade that is none of the market"),))
        in_time(trade.time_ms, "trade time T")
        return Message(trades=(trade,))
    if kind == "bookTicker":
        return Message(quotes=(_quote(body),))
    reader = _READERS.get(kind)
    fields = fields_of(json_of(body, _EXPECTED), _EXPECTED)
    return _other(fields, kind) if reader is None else reader(fields)


def _quote(body: bytes) -> VenueQuote:
    found = decoded(_book_tickers, body, "a Binance bookTicker with s, b, B, a and A")
    return quote(
        found.symbol,
        bid=(found.bid, found.bid_size),
        ask=(found.ask, found.ask_size),
        time_ms=optional_time_ms(found.transaction_time, "time T"),
        update_id=None if found.update_id is None else whole(found.update_id, "update id u"),
    )


def _candle(fields: Mapping[str, Any]) -> Message:
    found = fields_of(fields.get("k"), "a Binance kline in k")
    start_ms, end_ms = time_ms(found.get("t"), "start t"), time_ms(found.get("T"), "end T")
    length_ms = max(0, end_ms + 1 - start_ms)
    prices = candle_prices(found.get("o"), found.get("h"), found.get("l"), found.get("c"))
    candle = VenueCandle(
        text(found.get("s", fields.get("s")), "symbol s"),
        aligned(start_ms, length_ms),
        length_ms,
        *prices,
        volume=amount(found.get("v"), "volume v"),
        n_trades=whole(found.get("n"), "number of trades n"),
        taker_buy_volume=optional_amount(found.get("V"), "taker buy volume V"),
        is_closed=found.get("x") is True,
    )
    return Message(candles=(candle,))


def _ticker(fields: Mapping[str, Any]) -> Message:
    latest = VenuePrice(
        text(fields.get("s"), "symbol s"),
        price(fields.get("c"), "last price c"),
        optional_time_ms(fields.get("E"), "time E"),
        turnover(fields.get("q"), "turnover q"),
    )
    return Message(prices=(latest,))


def _mark_price(fields: Mapping[str, Any]) -> Message:
    index, rate = fields.get("i"), fields.get("r")
    fact = MarkPrice(
        text(fields.get("s"), "symbol s"),
        time_ms(fields.get("E"), "time E"),
        price(fields.get("p"), "mark price p"),
        None if index is None or index == "" else price(index, "index price i"),
        funding_rate(rate, "funding rate r"),
        optional_time_ms(fields.get("T"), "next funding T"),
    )
    return Message(perpetual=(fact,))


def _liquidation(fields: Mapping[str, Any]) -> Message:
    order = fields_of(fields.get("o"), "a Binance order in o")
    average = optional_amount(order.get("ap"), "average price ap")
    fact = Liquidation(
        text(order.get("s"), "symbol s"),
        time_ms(order.get("T", fields.get("E")), "time T"),
        text(order.get("S"), "side S").upper() == "SELL",
        price(order.get("p"), "price p"),
        average or None,
        amount(order.get("q"), "size q"),
        optional_amount(order.get("z"), "filled size z") or 0.0,
        note_of(order.get("X")),
    )
    return Message(perpetual=(fact,))


def _closing(_: Mapping[str, Any]) -> Message:
    return Message(notices=(Notice(NoticeKind.CLOSING, "the server shuts down"),))


def _other(fields: Mapping[str, Any], kind: str) -> Message:
    """An answer to a request, an error, or a kind of message that was not asked for."""
    if "error" in fields or ("code" in fields and "msg" in fields):
        error = fields.get("error", fields)
        said = note_of(error.get("msg") if isinstance(error, dict) else error)
        is_answer = fields.get("id") is not None
        refused = NoticeKind.NOT_SUBSCRIBED if is_answer else NoticeKind.ERROR
        return Message(notices=(Notice(refused, said),))
    if "result" in fields and not kind:
        return Message(notices=(Notice(NoticeKind.SUBSCRIBED),))
    return Message(notices=(Notice(NoticeKind.OTHER, note_of(kind or "unnamed")),))


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Message]] = {
    "kline": _candle,
    "ticker": _ticker,
    "24hrTicker": _ticker,
    "miniTicker": _ticker,
    "24hrMiniTicker": _ticker,
    "markPrice": _mark_price,
    "markPriceUpdate": _mark_price,
    "forceOrder": _liquidation,
    "serverShutdown": _closing,
}

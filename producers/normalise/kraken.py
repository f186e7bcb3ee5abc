"""Reads Kraken's WebSocket messages: of version 1, which are arrays, and of version 2.

A message holds one or more trades. Those of version 1 have no ids. The snapshot
that version 2 sends after a subscription is not read, because its trades were made before.

Source:
    Kraken documentation, "WebSocket API v1", "trade", and "WebSocket API v2", "Trades".
"""

from collections.abc import Sequence

import msgspec

from producers.normalise.fields import decoded
from producers.normalise.trades import NO_ID, Market, VenueTrade, milliseconds_of_text, positive_number
from schemas.events import BigInteger

UNNAMED = "unnamed"
VENUE = "KRAKEN"
_TRADE = "trade"
_LEAST_PARTS = 4
EXPECTED = "a Kraken message, a JSON array or object"


class _TradeOfVersion2(msgspec.Struct, frozen=True, gc=False):
    symbol: str
    side: str
    price: str | float
    qty: str | float
    trade_id: BigInteger
    timestamp: str


class _Message(msgspec.Struct, frozen=True, gc=False):
    event: str | None = None
    channel: str | None = None
    type: str | None = None
    data: msgspec.Raw = msgspec.Raw()


_arrays = msgspec.json.Decoder(list[msgspec.Raw])
_texts = msgspec.json.Decoder(str)
_rows = msgspec.json.Decoder(list[tuple[str, str, str, str, str, str]])
_messages = msgspec.json.Decoder(_Message)
_trades = msgspec.json.Decoder(list[_TradeOfVersion2])


def read_message(payload: bytes) -> tuple[str, Sequence[VenueTrade]]:
    """Return the kind of a message, and the trades in it.

    Args:
        payload: JSON, an array in version 1 of the API and an object in version 2.

    Raises:
        DecodeError: If it is neither, or a trade lacks a field.
        InvariantError: If the price or the size of a trade is not positive.
    """
    if payload.startswith(b"["):
        return _read_array(payload)
    found = decoded(_messages, payload, EXPECTED)
    kind = (found.channel if found.type is not None else found.event) or UNNAMED
    is_update = kind == _TRADE and found.type == "update"
    return kind, read_trades(found.data) if is_update else ()


def read_trades(data: bytes | msgspec.Raw) -> Sequence[VenueTrade]:
    """Return the trades in the ``data`` of a message of version 2.

    Raises:
        DecodeError: If a trade lacks a field.
        InvariantError: If the price or the size of a trade is not positive.
    """
    return [_trade_of_version_2(each) for each in decoded(_trades, data, EXPECTED)]


def _read_array(payload: bytes) -> tuple[str, Sequence[VenueTrade]]:
    parts = decoded(_arrays, payload, EXPECTED)
    if len(parts) < _LEAST_PARTS:
        return UNNAMED, ()
    kind, pair = decoded(_texts, parts[-2], EXPECTED), decoded(_texts, parts[-1], EXPECTED)
    if kind != _TRADE:
        return kind.partition("-")[0], ()
    return kind, [_trade_of_version_1(row, pair) for row in decoded(_rows, parts[1], EXPECTED)]


def _trade_of_version_1(row: tuple[str, ...], pair: str) -> VenueTrade:
    price, size, time, side, *_ = row
    return VenueTrade(
        pair,
        NO_ID,
        positive_number(price, "price"),
        positive_number(size, "volume"),
        milliseconds_of_text(time),
        side == "s",
        Market.SPOT,
    )


def _trade_of_version_2(found: _TradeOfVersion2) -> VenueTrade:
    return VenueTrade(
        found.symbol,
        found.trade_id,
        positive_number(found.price, "price"),
        positive_number(found.qty, "qty"),
        milliseconds_of_text(found.timestamp),
        found.side == "sell",
        Market.SPOT,
    )

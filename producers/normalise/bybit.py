"""Reads Bybit's WebSocket messages: each entry of a ``publicTrade`` message is a trade.

Trades of perpetual futures have the direction of the last tick, ``L``; those of the spot market have not.
Contracts that are settled in coins count US dollars; here they get their size in coins.

Source:
    Bybit documentation, version 5 of the API, "Public Trade".
"""

import re
from collections.abc import Sequence

import msgspec

from producers.normalise.fields import decoded
from producers.normalise.trades import NO_ID, Market, VenueTrade, positive_number
from schemas.events import BigInteger
from schemas.time import milliseconds_by_magnitude

UNNAMED = "unnamed"
VENUE = "BYBIT"
_TRADES = "publicTrade"
#: So many digits always fit into 64 bits.
_LONGEST_ID = 18
_IN_DOLLARS = re.compile(r"[A-Z0-9]+USD")


class _Message(msgspec.Struct, frozen=True, gc=False):
    topic: str | None = None
    data: msgspec.Raw = msgspec.Raw()


class _Trade(msgspec.Struct, frozen=True, gc=False):
    time: BigInteger = msgspec.field(name="T")
    symbol: str = msgspec.field(name="s")
    side: str = msgspec.field(name="S")
    size: str = msgspec.field(name="v")
    price: str = msgspec.field(name="p")
    trade_id: str = msgspec.field(name="i")
    tick_direction: str | None = msgspec.field(name="L", default=None)


_messages = msgspec.json.Decoder(_Message)
_trades = msgspec.json.Decoder(list[_Trade])


def read_message(payload: bytes) -> tuple[str, Sequence[VenueTrade]]:
    """Return the topic of a message, and the trades in it.

    Args:
        payload: JSON. ``S`` is the side of the order that took.

    Raises:
        DecodeError: If it is not a JSON object, or a trade lacks a field.
        InvariantError: If the price or the size of a trade is not positive.
    """
    expected = "a Bybit message, a JSON object with topic and data"
    message = decoded(_messages, payload, expected)
    kind = (message.topic or UNNAMED).partition(".")[0]
    found = decoded(_trades, message.data, expected) if kind == _TRADES else []
    return kind, [_venue_trade(each) for each in found]


def _venue_trade(found: _Trade) -> VenueTrade:
    price, size = positive_number(found.price, "price p"), positive_number(found.size, "size v")
    return VenueTrade(
        found.symbol,
        _id_of(found.trade_id),
        price,
        size / price if _IN_DOLLARS.fullmatch(found.symbol) else size,
        milliseconds_by_magnitude(found.time),
        found.side == "Sell",
        None if found.tick_direction is None else Market.PERPETUAL,
    )


def _id_of(text: str) -> int:
    """Ids of futures are hexadecimal groups, and tell no order."""
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_ID
    return int(text) if is_number else NO_ID

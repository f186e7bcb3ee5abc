"""Reads Coinbase's WebSocket messages: each ``match`` is a trade.

A ``last_match`` is not read: it repeats the last trade before the subscription.

Source:
    Coinbase Exchange documentation, "WebSocket Channels", "Match".
"""

from collections.abc import Sequence

import msgspec

from producers.normalise.fields import decoded
from producers.normalise.trades import Market, VenueTrade, milliseconds_of_text, positive_number
from schemas.events import BigInteger

UNNAMED = "unnamed"
VENUE = "COINBASE"
_MATCH = "match"
_EXPECTED = "a Coinbase message, a JSON object with a type and a product_id"


class _Message(msgspec.Struct, frozen=True, gc=False):
    type: str = UNNAMED
    product_id: str | None = None
    channels: msgspec.Raw = msgspec.Raw()


class _Match(msgspec.Struct, frozen=True, gc=False):
    trade_id: BigInteger
    product_id: str
    price: str | float
    size: str | float
    side: str
    time: str


_messages = msgspec.json.Decoder(_Message)
_matches = msgspec.json.Decoder(_Match)


def read_message(payload: bytes) -> tuple[str, Sequence[VenueTrade]]:
    """Return the type of a message, and the trade in it if it is a match.

    Args:
        payload: JSON. ``side`` is the side of the order that was in the book.

    Raises:
        DecodeError: If it is not a JSON object, or a match lacks a field.
        InvariantError: If the price or the size of a trade is not positive.
    """
    message = decoded(_messages, payload, _EXPECTED)
    is_of_venue = message.product_id is not None or bool(bytes(message.channels))
    kind = message.type if is_of_venue else UNNAMED
    return kind, (read_match(payload),) if kind == _MATCH else ()


def read_match(payload: bytes) -> VenueTrade:
    """Return the trade of a ``match`` or a ``last_match``.

    Raises:
        DecodeError: If a field is missing or of another type.
        InvariantError: If the price or the size is not positive.
    """
    found = decoded(_matches, payload, _EXPECTED)
    return VenueTrade(
        found.product_id,
        found.trade_id,
        positive_number(found.price, "price"),
        positive_number(found.size, "size"),
        milliseconds_of_text(found.time),
        found.side == "buy",
        Market.SPOT,
    )

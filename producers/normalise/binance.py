"""Binance WebSocket messages to events.

The combined stream wraps each message as ``{"stream": ..., "data": {...}}``. Trades are what the
spine publishes; depth and best bid and ask are recognised, so that a capture's clock can count
them. Unknown fields are ignored.

Source:
    Binance API documentation, "Trade Streams" of the spot and of the USD-margined futures API.
"""

from typing import Annotated

import msgspec
from msgspec import Meta

from schemas.errors import DecodeError, InvariantError
from schemas.events import TickObserved
from schemas.instruments import Instrument

TRADE = "trade"
UNNAMED = "unnamed"
#: What a futures trade says in ``X`` when it is a trade of the market; liquidations by the
#: insurance fund and the like are no market prices.
_MARKET_TRADE = "MARKET"
_QUOTES = ("FDUSD", "USDT", "USDC", "BUSD", "TUSD", "USD", "EUR", "TRY", "BTC", "ETH", "BNB")
_VENUE = "BINANCE"
SOURCE = _VENUE.lower()


class TradeMessage(msgspec.Struct, frozen=True, gc=False):
    """A trade as the venue words it; prices and sizes are decimal text."""

    symbol: str = msgspec.field(name="s")
    trade_id: Annotated[int, Meta(ge=0)] = msgspec.field(name="t")
    price: str = msgspec.field(name="p")
    size: str = msgspec.field(name="q")
    trade_time_ms: int = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")
    order_kind: str | None = msgspec.field(name="X", default=None)

    @property
    def is_of_market(self) -> bool:
        """Whether two orders met, rather than an insurance fund and a liquidation."""
        return self.order_kind in {None, _MARKET_TRADE}

    @property
    def is_of_futures(self) -> bool:
        """Whether it comes from the futures API, whose trades say what kind of order made them."""
        return self.order_kind is not None


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()


_envelopes = msgspec.json.Decoder(_Envelope)
_trades = msgspec.json.Decoder(TradeMessage)


def message_kind(payload: bytes) -> tuple[str, msgspec.Raw]:
    """What kind of message this is, and its body, not yet read.

    Args:
        payload: JSON of the combined stream.

    Returns:
        The part of the stream's name behind ``@`` (``trade``, ``depth``, ``bookTicker``), or
        ``unnamed`` for an answer to a request.

    Raises:
        DecodeError: If it is not a JSON object.
    """
    try:
        envelope = _envelopes.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"expected a Binance message, JSON with stream and data: {error}"
        raise DecodeError(message) from error
    if envelope.stream is None:
        return UNNAMED, envelope.data
    parts = envelope.stream.split("@")
    return (parts[1] if len(parts) > 1 else UNNAMED), envelope.data


def read_trade(body: bytes | msgspec.Raw) -> TradeMessage:
    """A trade message, decoded.

    Raises:
        DecodeError: If a field is missing or of another type.
    """
    try:
        return _trades.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"expected a Binance trade with s, t, p, q, T and m: {error}"
        raise DecodeError(message) from error


def tick_of_trade(
    trade: TradeMessage, *, instrument: str, known_time_ms: int, stream: str, source: str = SOURCE
) -> TickObserved:
    """A trade as an event.

    The trade time ``T`` is the event time; the time of sending, ``E``, is not used.

    Args:
        trade: As the venue worded it.
        known_time_ms: When the message was received, by the recorder's clock.
        source: What the event says in ``source``.

    Raises:
        InvariantError: If price or size is not a positive number.
    """
    price, size = _positive(trade.price, "p"), _positive(trade.size, "q")
    return TickObserved(
        event_time_ms=trade.trade_time_ms,
        known_time_ms=known_time_ms,
        source=source,
        stream=stream,
        instrument=instrument,
        trade_id=trade.trade_id,
        price=price,
        size=size,
        is_buyer_maker=trade.is_buyer_maker,
    )


def _positive(text: str, field: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        message = f"a trade's {field} must be a decimal number, was {text!r}"
        raise InvariantError(message) from error
    if not 0 < number < float("inf"):
        message = f"a trade's {field} must be positive, was {text!r}"
        raise InvariantError(message)
    return number


def instrument_of_trade(trade: TradeMessage) -> str:
    """The instrument that a trade belongs to, by its symbol and its API.

    Raises:
        InvariantError: If the symbol does not end in a known quote currency.

    Example:
        >>> instrument_of_trade(TradeMessage("BTCUSDT", 1, "1.0", "1.0", 0, False))
        'BTC-USDT.BINANCE'
    """
    return str(instrument_of_symbol(trade.symbol, venue=_VENUE, is_perpetual=trade.is_of_futures))


def instrument_of_symbol(symbol: str, *, venue: str, is_perpetual: bool) -> Instrument:
    """The instrument of a symbol without a separator, such as BTCUSDT.

    Raises:
        InvariantError: If the symbol does not end in a known quote currency.
    """
    upper = symbol.upper()
    for quote in _QUOTES:
        base = upper.removesuffix(quote)
        if base and base != upper:
            return Instrument(base=base, quote=quote, venue=venue, is_perpetual=is_perpetual)
    message = f"a symbol must end in one of {', '.join(_QUOTES)}, was {symbol!r}"
    raise InvariantError(message)

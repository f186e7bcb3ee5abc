"""Reads Binance's WebSocket messages: trades, and what kind every other message is.

A combined stream wraps each message as ``{"stream": ..., "data": {...}}``; a raw stream sends ``data`` alone.
Both are read. Trades of coin-margined futures count contracts, each of a fixed number of US dollars; here
they get their size in coins. Unknown fields are ignored.

Source:
    Binance API documentation, "Trade Streams" and "Aggregate Trade Streams" of the spot, of the USD-margined
    and of the coin-margined futures API; "Contract Specifications" of the latter.
"""

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from producers.normalise.fields import UNREADABLE, unreadable
from producers.normalise.symbols import instrument_of_symbol
from producers.normalise.trades import Market, TradeKind, VenueTrade, positive_number
from schemas.errors import DecodeError
from schemas.events import BigInteger
from schemas.time import milliseconds_by_magnitude

__all__ = ["SOURCE", "UNNAMED", "VENUE", "instrument_of_symbol", "read_message", "read_trade"]

UNNAMED = "unnamed"
VENUE = "BINANCE"
SOURCE = VENUE.lower()
#: What a futures trade says in ``X`` when two orders met; liquidations by the insurance fund and the like
#: are no market prices.
_MARKET_TRADE = "MARKET"
_MESSAGE = "a Binance message, JSON with stream and data"
_TRADE = "a Binance trade with e, s, p, q, T and m"
_COIN_MARGINED = "_PERP"
_CONTRACT_USD = 10.0
_BITCOIN_CONTRACT_USD = 100.0
_KINDS = {str(kind): kind for kind in TradeKind}


class _TradeMessage(msgspec.Struct, frozen=True, gc=False):
    """A trade as the venue words it; prices and sizes are decimal text, and numbers where a recorder changed that."""

    event: str = msgspec.field(name="e")
    symbol: str = msgspec.field(name="s")
    price: str | float = msgspec.field(name="p")
    size: str | float = msgspec.field(name="q")
    trade_time: BigInteger = msgspec.field(name="T")
    is_buyer_maker: bool = msgspec.field(name="m")
    trade_id: BigInteger | None = msgspec.field(name="t", default=None)
    aggregate_id: BigInteger | None = msgspec.field(name="a", default=None)
    order_kind: str | None = msgspec.field(name="X", default=None)
    spot_mark: bool | None = msgspec.field(name="M", default=None)


class _Envelope(msgspec.Struct, frozen=True, gc=False):
    stream: str | None = None
    data: msgspec.Raw = msgspec.Raw()
    event: str | None = msgspec.field(name="e", default=None)


_envelopes = msgspec.json.Decoder(_Envelope)
_trades = msgspec.json.Decoder(_TradeMessage)


def _envelope_of(payload: bytes) -> _Envelope:
    try:
        return _envelopes.decode(payload)
    except UNREADABLE as error:
        raise unreadable(_MESSAGE, error) from error


@lru_cache(maxsize=10_000)
def _kind_of_stream(stream: str) -> str:
    """The part of a stream's name after ``@``: ``trade``, ``depth``, ``bookTicker``."""
    _, _, kind = stream.partition("@")
    return kind.partition("@")[0] or UNNAMED


def read_message(payload: bytes) -> tuple[str, Sequence[VenueTrade]]:
    """Return the kind of a message, and the trade in it if it holds one.

    The kind is the part of the stream's name after ``@`` (``trade``, ``depth``), the type of a raw stream's message,
    or ``unnamed`` for an answer to a request.

    Args:
        payload: JSON of a combined or of a raw stream.

    Raises:
        DecodeError: If it is not a JSON object, or a trade lacks a field.
        InvariantError: If the price or the size of a trade is not positive.
    """
    envelope = _envelope_of(payload)
    if envelope.stream is None:
        body: bytes | msgspec.Raw = payload
        kind = envelope.event or UNNAMED
    else:
        body, kind = envelope.data, _kind_of_stream(envelope.stream)
    if kind not in _KINDS:
        return kind, ()
    trade = read_trade(body)
    return kind, () if trade is None else (trade,)


def read_trade(body: bytes | msgspec.Raw) -> VenueTrade | None:
    """Return a trade message, decoded, or None if it is no trade of the market.

    The trade time ``T`` is its time; the time of sending, ``E``, is not used.

    Args:
        body: The message without its envelope.

    Raises:
        DecodeError: If a field is missing or of another type.
        InvariantError: If the price or the size is not positive.
    """
    try:
        found = _trades.decode(body)
    except UNREADABLE as error:
        raise unreadable(_TRADE, error) from error
    kind = _KINDS.get(found.event, TradeKind.SINGLE)
    trade_id = found.trade_id if kind is TradeKind.SINGLE else found.aggregate_id
    if trade_id is None:
        message = f"expected a Binance {kind} with the id {'t' if kind is TradeKind.SINGLE else 'a'}"
        raise DecodeError(message)
    if found.order_kind is not None and found.order_kind != _MARKET_TRADE:
        return None
    price, size = positive_number(found.price, "price p"), positive_number(found.size, "size q")
    is_coin_margined = found.symbol.endswith(_COIN_MARGINED)
    return VenueTrade(
        found.symbol,
        trade_id,
        price,
        coins_of_contracts(found.symbol, size, price) if is_coin_margined else size,
        milliseconds_by_magnitude(found.trade_time),
        found.is_buyer_maker,
        _market(found, is_coin_margined=is_coin_margined),
        kind,
    )


def _market(message: _TradeMessage, *, is_coin_margined: bool) -> Market | None:
    """The market that a trade message tells: only spot messages have ``M``, only those of futures trades ``X``."""
    if message.order_kind is not None or is_coin_margined:
        return Market.PERPETUAL
    return None if message.spot_mark is None else Market.SPOT


def coins_of_contracts(symbol: str, n_contracts: float, price: float) -> float:
    """Return how many coins contracts of a coin-margined future are worth.

    Args:
        symbol: Such as ``BTCUSD_PERP``; a contract of Bitcoin is 100 US dollars, any other 10.
        n_contracts: How many.
        price: US dollars per coin.

    Example:
        >>> coins_of_contracts("BTCUSD_PERP", 5.0, 50_000.0)
        0.01
    """
    usd = _BITCOIN_CONTRACT_USD if symbol.upper().startswith("BTCUSD") else _CONTRACT_USD
    return n_contracts * usd / price

"""What a venue says, before it is an event: quotes, candles, prices, notices, and the facts of perpetual futures.

The parsers make these of payloads, with the symbol as the venue writes it. A trade is a :class:`VenueTrade`. None of
these knows a stream; :mod:`producers.normalise.venue_events` makes events of them.
"""

from enum import StrEnum

import msgspec

from producers.normalise.trades import VenueTrade


class VenueQuote(msgspec.Struct, frozen=True, gc=False):
    """The best bid and the best ask at one moment.

    Attributes:
        symbol: As the venue writes it.
        bid: Quote units per base unit.
        bid_size: Base units.
        ask: Quote units per base unit; never below the bid.
        ask_size: Base units.
        time_ms: By the venue; None where it states none, as Binance's spot market does not.
        update_id: The venue's number of the state of its book, which grows; None where it states none.
    """

    symbol: str
    bid: float
    bid_size: float
    ask: float
    ask_size: float
    time_ms: int | None = None
    update_id: int | None = None


class VenueCandle(msgspec.Struct, frozen=True, gc=False):
    """A candle of a venue, over ``[start_ms, start_ms + length_ms)``.

    Attributes:
        symbol: As the venue writes it; empty where the answer does not repeat it.
        start_ms: Its open time.
        length_ms: Its length; 0 where the answer does not repeat it.
        open: Quote units per base unit, like the other three prices.
        high: At least each other price.
        low: At most each other price.
        close: The last price.
        volume: Base units; None where the venue states none (CoinGecko).
        n_trades: None where the venue does not state it.
        taker_buy_volume: What buyers took, base units; None where the venue does not state it.
        is_closed: Whether the venue says so itself; None where only the time tells.
    """

    symbol: str
    start_ms: int
    length_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float | None
    n_trades: int | None = None
    taker_buy_volume: float | None = None
    is_closed: bool | None = None


class VenuePrice(msgspec.Struct, frozen=True, gc=False):
    """The latest price.

    Attributes:
        symbol: As the venue writes it, or the id of the coin at CoinGecko.
        price: Quote units per base unit.
        time_ms: When it was so, by the venue; None where the answer does not say.
        volume_24h: What was traded in the last 24 hours, in quote units; None where the answer does not say.
    """

    symbol: str
    price: float
    time_ms: int | None = None
    volume_24h: float | None = None


class MarkPrice(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The mark and index price of a perpetual, with its funding.

    Attributes:
        symbol: As the venue writes it.
        time_ms: By the venue.
        mark: The price at which positions are valued.
        index: The price of the spot markets that it follows; None where it is not stated.
        funding_rate: What longs pay to shorts at the next settlement, as a fraction; None where it is not stated.
        next_funding_ms: When that is; None where it is not stated.
    """

    symbol: str
    time_ms: int
    mark: float
    index: float | None
    funding_rate: float | None
    next_funding_ms: int | None


class FundingSettled(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A funding that was paid, as the venue's history states it."""

    symbol: str
    time_ms: int
    rate: float
    mark: float | None


class OpenInterest(msgspec.Struct, frozen=True, gc=False, tag=True):
    """How much is open, in base units."""

    symbol: str
    time_ms: int
    base_units: float


class Liquidation(msgspec.Struct, frozen=True, gc=False, tag=True):
    """An order that closes a position by force. Binance publishes at most one a second for each symbol.

    Attributes:
        symbol: As the venue writes it.
        time_ms: By the venue.
        is_sell: Whether it sells, so that a long position is closed.
        price: The limit of the order.
        average_price: At which it was filled; None while nothing is.
        size: Base units of the order.
        filled_size: Base units that were filled so far.
        status: As the venue words it.
    """

    symbol: str
    time_ms: int
    is_sell: bool
    price: float
    average_price: float | None
    size: float
    filled_size: float
    status: str


PerpetualFact = MarkPrice | FundingSettled | OpenInterest | Liquidation


class NoticeKind(StrEnum):
    """What a message that holds no market data says."""

    SUBSCRIBED = "subscribed"
    #: The venue refuses a subscription; it will not send what was asked for.
    NOT_SUBSCRIBED = "not subscribed"
    HEARTBEAT = "heartbeat"
    #: The venue trades normally.
    ONLINE = "online"
    #: The venue does not match orders now: maintenance, cancel-only, post-only. No trade will come; it is no silence.
    MAINTENANCE = "maintenance"
    #: The venue will close this connection soon: open another one.
    CLOSING = "closing"
    #: The venue reports an error that is none of the above.
    ERROR = "error"
    #: Something else, such as a kind that was not asked for; the text is its name.
    OTHER = "other"


class Notice(msgspec.Struct, frozen=True, gc=False):
    """A message about the connection or the venue.

    Attributes:
        kind: What it means.
        text: What the venue says, at most 200 characters, printable.
        symbol: Of which market; None if of all.
        last_trade_id: The newest trade of that market, where a heartbeat states it (Coinbase): a trade that is
            missing by then was lost.
        time_ms: By the venue, where a heartbeat states it (Coinbase).
    """

    kind: NoticeKind
    text: str = ""
    symbol: str | None = None
    last_trade_id: int | None = None
    time_ms: int | None = None


class Message(msgspec.Struct, frozen=True):
    """All that one message of a socket holds. Most hold one trade or one quote.

    Attributes:
        trades: New trades, in the venue's order.
        repeated: Trades that the venue repeats after a subscription: made before it, perhaps known already.
        quotes: The best bid and ask.
        candles: Candles, closed or not.
        prices: Latest prices.
        perpetual: Facts about perpetual futures.
        notices: What the message says about the connection.
        replies: What must be sent back now.
    """

    trades: tuple[VenueTrade, ...] = ()
    repeated: tuple[VenueTrade, ...] = ()
    quotes: tuple[VenueQuote, ...] = ()
    candles: tuple[VenueCandle, ...] = ()
    prices: tuple[VenuePrice, ...] = ()
    perpetual: tuple[PerpetualFact, ...] = ()
    notices: tuple[Notice, ...] = ()
    replies: tuple[str, ...] = ()

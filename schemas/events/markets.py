"""Prices and trades as venues reported them, and the bars that the platform made of them."""

from typing import Annotated

from msgspec import Meta, field

from schemas.events.facts import (
    Amount,
    BigInteger,
    Count,
    Event,
    Name,
    Price,
    Revision,
    Sentence,
    TimeMs,
)
from schemas.time import Interval


def _not_stated() -> None:
    """Return the default of a field that is always written.

    ``omit_defaults`` leaves out a field whose value is its default object, and not one whose default a function
    returns. Version 1 of the candle has always written these fields.
    """


def _first_revision() -> int:
    """Return the default of a field that is always written, as :func:`_not_stated` does."""
    return 0


class TickObserved(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="TickObserved"):
    """One trade, as a venue reported it.

    Attributes:
        instrument: What was traded and where, such as ``BTC-USDT.BINANCE``.
        trade_id: The venue's; grows with the venue's order and is unique per instrument, stream and epoch.
        price: Quote units per base unit.
        size: Base units.
        is_buyer_maker: Whether the buyer's order was in the book, so that the seller took it.
        id_epoch: How often the venue's ids have started again in this stream. Of two trades the one with the
            larger epoch comes later, and in one epoch the one with the larger id. Left out of the JSON where
            it is 0.
    """

    natural_key = ("stream", "instrument", "id_epoch", "trade_id")

    instrument: Name
    trade_id: BigInteger
    price: Price
    size: Amount
    is_buyer_maker: bool
    id_epoch: Count = 0


class CandleObserved(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="CandleObserved"):
    """A bar that the venue made, over ``[start_ms, start_ms + interval)``; event time is its end.

    Attributes:
        instrument: What was traded and where, such as ``BTC-USDT.BINANCE``.
        interval: The bar's length.
        start_ms: When it begins: UTC milliseconds, a multiple of the interval.
        open: The first price, quote units per base unit.
        high: The highest price.
        low: The lowest price.
        close: The last price.
        volume: What was traded, in base units.
        n_trades: The number of trades; None if the venue does not state it.
        revision: 0 at first; later corrections of the venue count up, and the largest revision holds.
        taker_buy_volume: The part of the volume that buyers took from the book; None, and left out of the JSON, if
            the venue does not state it.
    """

    natural_key = ("stream", "instrument", "interval", "start_ms", "revision")

    instrument: Name
    interval: Interval
    start_ms: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    n_trades: Count | None = field(default_factory=_not_stated)
    revision: Revision = field(default_factory=_first_revision)
    taker_buy_volume: Amount | None = None


class BarClosed(Event, frozen=True, kw_only=True, gc=False, tag="BarClosed"):
    """A bar that the platform made, over ``[start_ms, start_ms + interval)``; event time is its end.

    An interval without a trade while the source publishes is a bar at the previous close. No bar is made of an
    outage.

    Attributes:
        instrument: What was traded and where, such as ``BTC-USDT.BINANCE``.
        interval: The bar's length.
        start_ms: When it begins: UTC milliseconds, a multiple of the interval.
        open: The first price, quote units per base unit.
        high: The highest price.
        low: The lowest price.
        close: The last price.
        volume: What was traded, in base units.
        buy_volume: The part that buyers took from the book; None if the bar was made of candles that do not state it.
        n_trades: 0 for an interval without a trade; None if the candle of the venue does not state it.
        n_late: The number of trades since the last bar that came too late for their bar and were not added.
    """

    natural_key = ("stream", "instrument", "interval", "start_ms")

    instrument: Name
    interval: Interval
    start_ms: TimeMs
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Amount
    buy_volume: float | None
    n_trades: Count | None
    n_late: Count


class QuoteObserved(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="QuoteObserved"):
    """The best bid and ask of a venue: the last ones of a second, and at most one record a second.

    Attributes:
        instrument: What is traded and where, such as ``BTC-USDT.BINANCE``.
        bid: The highest price that a buyer offers, quote units per base unit; at most the ask.
        bid_size: How much is offered at that price, in base units.
        ask: The lowest price that a seller asks.
        ask_size: How much is asked at that price, in base units.
        update_id: The venue's number of the state of its book; None if it states none.
    """

    natural_key = ("stream", "instrument", "event_time_ms")

    instrument: Name
    bid: Price
    bid_size: Amount
    ask: Price
    ask_size: Amount
    update_id: BigInteger | None = None


class PriceObserved(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="PriceObserved"):
    """The latest price of a coin, as a source states it without trades.

    Attributes:
        instrument: What is priced and by whom, such as ``BTC-USD.COINGECKO``.
        price: Quote units per base unit.
        volume_24h: What was traded in the 24 hours before, in quote units; None if the source does not state it.
        is_quarantined: Whether the platform doubts the price, because it strays from other sources or from its own
            past. Such a price is stored and shown, and nothing is computed from it.
        reason: One sentence: why it is doubted; None if it is not.
    """

    natural_key = ("stream", "instrument", "event_time_ms")

    instrument: Name
    price: Price
    volume_24h: Annotated[float, Meta(ge=0, le=1e18)] | None = None
    is_quarantined: bool = False
    reason: Sentence | None = None

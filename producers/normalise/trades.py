"""A trade as any venue reports it, before it is known to which instrument of a run it belongs.

The readers of messages and of dumps make these; :func:`tick_of_trade` makes one an event.
"""

from enum import StrEnum

import msgspec

from producers.normalise.symbols import instrument_of_symbol
from schemas.errors import ConfigurationError, DecodeError, InvariantError
from schemas.events import TickObserved
from schemas.instruments import Instrument
from schemas.time import milliseconds_by_magnitude, parse_time

#: What a trade has for an id where the record states none.
NO_ID = -1
_LARGEST_NUMBER = 1e15
_LARGEST_SECONDS = 10**11


class Market(StrEnum):
    """The market of a venue on which a trade was made."""

    SPOT = "spot"
    PERPETUAL = "perpetual"


class TradeKind(StrEnum):
    """Whether a record is one trade, or several that one order made at one price."""

    SINGLE = "trade"
    AGGREGATE = "aggTrade"


class VenueTrade(msgspec.Struct, frozen=True, gc=False):
    """One trade, in the units of events.

    Attributes:
        symbol: As the venue writes it; empty where the record does not say.
        trade_id: The venue's, or :data:`NO_ID`.
        price: Quote units per base unit.
        size: Base units.
        time_ms: When it happened, by the venue.
        is_buyer_maker: Whether the seller took it; None where the record does not say.
        market: None where the record does not say.
        kind: Whether it is a single trade.
    """

    symbol: str
    trade_id: int
    price: float
    size: float
    time_ms: int
    is_buyer_maker: bool | None
    market: Market | None = None
    kind: TradeKind = TradeKind.SINGLE

    def is_like(self, other: "VenueTrade") -> bool:
        """Return whether two trades are of one symbol, market and kind; this is quicker than a key of the three."""
        return self.symbol == other.symbol and self.market is other.market and self.kind is other.kind

    def instrument(self, venue: str, *, like: Instrument | None = None) -> Instrument | None:
        """Return the instrument of the trade, or None where the record does not say all of it.

        Args:
            venue: In capitals; an empty text where the file does not say.
            like: What the user says that the file holds; it completes what the record does not say.

        Raises:
            InvariantError: If the symbol is not that of an instrument.
        """
        if not self.symbol or (not venue and like is None):
            return like
        venue = venue or (like.venue if like is not None else "")
        market = self.market
        if market is None and like is not None:
            market = Market.PERPETUAL if like.is_perpetual else Market.SPOT
        found = instrument_of_symbol(self.symbol, venue=venue, is_perpetual=market is Market.PERPETUAL)
        return None if market is None and not found.is_perpetual else found


def milliseconds_of_text(text: str) -> int:
    """Return a time that a file or a message states as text, as milliseconds; parts of one are floored.

    Args:
        text: A count of seconds, milliseconds, microseconds or nanoseconds, with or without decimals, or an ISO time.

    Raises:
        DecodeError: If it is neither.

    Example:
        >>> milliseconds_of_text("1723161600.164378"), milliseconds_of_text("2024-08-09T00:00:00.164Z")
        (1723161600164, 1723161600164)
    """
    try:
        return _milliseconds_of_count(text)
    except (ConfigurationError, ValueError, OverflowError) as error:
        message = f"a time must be a count of seconds or smaller units since 1970, or an ISO time, was {text[:40]!r}"
        raise DecodeError(message) from error


def _milliseconds_of_count(text: str) -> int:
    if text.isdecimal():
        return milliseconds_by_magnitude(int(text))
    whole, _, decimals = text.partition(".")
    if whole.isdecimal() and decimals.isdecimal():
        is_of_seconds = int(whole) < _LARGEST_SECONDS
        return (
            int(whole) * 1000 + int(f"{decimals:0<3.3}")
            if is_of_seconds
            else milliseconds_by_magnitude(int(whole))
        )
    return _milliseconds_of_words(text)


def _milliseconds_of_words(text: str) -> int:
    """A time with an exponent, or in ISO form; some venues write a D between the day and the time."""
    try:
        return milliseconds_by_magnitude(int(float(text)))
    except ValueError:
        return parse_time(text.replace("D", "T") if text[10:11] == "D" else text, "a time")


def positive_number(value: str | float | bytes, field: str) -> float:
    """Return a price or a size as a number.

    Args:
        value: Decimal text, or a number.
        field: What the error calls it.

    Raises:
        InvariantError: If it is not a positive number, or is larger than any price or size.
    """
    try:
        number = float(value)
    except ValueError as error:
        message = f"the {field} of a trade must be a decimal number, was {_shown(value)}"
        raise InvariantError(message) from error
    if not 0 < number <= _LARGEST_NUMBER:
        message = (
            f"the {field} of a trade must be positive and at most {_LARGEST_NUMBER:g}, was {_shown(value)}"
        )
        raise InvariantError(message)
    return number


def _shown(value: str | float | bytes) -> str:
    text = value.decode(errors="replace") if isinstance(value, bytes) else f"{value}"
    return repr(text[:40])


def tick_of_trade(
    trade: VenueTrade,
    *,
    instrument: str,
    known_time_ms: int,
    stream: str,
    source: str,
    trade_id: int,
    is_buyer_maker: bool,
) -> TickObserved:
    """Return a trade as an event.

    Args:
        trade: As the venue reported it; its time is the event time.
        instrument: To which it belongs.
        known_time_ms: When it was received, by the recorder's clock.
        stream: The id of the run.
        source: What the event says in ``source``.
        trade_id: Its id; the caller numbers the trades of a file without ids.
        is_buyer_maker: Whether the seller took it; the caller decides it where the record does not say.
    """
    return TickObserved(
        event_time_ms=trade.time_ms,
        known_time_ms=known_time_ms,
        source=source,
        stream=stream,
        instrument=instrument,
        trade_id=trade_id,
        price=trade.price,
        size=trade.size,
        is_buyer_maker=is_buyer_maker,
    )

"""Turns simulated trades into events. The simulated venue has no delay, so known time equals event time."""

from schemas.errors import InvariantError
from schemas.events import TickObserved
from schemas.instruments import SIMULATED_VENUE

SOURCE = SIMULATED_VENUE.lower()


def tick_of_simulated_trade(
    *,
    instrument: str,
    stream: str,
    trade_id: int,
    time_ms: int,
    price: float,
    size: float,
    is_buyer_maker: bool,
) -> TickObserved:
    """Return a simulated trade as an event; its source marks it as simulated.

    Args:
        instrument: To which it belongs; its venue is ``SIMULATED``.
        stream: The id of the run.
        trade_id: Its id, which grows with the time.
        time_ms: When it happens; it is known at once.
        price: Quote units per base unit.
        size: Base units.
        is_buyer_maker: Whether the seller took it.

    Args:
        instrument: The instrument, of the venue ``SIMULATED``.
        stream: The run.
        trade_id: The number of the trade.
        time_ms: When it happened.
        price: Quote units per base unit.
        size: Base units.
        is_buyer_maker: Whether the buyer's order was in the book.

    Raises:
        InvariantError: If the instrument belongs to a real venue, or the price or the size is not positive.
    """
    if not instrument.endswith(f".{SIMULATED_VENUE}"):
        message = f"a simulated trade belongs to the venue {SIMULATED_VENUE}, was {instrument}"
        raise InvariantError(message)
    if not (0 < price < float("inf") and 0 < size < float("inf")):
        message = f"a trade needs a positive price and size, was {price} and {size}"
        raise InvariantError(message)
    return TickObserved(
        event_time_ms=time_ms,
        known_time_ms=time_ms,
        source=SOURCE,
        stream=stream,
        instrument=instrument,
        trade_id=trade_id,
        price=price,
        size=size,
        is_buyer_maker=is_buyer_maker,
    )

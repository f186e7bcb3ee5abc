"""Makes the best bid and ask of any venue, and checks it."""

from producers.normalise.fields import amount, price
from producers.normalise.observations import VenueQuote
from schemas.errors import InvariantError

_Side = tuple[object, object]


def quote(
    symbol: str, *, bid: _Side, ask: _Side, time_ms: int | None = None, update_id: int | None = None
) -> VenueQuote:
    """Return a quote.

    Args:
        symbol: As the venue writes it.
        bid: Price and size.
        ask: Price and size.
        time_ms: By the venue.
        update_id: Of the book.

    Raises:
        InvariantError: If a price or a size is none, or the ask is below the bid.
    """
    found = VenueQuote(
        symbol,
        price(bid[0], "best bid"),
        amount(bid[1], "size of the best bid"),
        price(ask[0], "best ask"),
        amount(ask[1], "size of the best ask"),
        time_ms,
        update_id,
    )
    if found.ask < found.bid:
        message = f"the best ask must not be below the best bid, was {found.ask} and {found.bid}"
        raise InvariantError(message)
    return found

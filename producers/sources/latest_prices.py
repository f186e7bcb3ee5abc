"""Latest prices by instrument, each with a time of its venue."""

from collections.abc import Sequence

from msgspec.structs import replace

from producers.normalise.observations import VenuePrice
from producers.sources.fetching import Fetched
from producers.sources.http_times import answered_ms
from producers.sources.instrument_names import InstrumentNames


def dated_prices(
    names: InstrumentNames, prices: Sequence[VenuePrice], fetched: Fetched, asked: Sequence[str]
) -> Sequence[tuple[str, VenuePrice]]:
    """Return the prices of the instruments that were asked for.

    Args:
        names: Of the venue.
        prices: What its answer states.
        fetched: The answer; its time dates the prices that state none.
        asked: The instruments.
    """
    at_ms = answered_ms(fetched)
    named = {names.of(each.symbol): each for each in prices}
    return [
        (instrument, each if each.time_ms is not None else replace(each, time_ms=at_ms))
        for instrument in asked
        if (each := named.get(instrument)) is not None
    ]

"""The sources of prices that this platform has adapters for, by name."""

from collections.abc import Callable, Mapping, Sequence

from producers.sources.binance.futures import BinanceFutures
from producers.sources.binance.spot import BinanceSpot
from producers.sources.coinbase.exchange import CoinbaseExchange
from producers.sources.coingecko.prices import CoinGecko
from producers.sources.fetching import Fetcher
from producers.sources.kraken.spot import KrakenSpot
from producers.sources.venues import Venue
from schemas.errors import ConfigurationError

VENUES: Mapping[str, Callable[[Sequence[str], Fetcher], Venue]] = {
    "binance": BinanceSpot,
    "binance-futures": BinanceFutures,
    "coinbase": CoinbaseExchange,
    "kraken": KrakenSpot,
    "coingecko": CoinGecko,
}


def venue_of(source: str, instruments: Sequence[str], fetcher: Fetcher) -> Venue:
    """Return the adapter of a source.

    Args:
        source: Such as ``kraken``.
        instruments: Those that it shall have, all of this venue.
        fetcher: Asks its REST API.

    Raises:
        ConfigurationError: If there is no adapter for the source, or an instrument has no name of one.
    """
    made = VENUES.get(source)
    if made is None:
        message = f"there is no live source {source!r}; there are {', '.join(VENUES)}"
        raise ConfigurationError(message)
    return made(instruments, fetcher)

"""The ports of what is stored of runs: their descriptions and their market data."""

from collections.abc import Collection, Iterator
from typing import Protocol

from schemas.events import CandleObserved, TickObserved
from schemas.positions import MarketPosition
from schemas.streams import StreamDescription


class KnownStreams(Protocol):
    """The port of stored runs; :class:`schemas.wire.postgres.streams.StoredStreams` implements it."""

    def register_stream(self, description: StreamDescription) -> StreamDescription:
        """Store the description of a run. The first description stays, and is returned."""

    def stream(self, stream: str) -> StreamDescription | None:
        """Return the stored description of a run, or None."""


class MarketHistory(Protocol):
    """The port of stored market data; :class:`schemas.wire.postgres.markets.StoredMarket` implements it."""

    def position(self, stream: str, *, instruments: Collection[str] | None = None) -> MarketPosition:
        """Return how far the stored events of some instruments of a run go; None means all its instruments."""

    def candles(self, stream: str) -> Iterator[CandleObserved]:
        """Yield the candles of a run by known time."""

    def ticks(self, stream: str) -> Iterator[TickObserved]:
        """Yield the ticks of a run by known time."""

"""The latest prices of one venue, round by round."""

from collections.abc import Callable

from producers.jobs.collecting.rounds import CollectedRound, CollectedSource, KnownBefore, RejectedItem
from producers.normalise.venue_events import price_event
from producers.sources.fetching import Fetcher
from producers.sources.news.counting import CountingFetcher
from producers.sources.venues import Venue
from schemas.events import PriceObserved

#: Sources of prices have a new one in every minute; they are read as often.
INTERVAL_S = 60.0


class PriceSource(CollectedSource):
    """Reads the latest price of each instrument of a venue.

    Args:
        name: The name of the source.
        make: Makes the venue over a fetcher.
        fetcher: Asks it.
        stream: The run.
    """

    interval_s = INTERVAL_S
    usual_s: float | None = INTERVAL_S

    def __init__(self, name: str, make: Callable[[Fetcher], Venue], fetcher: Fetcher, *, stream: str) -> None:
        self.name = name
        self._fetcher = CountingFetcher(fetcher)
        self._venue = make(self._fetcher)
        self._stream = stream
        self._newest: dict[str, PriceObserved] = {}

    @property
    def n_requests(self) -> int:
        """How often the venue was asked since the start; see the port."""
        return self._fetcher.n_requests

    def restore(self, known: KnownBefore) -> None:
        """Take the newest prices of the venue's instruments; see the port."""
        self._newest.update(
            {name: each for name, each in known.prices.items() if name in self._venue.instruments}
        )

    def collect(self, *, now_ms: int, is_last: bool = False) -> CollectedRound:  # noqa: ARG002  (rounds put nothing off)
        """Ask for the latest prices; see the port."""
        found = [
            price_event(
                each, instrument=instrument, known_time_ms=now_ms, source=self.name, stream=self._stream
            )
            for instrument, each in self._venue.latest(self._venue.instruments)
        ]
        new = [event for event in found if self._is_new(event)]
        shown = [event if event in new else self._newest[event.instrument] for event in found]
        rejected = tuple(
            RejectedItem(source=self.name, place=None, rule="price", reason=each.reason, raw=each.raw)
            for each in self._venue.take_rejected()
        )
        return CollectedRound(
            source=self.name,
            events=tuple(new),
            rejected=rejected,
            n_seen=len(found),
            n_new=len(new),
            n_duplicate=len(found) - len(new),
            newest_ms=max((event.event_time_ms for event in shown), default=None),
        )

    def confirm(self, read: CollectedRound) -> None:
        """Take note of the prices that the log has now; see the port."""
        self._newest.update(
            {event.instrument: event for event in read.events if isinstance(event, PriceObserved)}
        )

    def _is_new(self, event: PriceObserved) -> bool:
        """A price that is the same as before, with its volume, is the old one, even if the answer is newer.

        Most venues state no time of the price. An answer that stays the same for minutes is a frozen one.
        """
        newest = self._newest.get(event.instrument)
        if newest is None:
            return True
        is_other = (event.price, event.volume_24h) != (newest.price, newest.volume_24h)
        return is_other and event.event_time_ms > newest.event_time_ms

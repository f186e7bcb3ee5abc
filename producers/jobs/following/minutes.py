"""The closed minutes of a venue as events, page by page."""

from collections.abc import Callable, Iterator, Sequence

from msgspec.structs import replace

from producers.normalise.live_candles import with_quiet_minutes
from producers.normalise.observations import VenueCandle
from producers.normalise.venue_events import candle_event
from producers.sources.venues import Venue
from schemas.events import CandleObserved
from schemas.sources import SOURCES
from schemas.time import Clock, Interval, bar_start_ms

_MINUTE_MS = Interval.ONE_MINUTE.milliseconds


class VenueMinutes:
    """Asks a venue for minutes.

    Args:
        venue: Who is asked.
        clock: The clock.
        known_ms: Returns the known time of what was received at a time.
        stream: The run.

    Attributes:
        longest_pause_ms: A longer hole is an outage; 0 if the venue has a candle of every minute.
    """

    def __init__(self, venue: Venue, clock: Clock, known_ms: Callable[[int], int], *, stream: str) -> None:
        self._venue = venue
        self._clock = clock
        self._known_ms = known_ms
        self._stream = stream
        spec = SOURCES.get(venue.name)
        self.longest_pause_ms = 0 if spec is None else spec.longest_pause_ms

    def settled_ms(self, venue_now_ms: int) -> int:
        """Return the end of the newest minute whose candle does not change any more."""
        return bar_start_ms(venue_now_ms - int(self._venue.traits.settles_s * 1000), Interval.ONE_MINUTE)

    def reach_ms(self, from_ms: int, venue_now_ms: int) -> int:
        """Return a time, or the oldest minute that is to be had if that is later."""
        oldest_ms = self._venue.candles_reach_ms(Interval.ONE_MINUTE, now_ms=venue_now_ms)
        return from_ms if oldest_ms is None else max(from_ms, oldest_ms)

    def pages(
        self, instrument: str, from_ms: int, until_ms: int, *, is_history: bool, revision: int = 0
    ) -> Iterator[Sequence[CandleObserved]]:
        """Yield the closed candles of ``[from_ms, until_ms)``, and those of minutes that the venue leaves out.

        Args:
            instrument: Of which instrument.
            from_ms: The start of the first.
            until_ms: The end of the last.
            is_history: Whether they are from before the source was followed, so that each is known at its end.
            revision: 1 for candles that heal a gap behind the watermark.
        """
        pages = self._pages(instrument, from_ms, until_ms, is_history=is_history, revision=revision)
        return with_quiet_minutes(pages, longest_pause_ms=self.longest_pause_ms)

    def _pages(
        self, instrument: str, from_ms: int, until_ms: int, *, is_history: bool, revision: int
    ) -> Iterator[Sequence[CandleObserved]]:
        for page in self._venue.candles(instrument, from_ms, until_ms):
            known_ms = self._known_ms(self._clock.now_ms())
            yield [
                self._event(candle, instrument, None if is_history else known_ms, revision) for candle in page
            ]

    def _event(
        self, candle: VenueCandle, instrument: str, known_ms: int | None, revision: int
    ) -> CandleObserved:
        """The event of a candle; one of the time before the source was followed is known at its end."""
        event = candle_event(
            candle,
            instrument=instrument,
            interval=Interval.ONE_MINUTE,
            known_time_ms=candle.start_ms + _MINUTE_MS if known_ms is None else known_ms,
            source=self._venue.name,
            stream=self._stream,
        )
        return replace(event, revision=revision) if revision else event

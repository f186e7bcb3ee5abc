"""Lets through at most one quote a second of each instrument, because the log keeps what it gets."""

from producers.normalise.observations import VenueQuote
from producers.normalise.venue_events import quote_event
from schemas.events import QuoteObserved

_SECOND_MS = 1000


class QuoteRate:
    """Lets the first quote of each second through.

    Args:
        stream: The run.
        source: The source of the events.
    """

    def __init__(self, *, stream: str, source: str) -> None:
        self._stream = stream
        self._source = source
        self._seconds: dict[str, int] = {}

    def event(
        self, instrument: str, quote: VenueQuote, *, known_time_ms: int, skew_ms: int
    ) -> QuoteObserved | None:
        """Return the event of a quote; None if this second of the instrument has one.

        Args:
            instrument: The instrument.
            quote: What the venue sent.
            known_time_ms: When it arrived.
            skew_ms: How far the clock of the venue is ahead, which dates a quote that has no time.
        """
        second = known_time_ms // _SECOND_MS
        if self._seconds.get(instrument, second - 1) >= second or quote.ask < quote.bid:
            return None
        self._seconds[instrument] = second
        return quote_event(
            quote,
            instrument=instrument,
            known_time_ms=known_time_ms,
            skew_ms=skew_ms,
            source=self._source,
            stream=self._stream,
        )

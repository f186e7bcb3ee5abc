"""Catches up with what was missed: trades by REST where the outage was short, whole minutes where it was long.

Everything here is a generator that does one request, or waits, between two of its values. A value is how long to rest.
So the sockets are read in between, and what they bring waits until everything before it was given.

An outage that is longer than an hour, trades that the venue does not hand out any more, and an absence that was
declared, are filled with candles: from the minute in which the source was complete last up to the current minute, which is then
completed by trades. After an absence the trades of the minute in which it began are of no use, because nobody knows
the first ones any more, so the minute comes whole, from the venue.
"""

from collections.abc import Generator, Iterator, Sequence

from producers.jobs.following.giving import FollowedFrom, Giving
from producers.jobs.following.lines import Line
from producers.jobs.following.minutes import VenueMinutes
from producers.jobs.following.notes import GapNotes
from producers.jobs.following.options import REST_S, FollowOptions
from producers.jobs.following.paging import PageMerge
from producers.jobs.following.refilling import TradeRefill
from producers.jobs.following.sequences import Place
from producers.jobs.following.shown_times import REST_LAG_MS
from producers.jobs.following.waiting import Waiting
from producers.sources.venues import TradesOutOfReachError, Venue
from schemas.errors import SourceUnavailableError
from schemas.events import CandleObserved
from schemas.time import Clock

_REST_LAG_S = REST_LAG_MS / 1000
#: After so many failures the source goes on without the candles of an absence, and the gap stays open.
_MOST_FAILURES = 3
#: So many minutes are tried to join the trades after them.
_MOST_JOINS = 2


class CatchUp:
    """Catches up one source.

    Args:
        venue: Who is asked.
        clock: The clock.
        giving: Where the events go.
        waiting: The trades of the sockets.
        gaps: Notes what is missing.
        begin: What the log holds of the source.
        options: How it is followed.
        stream: The run.

    Attributes:
        is_absent: Whether the source was declared absent, so that only whole minutes may follow.
        lines: The connections that the present piece catches up, each with its number of breaks.
    """

    def __init__(
        self,
        venue: Venue,
        clock: Clock,
        giving: Giving,
        waiting: Waiting,
        gaps: GapNotes,
        *,
        begin: FollowedFrom,
        options: FollowOptions,
        stream: str,
    ) -> None:
        self._venue = venue
        self._clock = clock
        self._giving = giving
        self._waiting = waiting
        self._gaps = gaps
        self._options = options
        self._refill = TradeRefill(venue, clock, giving, gaps)
        self._minutes = VenueMinutes(venue, clock, giving.known_ms, stream=stream)
        self._origin_ms = begin.origin_ms
        self._n_failures = 0
        self.is_absent = begin.is_absent
        self.lines: Sequence[tuple[Line, int]] = ()

    def everything(self, lines: Sequence[Line]) -> Iterator[float]:
        """Catch up what some connections missed; everything if the source was absent or the outage was long."""
        self.lines = [(line, line.n_breaks) for line in lines]
        yield from self._until_rest_shows_the_join(lines)
        instruments = tuple(name for line in lines for name in line.instruments)
        is_joined = False
        if self._is_outage_long():
            is_joined = yield from self._minutes_or_join(self._why())
            instruments = self._venue.instruments
        if not is_joined:
            yield from self._trades_or_minutes(instruments)
        yield from self._give_waiting()

    def _until_rest_shows_the_join(self, lines: Sequence[Line]) -> Iterator[float]:
        """Wait until an answer holds every trade that was made before open connections bring the later ones."""
        began_s = self._clock.monotonic_s()
        while any(
            line.is_open and min(line.ready_for_s, self._clock.monotonic_s() - began_s) < _REST_LAG_S
            for line in lines
        ):
            yield REST_S

    def quiet(self, lines: Sequence[Line]) -> Iterator[float]:
        """Ask whether sound connections, over which nothing shows the venue's time, have brought every trade."""
        self.lines = [(line, line.n_breaks) for line in lines]
        try:
            yield from self._refill.trades([name for line in lines for name in line.instruments])
        except TradesOutOfReachError:
            self.lines = ()
            for line in lines:
                line.broke()
        yield from self._give_waiting()

    def _is_outage_long(self) -> bool:
        complete_ms = self._giving.complete_ms
        if self.is_absent or complete_ms is None:
            return True
        return self._venue_now_ms() - complete_ms > self._options.longest_refill_ms

    def _why(self) -> str:
        if self.is_absent:
            return "The source could not be refilled in time and was declared absent."
        return "The outage was too long to be filled with trades."

    def _venue_now_ms(self) -> int:
        return self._clock.now_ms() + self._giving.clock.skew_ms

    # Trades

    def _trades_or_minutes(self, instruments: Sequence[str]) -> Iterator[float]:
        """Give the missing trades; where they are out of reach, minutes, and the trades of the minute after them.

        A venue that hands out few trades may not hand out those of the present minute either. So the next one
        is tried, right after it has begun; after that the source goes on with what the sockets bring.
        """
        for _ in range(_MOST_JOINS):
            try:
                yield from self._refill.trades(instruments)
            except TradesOutOfReachError as error:
                reason = str(error)
            else:
                return
            yield from self._give_minutes(reason)
            instruments = self._venue.instruments
        try:
            yield from self._refill.trades(instruments)
        except TradesOutOfReachError as error:
            self._go_on_with_sockets(str(error))

    def _go_on_with_sockets(self, reason: str) -> None:
        first = self._waiting.first()
        if first is None:
            raise SourceUnavailableError(reason)
        self._skip_to(first.trade.time_ms, reason)

    def _give_waiting(self) -> Iterator[float]:
        while self._waiting.give(self._giving) is Place.BEYOND:
            yield from self.missing_before_first()

    def missing_before_first(self) -> Iterator[float]:
        """Give the trades that are missing before the first that waits; give them up after a while."""
        first = self._waiting.first()
        if first is None:
            return
        yield from self._refill.before(first)

    # Minutes

    def _minutes_or_join(self, why: str) -> Generator[float, None, bool]:
        """Give the missing minutes as candles; without them, go on with what the sockets bring.

        Returns:
            Whether it goes on with the sockets alone.
        """
        try:
            yield from self._give_minutes(why)
        except SourceUnavailableError as error:
            self._n_failures += 1
            first = self._waiting.first()
            if self._n_failures < _MOST_FAILURES or first is None:
                raise
            self._skip_to(first.trade.time_ms, f"{why} Its candles could not be fetched: {error}")
            return True
        self._n_failures = 0
        return False

    def _give_minutes(self, why: str) -> Iterator[float]:
        """Give candles from the minute in which the source was complete up to the newest that has settled."""
        giving, instruments = self._giving, self._venue.instruments
        is_history = giving.complete_ms is None
        from_ms = giving.minute_of_completeness(self._origin_ms)
        while (join_ms := self._minutes.settled_ms(self._venue_now_ms())) <= from_ms:
            yield REST_S
        begin_ms = self._minutes.reach_ms(from_ms, self._venue_now_ms())
        pages = {
            name: self._minutes.pages(name, begin_ms, join_ms, is_history=is_history) for name in instruments
        }
        merge = PageMerge[CandleObserved](pages, lambda candle: candle.start_ms)
        end_ms = from_ms
        while merge.fetch():
            for _, candle in merge.ready():
                end_ms = self._give_minute(candle, end_ms, is_history=is_history)
            yield 0.0
        self._joins(from_ms, end_ms, join_ms, why)

    def _give_minute(self, candle: CandleObserved, end_ms: int, *, is_history: bool) -> int:
        """Give a candle, and return up to which time there are candles now."""
        if candle.start_ms > end_ms and not is_history:
            self._gaps.missing(
                self._venue.instruments, end_ms, candle.start_ms, "The venue has no candles of these minutes."
            )
        self._giving.give_candle(candle)
        return max(end_ms, candle.event_time_ms)

    def _joins(self, from_ms: int, end_ms: int, join_ms: int, why: str) -> None:
        """Go on with the trades of the current minute, after the candles, which may have ended before it."""
        given_ms, instruments = self._giving.given_until_ms, self._venue.instruments
        if given_ms is not None and end_ms > from_ms:
            self._gaps.missing(instruments, min(given_ms, end_ms), end_ms, why, is_filled=True)
        if end_ms < join_ms and (end_ms == from_ms or not self._minutes.longest_pause_ms):
            self._skip_to(join_ms, f"{why} The venue has no candles of it.", from_ms=end_ms)
        self._giving.begin_trades(instruments, join_ms)
        self._gaps.ended(join_ms)
        self.is_absent = False

    def _skip_to(self, until_ms: int, reason: str, *, from_ms: int | None = None) -> None:
        """Go on at a time, with everything missing before it."""
        giving, instruments = self._giving, self._venue.instruments
        given_ms = giving.given_until_ms
        begin_ms = until_ms if given_ms is None else given_ms
        begin_ms = begin_ms if from_ms is None else max(from_ms, begin_ms)
        until_ms = max(until_ms, begin_ms)
        if until_ms > begin_ms or self.is_absent:
            giving.state_missing(begin_ms, until_ms, self._clock.now_ms())
        self._gaps.missing(instruments, begin_ms, until_ms, reason)
        giving.begin_trades(instruments, until_ms)
        self._gaps.ended(until_ms)
        self.is_absent = False

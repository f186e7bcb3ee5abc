"""Gives trades and candles of one source to the loop that publishes, in order, each once, with the times we had them."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import structlog

from producers.jobs.following.handing import Handover
from producers.jobs.following.sequences import Place, TradeSequence
from producers.normalise.live import Complete, Missing
from producers.normalise.trades import VenueTrade
from producers.normalise.venue_clocks import VenueClock
from schemas.events import CandleObserved, QuoteObserved, TickObserved
from schemas.sources import LARGEST_LEAD_MS
from schemas.time import Interval, bar_start_ms

log = structlog.get_logger()

#: So many trades of all instruments together are remembered, to tell repeats from ids that have started again.
_REMEMBERED, _FEWEST_REMEMBERED = 20_000, 100
_SECOND_MS = 1000


class FollowedFrom(NamedTuple):
    """What the log holds of a source when it begins to be followed.

    Attributes:
        newest_ticks: The newest trade of each instrument that has any.
        candle_ends: The end of the newest candle of each instrument that has any.
        vouched_ms: The event time up to which the source vouched; None if nothing was published of it.
        known_ms: The known time of the newest event; no later one is earlier.
        is_absent: Whether the source was declared absent.
        origin_ms: Where the history of the run begins.
    """

    newest_ticks: Mapping[str, TickObserved]
    candle_ends: Mapping[str, int]
    vouched_ms: int | None
    known_ms: int
    is_absent: bool
    origin_ms: int


class Giving:
    """Gives the events of one source.

    Args:
        handover: Where they go.
        instruments: The instruments of the source.
        stream: The run.
        source: The source.
        begin: What the log holds.
        is_contiguous: Whether the ids of the venue count up by one.

    Attributes:
        complete_ms: The event time up to which the source is complete; None if it never was.
        clock: The clock of the venue.
        from_ms: By instrument, the event time from which trades are given whatever their ids are: candles, or
            a gap, come before.
        last_item_ms: The event time of the newest trade.
        n_given: The number of trades that were given.
        wrong_clock: What is wrong with the clock of the venue; empty if nothing is.
    """

    def __init__(
        self,
        handover: Handover,
        *,
        instruments: Iterable[str],
        stream: str,
        source: str,
        begin: FollowedFrom,
        is_contiguous: bool,
    ) -> None:
        names = tuple(instruments)
        self._handover = handover
        self._sequences = {
            name: TradeSequence(
                name,
                stream=stream,
                source=source,
                newest=begin.newest_ticks.get(name),
                is_contiguous=is_contiguous,
                n_remembered=max(_REMEMBERED // len(names), _FEWEST_REMEMBERED),
            )
            for name in names
        }
        self._source = source
        self._known_ms = begin.known_ms
        self.complete_ms = begin.vouched_ms
        self.clock = VenueClock()
        self.from_ms: dict[str, int] = {}
        for name in names:
            tick, candle_ms = begin.newest_ticks.get(name), begin.candle_ends.get(name, begin.vouched_ms)
            if candle_ms is not None and (
                tick is None or tick.event_time_ms < begin.candle_ends.get(name, 0)
            ):
                self.from_ms[name] = candle_ms
        self.last_item_ms = max((tick.event_time_ms for tick in begin.newest_ticks.values()), default=None)
        self.n_given = 0
        self.wrong_clock = ""

    def newest(self, instrument: str) -> TickObserved | None:
        """Return the newest trade of an instrument that was given as a trade; None if none was, or candles came after."""
        return None if instrument in self.from_ms else self._sequences[instrument].newest

    def place(self, instrument: str, trade: VenueTrade) -> Place:
        """Return where a trade stands in the order of its instrument."""
        from_ms = self.from_ms.get(instrument)
        if from_ms is not None:
            return Place.NEXT if trade.time_ms >= from_ms else Place.REPEAT
        return self._sequences[instrument].place(trade)

    def is_known(self, instrument: str, trade: VenueTrade) -> bool:
        """Return whether a trade that the venue sends again was given."""
        from_ms = self.from_ms.get(instrument)
        if from_ms is not None:
            return trade.time_ms < from_ms
        return self._sequences[instrument].is_known(trade)

    def n_missing(self, instrument: str, trade: VenueTrade) -> int:
        """Return how many trades are missing before one."""
        return self._sequences[instrument].n_missing(trade)

    def give(self, instrument: str, trade: VenueTrade, received_ms: int) -> bool:
        """Give a trade that comes next, and return whether it was given; a repeat is not.

        Args:
            instrument: Of which instrument.
            trade: What the venue sent or answered.
            received_ms: When it was received.

        Raises:
            ShutError: If the source was declared absent.
        """
        if trade.time_ms - received_ms > LARGEST_LEAD_MS:
            self.note_wrong_clock(trade.time_ms - received_ms)
            return False
        from_ms = self.from_ms.get(instrument)
        if from_ms is not None and trade.time_ms < from_ms:
            return False
        sequence = self._sequences[instrument]
        tick = sequence.tick(trade, self.known_ms(received_ms))
        if tick is None:
            return False
        self._handover.put(tick)
        sequence.gave(tick)
        self.from_ms.pop(instrument, None)
        self.last_item_ms = max(tick.event_time_ms, self.last_item_ms or tick.event_time_ms)
        self.n_given += 1
        self.wrong_clock = ""
        return True

    def note_wrong_clock(self, lead_ms: int) -> None:
        """Note that trades are not taken, because they are dated so much later than they arrive."""
        lead_s = lead_ms / _SECOND_MS
        if not self.wrong_clock:
            log.warning("the clock of a venue is wrong", source=self._source, lead_s=lead_s)
        self.wrong_clock = (
            f"Its trades are dated {lead_s:.0f} s later than they arrive, so they are not taken."
        )

    def known_ms(self, received_ms: int) -> int:
        """Return when something was known: when it was received, and never before what was given already."""
        self._known_ms = max(self._known_ms, received_ms)
        return self._known_ms

    def give_candle(self, candle: CandleObserved) -> None:
        """Give a candle of a whole minute.

        Raises:
            ShutError: If the source was declared absent.
        """
        self._handover.put(candle)

    def begin_trades(self, instruments: Iterable[str], from_ms: int) -> None:
        """Note that everything before a time was given in another form, or is missing."""
        for name in instruments:
            self.from_ms[name] = from_ms
        self.complete_ms = max(from_ms, self.complete_ms or from_ms)

    def give_quote(self, quote: QuoteObserved) -> None:
        """Give a quote, which has no order among the trades."""
        self._handover.put(quote)

    def state_complete(self, event_time_ms: int, known_ms: int) -> None:
        """State that every event of before a time was given; in whole seconds, because each is a record."""
        whole_ms = event_time_ms - event_time_ms % _SECOND_MS
        if self.complete_ms is None or whole_ms > self.complete_ms:
            self._handover.put(Complete(whole_ms, self.known_ms(known_ms)))
            self.complete_ms = whole_ms

    def state_missing(self, from_ms: int, until_ms: int, known_ms: int) -> None:
        """State that the trades of a stretch will not come.

        Args:
            from_ms: The event time from which they are missing.
            until_ms: The event time from which on trades are given again.
            known_ms: When that was known.

        Raises:
            ShutError: If the source was declared absent.
        """
        self._handover.put(Missing(from_ms, until_ms, self.known_ms(known_ms)))
        self.complete_ms = max(until_ms, self.complete_ms or until_ms)

    @property
    def given_until_ms(self) -> int | None:
        """The event time up to which everything was given: trades are given in the order of time."""
        times = [time_ms for time_ms in (self.complete_ms, self.last_item_ms) if time_ms is not None]
        return max(times, default=None)

    def minute_of_completeness(self, origin_ms: int) -> int:
        """Return the start of the minute up to which everything was given; the origin if nothing was."""
        return origin_ms if self.complete_ms is None else bar_start_ms(self.complete_ms, Interval.ONE_MINUTE)

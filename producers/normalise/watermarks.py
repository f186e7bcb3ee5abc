"""Makes the watermarks between the events of a source from the times of the events.

One function makes them for the first publication, and for the restoration of a stream from
the durable history, so that both are the same sequence::

    candles     c1 W  c2 W  c3 W S          R c7 W      W at each close; S where minutes are missing, R after them
    ticks       W .. . W   W .  W . S    R W .          W before each second of known time
    no candles  R W .. . W                              R where ticks begin and no candles come before them

Invariants: no event is earlier than the watermark before it (as long as the stated
lateness is kept), and a watermark never goes back. A silence vouches for the whole stretch, because a file
states when it ends; the silence at the end of a source vouches for all time. The sequence depends only on the events
and the :class:`SourceTimes`, and not on where it is cut: after a resumption, the records are the same as without it.

Source:
    The decision on watermarks in this folder's README.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple, assert_never

import msgspec

from schemas.events import (
    END_OF_TIME_MS,
    ArticlePublished,
    CandleObserved,
    SourceFellSilent,
    SourceReturned,
    TickObserved,
    WatermarkAdvanced,
)
from schemas.streams import Silence
from schemas.time import Interval, bar_start_ms
from schemas.topics import MARKET_CANDLE, MARKET_TICK, Topic

SECOND_MS = 1000
MarketEvent = CandleObserved | TickObserved


class SourceTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The times and the clock of a source in one stream.

    Attributes:
        source: The name of the source.
        stream: The run.
        ticks_from_ms: The event time from which it publishes ticks.
        end_ms: The event time at which it ends; None for a source without an end.
        skew_ms: How far the clock of the venue is typically ahead of that of the recorder.
        lateness_ms: How much less than that a trade may be ahead.
        begins_with_ticks: Whether no candles come before the ticks, so that a return and a watermark before them state
            from when on all of them are there; without it, the minute of the first tick would make no bar.
        silences: The stretches of known time in which the recorder has nothing, in order.
        epoch: The epoch of the session that publishes.
    """

    source: str
    stream: str
    ticks_from_ms: int
    end_ms: int | None = None
    skew_ms: int = 0
    lateness_ms: int = 0
    begins_with_ticks: bool = False
    silences: tuple[Silence, ...] = ()
    epoch: int = 0

    @property
    def lead_ms(self) -> int:
        """The least by which an event time is ahead of its known time."""
        return self.skew_ms - self.lateness_ms


class Reached(NamedTuple):
    """How far a stream has been published; None if nothing of the kind was.

    Attributes:
        candle_end_ms: The end of the last candle.
        tick_known_ms: The known time of the last tick.
    """

    candle_end_ms: int | None = None
    tick_known_ms: int | None = None

    def holds(self, event: MarketEvent) -> bool:
        """Return whether an event is not after this position; one of several instruments may be stored farther."""
        if isinstance(event, TickObserved):
            return self.tick_known_ms is not None and event.known_time_ms <= self.tick_known_ms
        return self.candle_end_ms is not None and event.event_time_ms <= self.candle_end_ms

    def topic(self, times: SourceTimes) -> Topic | None:
        """Return the topic in which the source published last; None before its first event."""
        if self.tick_known_ms is None:
            return None if self.candle_end_ms is None else MARKET_CANDLE
        are_ticks_last = self.tick_known_ms + times.lead_ms >= (self.candle_end_ms or 0)
        return MARKET_TICK if are_ticks_last else MARKET_CANDLE

    def event_time_ms(self, times: SourceTimes) -> int | None:
        """Return the position as one event time; None before the first event."""
        tick_ms = None if self.tick_known_ms is None else self.tick_known_ms + times.lead_ms
        found = [time for time in (self.candle_end_ms, tick_ms) if time is not None]
        return max(found, default=None)


Control = WatermarkAdvanced | SourceFellSilent | SourceReturned


class SourceRecord(NamedTuple):
    """An event to publish, and its topic."""

    topic: Topic
    event: CandleObserved | TickObserved | ArticlePublished | Control


def with_watermarks(
    events: Iterable[MarketEvent],
    times: SourceTimes,
    *,
    after: Reached | None = None,
    is_to_the_end: bool = False,
) -> Iterator[SourceRecord]:
    """Yield events with the watermarks between them.

    After the last candle of an end follows a watermark at that end, and a
    silence and a return if the next candle does not start there. Before ticks comes a watermark for every whole
    second of known time K, at event time ``K + skew - lateness``.

    Args:
        events: Candles by end, and ticks by known time; a tick at or after the end of a candle
            comes after the candle.
        times: The times of the source.
        after: How far the source was published before; None at the beginning.
        is_to_the_end: Whether the source ends after these events; otherwise they are a part.

    Yields:
        The records to publish, in this order.
    """
    maker = RecordMaker(times, after or Reached())
    for event in events:
        yield from maker.on_event(event)
    yield from maker.on_end(is_to_the_end=is_to_the_end)


class RecordMaker:
    """Makes the records that one source publishes: its events, and the watermarks between them.

    ``_pending_ms`` is the end of candles whose watermark has not been made yet. ``_covered_ms`` is
    the event time up to which candles were published. ``_next_second_ms`` is the next second of known time
    that gets a watermark; None while candles are published. ``_returns_ms`` is the known time at which a
    published silence of the recorder ends.

    Attributes:
        vouched_ms: The event time of the newest watermark, or None before the first.
        newest_tick_ms: The latest event time of a trade of a source that states its completeness.
    """

    def __init__(self, times: SourceTimes, after: Reached) -> None:
        self._times = times
        self._pending_ms: int | None = None
        self._covered_ms = after.candle_end_ms
        self._next_second_ms: int | None = None
        tick_ms = after.tick_known_ms
        if tick_ms is not None and tick_ms + times.lead_ms >= (after.candle_end_ms or 0):
            self._next_second_ms = tick_ms - tick_ms % SECOND_MS + SECOND_MS
        self._silences = list(reversed(times.silences))
        self._returns_ms: int | None = None
        self.vouched_ms: int | None = None
        self.newest_tick_ms: int | None = None

    def on_event(self, event: MarketEvent) -> Iterator[SourceRecord]:
        """Yield an event, with the watermarks before it."""
        match event:
            case CandleObserved():
                yield from self._on_candle(event)
            case TickObserved():
                yield from self._on_tick(event)
            case _:
                assert_never(event)

    def on_heard(self, known_ms: int) -> Iterator[SourceRecord]:
        """Yield the watermarks that are due at a known time, because every event known by then was handed over."""
        if self._next_second_ms is None:
            yield from self._settle()
        else:
            yield from self._seconds_until(known_ms)

    def on_complete(self, topic: Topic, event_time_ms: int, known_ms: int) -> Iterator[SourceRecord]:
        """Yield the watermark at an event time up to which the source states that it is complete.

        Args:
            topic: In which the source publishes.
            event_time_ms: The time.
            known_ms: When that was known.
        """
        yield from self._settle()
        if self.vouched_ms is None or event_time_ms > self.vouched_ms:
            yield self._watermark(topic, event_time_ms, known_ms)
            self._cover(event_time_ms)

    def on_missing(self, topic: Topic, from_ms: int, until_ms: int, known_ms: int) -> Iterator[SourceRecord]:
        """Yield the silence and the return around a stretch whose events will never come.

        Args:
            topic: In which the source publishes.
            from_ms: The event time from which they are missing.
            until_ms: The event time from which on the source gives events again.
            known_ms: When that was known.
        """
        yield from self._settle()
        begin_ms = max(from_ms, self.vouched_ms or from_ms, self.newest_tick_ms or from_ms)
        end_ms = max(until_ms, begin_ms)
        yield self._silence(topic, begin_ms, known_ms, until_ms=end_ms)
        yield self._return(topic, end_ms, known_ms)
        self.vouched_ms = end_ms
        self._cover(end_ms)

    def on_stated_tick(self, tick: TickObserved) -> Iterator[SourceRecord]:
        """Yield a trade without watermarks before it, because its source states itself how far it is complete."""
        yield from self._settle()
        self._next_second_ms = None
        self.newest_tick_ms = max(tick.event_time_ms, self.newest_tick_ms or tick.event_time_ms)
        self._cover(tick.event_time_ms)
        yield SourceRecord(MARKET_TICK, tick)

    def _cover(self, event_time_ms: int) -> None:
        """Note that a minute has begun: a candle of a later minute comes after missing ones."""
        minute_ms = bar_start_ms(event_time_ms, Interval.ONE_MINUTE)
        self._covered_ms = max(minute_ms, self._covered_ms or minute_ms)

    def restart(self, topic: Topic, known_ms: int) -> None:
        """Continue after an absence; the watermarks of the time between are not made."""
        self._pending_ms = self._covered_ms = None
        is_of_ticks = topic is MARKET_TICK
        self._next_second_ms = known_ms - known_ms % SECOND_MS + SECOND_MS if is_of_ticks else None

    def _on_candle(self, candle: CandleObserved) -> Iterator[SourceRecord]:
        if self._next_second_ms is not None:
            # The watermark of a second s vouches for event times before s + lead.
            yield from self._seconds_until(candle.start_ms - self._times.lead_ms)
            self._next_second_ms = None
            self._covered_ms = candle.start_ms
        if self._pending_ms is not None and candle.event_time_ms != self._pending_ms:
            yield from self._settle()
        if self._covered_ms is not None and candle.start_ms > self._covered_ms:
            until_ms = candle.start_ms
            yield self._silence(MARKET_CANDLE, self._covered_ms, self._covered_ms, until_ms=until_ms)
            yield self._return(MARKET_CANDLE, until_ms, candle.known_time_ms)
        self._covered_ms = self._pending_ms = candle.event_time_ms
        yield SourceRecord(MARKET_CANDLE, candle)

    def _settle(self) -> Iterator[SourceRecord]:
        """The watermark after the candles of one end."""
        if self._pending_ms is not None:
            yield self._watermark(MARKET_CANDLE, self._pending_ms, self._pending_ms)
            self._pending_ms = None

    def _on_tick(self, tick: TickObserved) -> Iterator[SourceRecord]:
        yield from self._begin_ticks()
        yield from self._seconds_until(tick.known_time_ms)
        yield SourceRecord(MARKET_TICK, tick)

    def _begin_ticks(self) -> Iterator[SourceRecord]:
        yield from self._settle()
        if self._next_second_ms is None:
            begin_ms = self._times.ticks_from_ms if self._covered_ms is None else self._covered_ms
            first_ms = begin_ms - self._times.lead_ms
            self._next_second_ms = first_ms + -first_ms % SECOND_MS
            if self._times.begins_with_ticks and begin_ms == self._times.ticks_from_ms:
                yield self._return(MARKET_TICK, begin_ms, first_ms)
                if first_ms < self._next_second_ms:
                    yield self._watermark(MARKET_TICK, begin_ms, first_ms)

    def _seconds_until(self, known_ms: int) -> Iterator[SourceRecord]:
        """A watermark for each second up to this one, inclusive, and the silences of the recorder."""
        second_ms = self._next_second_ms
        if second_ms is None:
            return
        yield from self._returned(known_ms)
        while second_ms <= known_ms:
            while self._silences and self._silences[-1].until_ms <= second_ms:
                self._silences.pop()
            if self._silences and self._silences[-1].from_ms <= second_ms:
                silence = self._silences.pop()
                lead_ms, self._returns_ms = self._times.lead_ms, silence.until_ms
                yield self._silence(
                    MARKET_TICK,
                    silence.from_ms + lead_ms,
                    silence.from_ms,
                    until_ms=silence.until_ms + lead_ms,
                )
                yield from self._returned(known_ms)
                second_ms = silence.until_ms + -silence.until_ms % SECOND_MS
            else:
                yield self._watermark(MARKET_TICK, second_ms + self._times.lead_ms, second_ms)
                second_ms += SECOND_MS
        self._next_second_ms = second_ms

    def _returned(self, known_ms: int) -> Iterator[SourceRecord]:
        """The end of the last silence of the recorder, if it is due."""
        if self._returns_ms is not None and self._returns_ms <= known_ms:
            until_ms, self._returns_ms = self._returns_ms, None
            yield self._return(MARKET_TICK, until_ms + self._times.lead_ms, until_ms)

    def on_end(self, *, is_to_the_end: bool) -> Iterator[SourceRecord]:
        """Yield what is due after the last event: the last watermarks, and the silence at the end of the source.

        Args:
            is_to_the_end: Whether the source ends here; otherwise the events are a part.
        """
        yield from self._settle()
        end_ms = self._times.end_ms
        if not is_to_the_end or end_ms is None:
            return
        if end_ms > (self._covered_ms or 0):
            yield from self._begin_ticks()
            yield from self._seconds_until(end_ms - self._times.lead_ms)
        if self._next_second_ms is None:
            yield self._silence(MARKET_CANDLE, end_ms, end_ms, until_ms=END_OF_TIME_MS)
        else:
            known_ms = end_ms - self._times.lead_ms
            yield self._silence(MARKET_TICK, end_ms, known_ms, until_ms=END_OF_TIME_MS)

    def _watermark(self, topic: Topic, event_time_ms: int, known_time_ms: int) -> SourceRecord:
        self.vouched_ms = event_time_ms
        return SourceRecord(topic, watermark_of(self._times, event_time_ms, known_time_ms))

    def _silence(
        self, topic: Topic, event_time_ms: int, known_time_ms: int, *, until_ms: int
    ) -> SourceRecord:
        event = SourceFellSilent(
            event_time_ms=event_time_ms,
            known_time_ms=known_time_ms,
            source=self._times.source,
            stream=self._times.stream,
            absent_until_ms=until_ms,
            epoch=self._times.epoch,
        )
        return SourceRecord(topic, event)

    def _return(self, topic: Topic, event_time_ms: int, known_time_ms: int) -> SourceRecord:
        return SourceRecord(topic, return_of(self._times, event_time_ms, known_time_ms))


def watermark_of(times: SourceTimes, event_time_ms: int, known_time_ms: int) -> WatermarkAdvanced:
    """Return the watermark that states that the source has published all its events of before a time.

    Args:
        times: The times of the source.
        event_time_ms: The time for which it vouches.
        known_time_ms: When that was known.
    """
    return WatermarkAdvanced(
        event_time_ms=event_time_ms,
        known_time_ms=known_time_ms,
        source=times.source,
        stream=times.stream,
        epoch=times.epoch,
    )


def return_of(times: SourceTimes, event_time_ms: int, known_time_ms: int) -> SourceReturned:
    """Return the record that states that the source publishes events from a time on again.

    Args:
        times: The times of the source.
        event_time_ms: The time from which it publishes again.
        known_time_ms: When that was known.
    """
    return SourceReturned(
        event_time_ms=event_time_ms,
        known_time_ms=known_time_ms,
        source=times.source,
        stream=times.stream,
        epoch=times.epoch,
    )


class Absence:
    """The absence of a source that publishes nothing: it is declared at once, and repeated as time goes on.

    A session declares it if a source is silent, or if the session takes over the sources of a dead producer.
    The latter has a larger epoch, so that records that the dead producer may still publish are void.

    Args:
        topic: The topic in which the source published last.
        times: The times of the source, with the epoch of the session that declares the absence.
        from_ms: The event time up to which the source has vouched for everything.

    Attributes:
        until_ms: No event of before this event time will be published.
    """

    def __init__(self, topic: Topic, times: SourceTimes, *, from_ms: int) -> None:
        self._topic = topic
        self._times = times
        self._from_ms = from_ms
        self._said_ms: int | None = None
        self.until_ms = from_ms

    def on_time(self, now_ms: int) -> Iterator[SourceRecord]:
        """Yield the declaration that is due now, once a second of the clock."""
        if self._said_ms is not None and now_ms < self._said_ms + SECOND_MS:
            return
        self._said_ms = now_ms
        self.until_ms = max(self.until_ms, now_ms + self._times.lead_ms)
        yield self._declared(now_ms)

    def on_end(self, now_ms: int) -> Iterator[SourceRecord]:
        """Yield the declaration that no event will be published any more, at the end of the run."""
        self.until_ms = END_OF_TIME_MS
        yield self._declared(now_ms)

    def _declared(self, now_ms: int) -> SourceRecord:
        event = SourceFellSilent(
            event_time_ms=self._from_ms,
            known_time_ms=max(now_ms, self._from_ms - max(0, self._times.skew_ms)),
            source=self._times.source,
            stream=self._times.stream,
            absent_until_ms=self.until_ms,
            epoch=self._times.epoch,
        )
        return SourceRecord(self._topic, event)

    def on_return(self, at_ms: int, *, known_ms: int, topic: Topic | None = None) -> Iterator[SourceRecord]:
        """Yield the end of the absence: the source publishes events from ``at_ms`` on again.

        Args:
            at_ms: The event time from which it publishes again.
            known_ms: When that was known.
            topic: The topic in which it continues; None is the topic of before.
        """
        # Candles of before the run are known at their ends, and the return when the absence was declared last at least.
        known_ms = max(known_ms, known_ms if self._said_ms is None else self._said_ms)
        yield SourceRecord(topic or self._topic, return_of(self._times, max(at_ms, self._from_ms), known_ms))

"""Watermarks between the events of a source, derived from the events' own times.

One function makes them, for the first publication and for the one that restores a stream from
the durable history, so that the two are the same sequence::

    candles     c1 W  c2 W  c3 W S            c7 W      W at each close; S where minutes are missing
    ticks       W .. . W   W .  W . S                   W before each second of known time

Invariants: no event is behind the watermark that was said before it (as long as the stated
lateness is kept), and a watermark never goes back. The sequence depends on the events and the
:class:`SourceTimes` alone, not on where it is cut: what is said after resuming behind an event is
what would have been said there.

Source:
    The decision on watermarks in this folder's README.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from schemas.events import CandleObserved, SourceFellSilent, TickObserved, WatermarkAdvanced
from schemas.topics import MARKET_CANDLE, MARKET_TICK, Topic

SECOND_MS = 1000
MarketEvent = CandleObserved | TickObserved


class Silence(msgspec.Struct, frozen=True, array_like=True):
    """A stretch of known time, ``[from_ms, until_ms)``, in which a recording holds nothing."""

    from_ms: int
    until_ms: int


class SourceTimes(msgspec.Struct, frozen=True, kw_only=True):
    """What a source's clock is like in one stream.

    Attributes:
        source: What its events say.
        stream: The run.
        ticks_from_ms: Event time from which on it publishes ticks.
        end_ms: Event time at which it ends; None for a source without an end.
        skew_ms: How far the venue's clock runs ahead of the recorder's, typically.
        lateness_ms: How much less than that a trade may be ahead.
        silences: Where the recorder has nothing, in known time, in order.
    """

    source: str
    stream: str
    ticks_from_ms: int
    end_ms: int | None = None
    skew_ms: int = 0
    lateness_ms: int = 0
    silences: tuple[Silence, ...] = ()

    @property
    def lead_ms(self) -> int:
        """The least by which an event time is ahead of its known time."""
        return self.skew_ms - self.lateness_ms


class Reached(NamedTuple):
    """How far a stream has been published; None where nothing of the kind was.

    Attributes:
        candle_end_ms: The end of the last candle.
        tick_known_ms: The known time of the last tick.
    """

    candle_end_ms: int | None = None
    tick_known_ms: int | None = None

    def holds(self, event: MarketEvent) -> bool:
        """Whether an event is not behind it; of several instruments, one may be stored farther than all are."""
        if isinstance(event, TickObserved):
            return self.tick_known_ms is not None and event.known_time_ms <= self.tick_known_ms
        return self.candle_end_ms is not None and event.event_time_ms <= self.candle_end_ms

    def event_time_ms(self, times: SourceTimes) -> int | None:
        """The same as one event time, or None at the very beginning."""
        tick_ms = None if self.tick_known_ms is None else self.tick_known_ms + times.lead_ms
        found = [time for time in (self.candle_end_ms, tick_ms) if time is not None]
        return max(found, default=None)


class Said(NamedTuple):
    """An event to publish, and where."""

    topic: Topic
    event: CandleObserved | TickObserved | WatermarkAdvanced | SourceFellSilent


def with_watermarks(
    events: Iterable[MarketEvent],
    times: SourceTimes,
    *,
    after: Reached | None = None,
    is_to_the_end: bool = False,
) -> Iterator[Said]:
    """Events with the watermarks between them.

    Candles are followed, when the last of an end was said, by a watermark at that end, and by a
    silence where the next does not start there. Ticks are preceded by a watermark for every whole
    second of known time K, at event time ``K + skew - lateness``.

    Args:
        events: Candles by end, ticks by known time; a tick that is at or after a candle's end
            comes behind it.
        times: Of the source.
        after: What was published before; None at the beginning.
        is_to_the_end: Whether the source ends behind these events; else they are a part.

    Yields:
        What to publish, in this order.
    """
    voice = _Voice(times, after or Reached())
    for event in events:
        match event:
            case CandleObserved():
                yield from voice.on_candle(event)
            case TickObserved():
                yield from voice.on_tick(event)
    yield from voice.on_end(is_to_the_end=is_to_the_end)


class _Voice:
    """What a source has said so far.

    ``_pending_ms`` is the end of candles whose watermark has not been said yet; ``_covered_ms``
    the event time up to which candles speak; ``_next_second_ms`` the next second of known time to
    be told of, None while candles speak.
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

    def on_candle(self, candle: CandleObserved) -> Iterator[Said]:
        if self._next_second_ms is not None:
            # A second s speaks of event times before s + lead.
            yield from self._seconds_until(candle.start_ms - self._times.lead_ms)
            self._next_second_ms = None
            self._covered_ms = candle.start_ms
        if self._pending_ms is not None and candle.event_time_ms != self._pending_ms:
            yield from self._settle()
        if self._covered_ms is not None and candle.start_ms > self._covered_ms:
            yield self._silence(MARKET_CANDLE, self._covered_ms, self._covered_ms)
        self._covered_ms = self._pending_ms = candle.event_time_ms
        yield Said(MARKET_CANDLE, candle)

    def _settle(self) -> Iterator[Said]:
        """The watermark behind the candles of one end."""
        if self._pending_ms is not None:
            yield self._watermark(MARKET_CANDLE, self._pending_ms, self._pending_ms)
            self._pending_ms = None

    def on_tick(self, tick: TickObserved) -> Iterator[Said]:
        yield from self._begin_ticks()
        yield from self._seconds_until(tick.known_time_ms)
        yield Said(MARKET_TICK, tick)

    def _begin_ticks(self) -> Iterator[Said]:
        yield from self._settle()
        if self._next_second_ms is None:
            begin_ms = self._times.ticks_from_ms if self._covered_ms is None else self._covered_ms
            first_ms = begin_ms - self._times.lead_ms
            self._next_second_ms = first_ms + -first_ms % SECOND_MS

    def _seconds_until(self, known_ms: int) -> Iterator[Said]:
        """A watermark for each second up to and with this one; the recorder's silences as such."""
        second_ms = self._next_second_ms
        if second_ms is None:
            return
        while second_ms <= known_ms:
            while self._silences and self._silences[-1].until_ms <= second_ms:
                self._silences.pop()
            if self._silences and self._silences[-1].from_ms <= second_ms:
                silence = self._silences.pop()
                yield self._silence(MARKET_TICK, silence.from_ms + self._times.lead_ms, silence.from_ms)
                second_ms = silence.until_ms + -silence.until_ms % SECOND_MS
            else:
                yield self._watermark(MARKET_TICK, second_ms + self._times.lead_ms, second_ms)
                second_ms += SECOND_MS
        self._next_second_ms = second_ms

    def on_end(self, *, is_to_the_end: bool) -> Iterator[Said]:
        yield from self._settle()
        end_ms = self._times.end_ms
        if not is_to_the_end or end_ms is None:
            return
        if end_ms > (self._covered_ms or 0):
            yield from self._begin_ticks()
            yield from self._seconds_until(end_ms - self._times.lead_ms)
        if self._next_second_ms is None:
            yield self._silence(MARKET_CANDLE, end_ms, end_ms)
        else:
            yield self._silence(MARKET_TICK, end_ms, end_ms - self._times.lead_ms)

    def _watermark(self, topic: Topic, event_time_ms: int, known_time_ms: int) -> Said:
        event = WatermarkAdvanced(
            event_time_ms=event_time_ms,
            known_time_ms=known_time_ms,
            source=self._times.source,
            stream=self._times.stream,
        )
        return Said(topic, event)

    def _silence(self, topic: Topic, event_time_ms: int, known_time_ms: int) -> Said:
        event = SourceFellSilent(
            event_time_ms=event_time_ms,
            known_time_ms=known_time_ms,
            source=self._times.source,
            stream=self._times.stream,
        )
        return Said(topic, event)

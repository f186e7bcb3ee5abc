"""Makes the records of a live source: its events, the watermarks between them, and its absences.

The silences of a recording are known beforehand. Those of a live source are not, so an absence is found by a clock,
which is an argument here::

    heard       h t h . t h h t                         h t
    now                         10 s        1 s   1 s
    records     w t w   t w w t             S     S  ...  R t w       S: absent, declared again each second

A source that was published before this session began is absent from the first moment on until something of it
arrives, because no other process declares the sources of a dead producer absent.

Source:
    The decision on watermarks and on absence in this folder's README.
"""

from collections.abc import Iterator
from typing import NamedTuple

from producers.normalise.watermarks import (
    Absence,
    MarketEvent,
    Reached,
    RecordMaker,
    SourceRecord,
    SourceTimes,
)
from schemas.events import CandleObserved, TickObserved
from schemas.time import Interval, bar_start_ms
from schemas.topics import MARKET_CANDLE, MARKET_TICK, Topic

#: The same length as the stretch of a capture without any message that counts as an outage of the recorder.
SILENT_AFTER_MS = 10_000


class Heard(NamedTuple):
    """A message that is no event arrived from a live source, so the source is present and has sent all events before.

    Attributes:
        known_time_ms: When it arrived, by the clock of the platform.
    """

    known_time_ms: int


class Complete(NamedTuple):
    """A live source states that it has given every event of before an event time.

    A feed that knows its own clock and its own gaps states this. ``Heard`` leaves both to this module.

    Attributes:
        event_time_ms: The time, by the clock of the venue.
        known_time_ms: When that was known.
    """

    event_time_ms: int
    known_time_ms: int


class Missing(NamedTuple):
    """A live source will never give the events of a stretch, because they cannot be had any more.

    Attributes:
        from_ms: The event time from which they are missing.
        until_ms: The event time from which on the source gives events again.
        known_time_ms: When that was known.
    """

    from_ms: int
    until_ms: int
    known_time_ms: int


class Held(NamedTuple):
    """A live source is fetching what it missed, so it vouches for nothing and is not absent.

    Attributes:
        known_time_ms: Until when that is known to be so.
    """

    known_time_ms: int


Statement = Heard | Complete | Missing
#: What a live source gives.
LiveItem = MarketEvent | Statement | Held


class LiveRecords:
    """Makes the records of one live source.

    A source either lets its watermarks be made of the times at which something arrived (``Heard``), or states
    itself how far its events are complete (``Complete``). The second kind may give events long after they
    happened, because no watermark is made before them.

    Args:
        times: The times of the source, with the epoch of this session.
        after: How far it was published before this session.
        topic: The topic in which it was published last before this session; None if it never was.
        vouched_ms: The newest event time for which it vouched before this session; None if it never did.
        now_ms: When the session begins.
        silent_after_ms: A source from which nothing arrives for this long is absent.
        states_completeness: Whether the source states how far its events are complete.
        newest_tick_ms: The latest event time of a trade that it published before this session, if it states that.
        is_absent: Whether the session begins with the source absent; None if it was published before.
    """

    def __init__(
        self,
        times: SourceTimes,
        *,
        after: Reached,
        topic: Topic | None,
        vouched_ms: int | None,
        now_ms: int,
        silent_after_ms: int = SILENT_AFTER_MS,
        states_completeness: bool = False,
        newest_tick_ms: int | None = None,
        is_absent: bool | None = None,
    ) -> None:
        self._times = times
        self._states_completeness = states_completeness
        self._maker = RecordMaker(times, _covered(after, vouched_ms) if states_completeness else after)
        if states_completeness:
            self._maker.vouched_ms, self._maker.newest_tick_ms = vouched_ms, newest_tick_ms
        self._heard_ms = now_ms
        self._silent_after_ms = silent_after_ms
        self._topic = topic
        self._vouched_ms = vouched_ms
        begins_absent = vouched_ms is not None if is_absent is None else is_absent
        self._absence = self._absent() if begins_absent else None

    @property
    def is_absent(self) -> bool:
        """Whether the source is declared absent now."""
        return self._absence is not None

    def on_item(self, item: MarketEvent | Statement) -> Iterator[SourceRecord]:
        """Yield the records that follow from an event or a statement."""
        self._heard_ms = item.known_time_ms
        topic = _topic_of(item) or self._topic
        if self._absence is not None:
            if not isinstance(item, MarketEvent) and topic is not MARKET_TICK:
                return  # a candle itself states from when on the source publishes
            yield from self._returned(self._absence, item, topic or MARKET_TICK)
            if isinstance(item, Missing):
                return
        self._topic = topic
        match item:
            case Heard():
                yield from self._maker.on_heard(item.known_time_ms)
            case Complete():
                yield from self._maker.on_complete(
                    topic or MARKET_TICK, item.event_time_ms, item.known_time_ms
                )
            case Missing():
                yield from self._maker.on_missing(
                    topic or MARKET_TICK, item.from_ms, item.until_ms, item.known_time_ms
                )
            case TickObserved() if self._states_completeness:
                yield from self._maker.on_stated_tick(item)
            case _:
                yield from self._maker.on_event(item)

    def _returned(
        self, absence: Absence, item: MarketEvent | Statement, topic: Topic
    ) -> Iterator[SourceRecord]:
        known_ms = item.known_time_ms
        if isinstance(item, CandleObserved):
            at_ms = item.start_ms
        elif isinstance(item, Missing):
            at_ms = item.until_ms
        else:
            at_ms = max(known_ms + self._times.lead_ms, absence.until_ms)
        yield from absence.on_return(at_ms, known_ms=known_ms, topic=topic)
        self._maker.restart(topic, known_ms)
        self._vouched_ms, self._absence = at_ms, None

    def on_time(self, now_ms: int) -> Iterator[SourceRecord]:
        """Yield the declaration of an absence that is due now."""
        if self._absence is None and now_ms - self._heard_ms >= self._silent_after_ms:
            newest_ms = self._maker.newest_tick_ms
            if newest_ms is not None:
                # What it gave is complete up to its newest trade; the bars of before can close.
                yield from self._maker.on_complete(MARKET_TICK, newest_ms, now_ms)
            self._absence = self._absent()
        if self._absence is not None:
            yield from self._absence.on_time(now_ms)

    def _absent(self) -> Absence:
        vouched = [ms for ms in (self._vouched_ms, self._maker.vouched_ms) if ms is not None]
        from_ms = max(vouched) if vouched else self._times.ticks_from_ms
        return Absence(self._topic or MARKET_TICK, self._times, from_ms=from_ms)


def _topic_of(item: MarketEvent | Statement) -> Topic | None:
    match item:
        case CandleObserved():
            return MARKET_CANDLE
        case TickObserved():
            return MARKET_TICK
        case _:
            return None


def _covered(after: Reached, vouched_ms: int | None) -> Reached:
    """Up to which minute a source that states its completeness was published, by candles or by trades."""
    times = [ms for ms in (after.candle_end_ms, vouched_ms) if ms is not None]
    return Reached(candle_end_ms=bar_start_ms(max(times), Interval.ONE_MINUTE) if times else None)

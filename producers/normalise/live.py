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
from schemas.events import CandleObserved
from schemas.topics import MARKET_CANDLE, MARKET_TICK, Topic

#: The same length as the stretch of a capture without any message that counts as an outage of the recorder.
SILENT_AFTER_MS = 10_000


class Heard(NamedTuple):
    """A message that is no event arrived from a live source, so the source is present and has sent all events before.

    Attributes:
        known_time_ms: When it arrived, by the clock of the platform.
    """

    known_time_ms: int


class LiveRecords:
    """Makes the records of one live source.

    Args:
        times: The times of the source, with the epoch of this session.
        after: How far it was published before this session.
        topic: The topic in which it was published last before this session; None if it never was.
        vouched_ms: The newest event time for which it vouched before this session; None if it never did.
        now_ms: When the session begins.
        silent_after_ms: A source from which nothing arrives for this long is absent.
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
    ) -> None:
        self._times = times
        self._maker = RecordMaker(times, after)
        self._heard_ms = now_ms
        self._silent_after_ms = silent_after_ms
        self._topic = topic
        self._vouched_ms = vouched_ms
        self._absence = self._absent() if vouched_ms is not None else None

    @property
    def is_absent(self) -> bool:
        """Whether the source is declared absent now."""
        return self._absence is not None

    def on_item(self, item: MarketEvent | Heard) -> Iterator[SourceRecord]:
        """Yield the records that follow from an event or a message."""
        self._heard_ms = item.known_time_ms
        topic = _topic_of(item) or self._topic
        if self._absence is not None:
            if isinstance(item, Heard) and topic is not MARKET_TICK:
                return  # a candle itself states from when on the source publishes
            yield from self._returned(self._absence, item, topic or MARKET_TICK)
        self._topic = topic
        if isinstance(item, Heard):
            yield from self._maker.on_heard(item.known_time_ms)
        else:
            yield from self._maker.on_event(item)

    def _returned(self, absence: Absence, item: MarketEvent | Heard, topic: Topic) -> Iterator[SourceRecord]:
        known_ms = item.known_time_ms
        if isinstance(item, CandleObserved):
            at_ms = item.start_ms
        else:
            at_ms = max(known_ms + self._times.lead_ms, absence.until_ms)
        yield from absence.on_return(at_ms, known_ms=known_ms, topic=topic)
        self._maker.restart(topic, known_ms)
        self._vouched_ms, self._absence = at_ms, None

    def on_time(self, now_ms: int) -> Iterator[SourceRecord]:
        """Yield the declaration of an absence that is due now."""
        if self._absence is None and now_ms - self._heard_ms >= self._silent_after_ms:
            self._absence = self._absent()
        if self._absence is not None:
            yield from self._absence.on_time(now_ms)

    def _absent(self) -> Absence:
        vouched = [ms for ms in (self._vouched_ms, self._maker.vouched_ms) if ms is not None]
        from_ms = max(vouched) if vouched else self._times.ticks_from_ms
        return Absence(self._topic or MARKET_TICK, self._times, from_ms=from_ms)


def _topic_of(item: MarketEvent | Heard) -> Topic | None:
    if isinstance(item, Heard):
        return None
    return MARKET_CANDLE if isinstance(item, CandleObserved) else MARKET_TICK

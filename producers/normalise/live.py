"""What a live source publishes: its events, the watermarks between them, and its absences.

A recording tells its silences beforehand. A live source does not, so an absence is found by a clock, which
is an argument here::

    heard       h t h . t h h t                         h t
    now                         10 s        1 s   1 s
    records     w t w   t w w t             S     S  ...  R t w       S: absent, declared again each second

A source that was published before this session began is absent from the first moment on, until it is
heard: nobody else declares the sources of a producer that is dead.

Source:
    The decision on watermarks and on absence in this folder's README.
"""

from collections.abc import Iterator
from typing import NamedTuple

from producers.normalise.watermarks import (
    Absence,
    MarketEvent,
    RecordMaker,
    SourcePosition,
    SourceRecord,
    SourceTimes,
)
from schemas.events import CandleObserved
from schemas.topics import MARKET_CANDLE, MARKET_TICK, Topic

#: As long as a stretch of a capture without any message that counts as an outage of the recorder.
SILENT_AFTER_MS = 10_000


class Heard(NamedTuple):
    """Something that is no event came from a live source: it is there, and has handed over all before.

    Attributes:
        known_time_ms: When it came, by our clock.
    """

    known_time_ms: int


class LiveRecords:
    """Makes the records of one live source.

    Args:
        times: Of the source, with the epoch of this session.
        after: How far it was published before this session.
        topic: In which it was published last before this session; None where it never was.
        vouched_ms: The newest event time for which it vouched before this session; None where it never did.
        now_ms: When the session begins.
        silent_after_ms: A source of which nothing was heard for so long is absent.
    """

    def __init__(
        self,
        times: SourceTimes,
        *,
        after: SourcePosition,
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
        """Yields the records that follow from something that was heard."""
        self._heard_ms = item.known_time_ms
        topic = _topic_of(item) or self._topic
        if self._absence is not None:
            if isinstance(item, Heard) and topic is not MARKET_TICK:
                return  # a candle says itself from when on it speaks
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
        """Yields the declaration of an absence that is due now."""
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

"""Merges the stored candles and ticks of a stream in the order in which they were first published."""

import heapq
from collections.abc import Iterable, Iterator

from producers.normalise.watermarks import MarketEvent
from schemas.events import CandleObserved, TickObserved


def in_order(candles: Iterable[CandleObserved], ticks: Iterable[TickObserved]) -> Iterator[MarketEvent]:
    """Merge candles and ticks by event time; a candle precedes a tick of the same time.

    Both inputs are read lazily, and each keeps its own order.
    """

    def place(event: MarketEvent) -> tuple[int, bool]:
        return event.event_time_ms, isinstance(event, TickObserved)

    return heapq.merge(candles, ticks, key=place)

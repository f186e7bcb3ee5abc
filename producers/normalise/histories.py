"""Stored candles and ticks of one stream, put together in the order in which they were said."""

import heapq
from collections.abc import Iterable, Iterator

from producers.normalise.watermarks import MarketEvent
from schemas.events import CandleObserved, TickObserved


def in_order(candles: Iterable[CandleObserved], ticks: Iterable[TickObserved]) -> Iterator[MarketEvent]:
    """Both, by event time; a candle that ends where a tick happened comes before it.

    Each is taken as it comes and keeps its own order.
    """

    def place(event: MarketEvent) -> tuple[int, bool]:
        return event.event_time_ms, isinstance(event, TickObserved)

    return heapq.merge(candles, ticks, key=place)

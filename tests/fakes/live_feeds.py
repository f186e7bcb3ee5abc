"""A live feed behind the port of plans: what comes, and when, is what the test says."""

from collections import deque
from collections.abc import Iterator, Sequence

from producers.jobs.plans import Reject, SourcePlan
from producers.normalise.live import Heard
from producers.normalise.watermarks import MarketEvent, Reached
from schemas.events import CandleObserved
from schemas.frames import Breach
from schemas.streams import StreamSource
from schemas.time import Clock


class FakeLiveFeed(SourcePlan):
    """Gives each item once the clock has reached its known time; never ends, and never waits.

    What came while nobody listened is lost, as it is with a venue. The history that it is asked for is what
    a venue would answer.
    """

    is_live = True

    def __init__(
        self,
        source: StreamSource,
        clock: Clock,
        items: Sequence[MarketEvent | Heard] = (),
        history: Sequence[CandleObserved] = (),
    ) -> None:
        self.source = source
        self.rejects: Sequence[Reject] = ()
        self.breaches: Sequence[Breach] = ()
        self._clock = clock
        self._items = sorted(items, key=lambda item: item.known_time_ms)
        self._history = history

    def events(
        self, after: Reached, *, until_ms: int | None, now_ms: int
    ) -> Iterator[MarketEvent | Heard | None]:
        if until_ms is not None:
            from_ms = after.candle_end_ms or 0
            yield from (each for each in self._history if from_ms < each.event_time_ms <= until_ms)
            return
        to_come = deque(item for item in self._items if item.known_time_ms >= now_ms)
        while True:
            if to_come and to_come[0].known_time_ms <= self._clock.now_ms():
                yield to_come.popleft()
            else:
                yield None

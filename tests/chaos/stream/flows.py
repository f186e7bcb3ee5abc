"""The flow of bars: from the record that closes them, handed over, to what a subscriber can read."""

import time
from bisect import bisect_left
from operator import itemgetter

from schemas.topics import FEATURES_MARKET
from tests.chaos.stream.feeding import Feeder
from tests.chaos.stream.watching import Subscriber


class Flow:
    """What was closed, and when its features could be read."""

    def __init__(self, feeder: Feeder, subscriber: Subscriber) -> None:
        self.feeder = feeder
        self.subscriber = subscriber

    def has_passed(self, since_s: float) -> bool:
        """Whether each partition shows a bar whose closing was handed over after a moment.

        What a worker had in hand when it was killed does not count: it lies before.
        """
        self.feeder.check()
        wanted = self._first_closings(since_s)
        return len(wanted) == FEATURES_MARKET.n_partitions and all(
            self.subscriber.newest_ms(FEATURES_MARKET.name, partition) >= end_ms
            for partition, (end_ms, _) in wanted.items()
        )

    def passed_at_s(self, since_s: float) -> float:
        """The moment from which the slowest partition has shown such a bar, once :meth:`has_passed`."""
        return max(
            self._shown_at_s(partition, end_ms)
            for partition, (end_ms, _) in self._first_closings(since_s).items()
        )

    def longest_wait_s(self, start_s: float, stop_s: float) -> float:
        """The longest time from a closing, handed over within an interval, to its features."""
        return max(
            self._shown_at_s(partition, end_ms) - moment
            for partition, end_ms, moment in list(self.feeder.closings)
            if start_s <= moment < stop_s
        )

    def resumed_at_s(self, since_s: float) -> float:
        """When the broker first acknowledged a record again that was lost sight of at a moment."""
        return next(moment for moment in self.feeder.resumed if moment > since_s)

    def moment_of(self, end_ms: int) -> float:
        """When the first record that closes bars of an end was handed over."""
        closings = self.feeder.closings
        at = bisect_left(closings, end_ms, key=itemgetter(1))
        return closings[at][2] if at < len(closings) else time.monotonic()

    def _first_closings(self, since_s: float) -> dict[int, tuple[int, float]]:
        found: dict[int, tuple[int, float]] = {}
        closings = self.feeder.closings
        at = bisect_left(closings, since_s, key=itemgetter(2))
        for partition, end_ms, moment in closings[at : at + 4 * FEATURES_MARKET.n_partitions]:
            found.setdefault(partition, (end_ms, moment))
        return found

    def _shown_at_s(self, partition: int, end_ms: int) -> float:
        shown = self.subscriber.shown[partition]
        return shown[bisect_left(shown, end_ms, key=itemgetter(0))][1]

"""Paces a replay at a multiple of real time: decides when a record is due, by its known time."""

from collections.abc import Callable

from schemas.time import Clock

#: No sleep is longer, so that a request to end the process is noticed.
_LONGEST_SLEEP_S = 0.25
#: Shorter sleeps take longer than the time that they would wait.
_SHORTEST_SLEEP_S = 0.0005


class Pacer:
    """Holds a replay back to a multiple of real time.

    The first known time is due at once. A later one is due after the difference of the two known times,
    divided by the speed. A replay that lags catches up without waiting.

    Args:
        clock: The clock that paces.
        speed: The multiple of real time; 0 never waits.
        is_stopped: Tells whether the process was asked to end.
        starts_at_ms: A known time that is due now; None takes that of the first event.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        speed: float,
        is_stopped: Callable[[], bool],
        starts_at_ms: int | None = None,
    ) -> None:
        self._clock = clock
        self._speed = speed
        self._is_stopped = is_stopped
        self._known_ms = starts_at_ms
        self._began_s = clock.monotonic_s()

    def wait_until(self, known_ms: int) -> bool:
        """Return when a known time is due.

        Returns:
            Whether to go on; False if the process was asked to end.
        """
        if self._is_stopped():
            return False
        while left_s := self.left_s(known_ms):
            self._clock.sleep(min(left_s, _LONGEST_SLEEP_S))
            if self._is_stopped():
                return False
        return True

    def left_s(self, known_ms: int) -> float:
        """Return how many seconds are left until a known time is due; 0 if it is due now."""
        if self._speed == 0:
            return 0.0
        if self._known_ms is None:
            self._known_ms = known_ms
            self._began_s = self._clock.monotonic_s()
        due_s = self._began_s + (known_ms - self._known_ms) / 1000 / self._speed
        left_s = due_s - self._clock.monotonic_s()
        return left_s if left_s > _SHORTEST_SLEEP_S else 0.0

    def skip_gap(self) -> None:
        """Note that an outage begins: the next record is due at once, and not after the length of the outage."""
        if self._speed:
            self._known_ms = None

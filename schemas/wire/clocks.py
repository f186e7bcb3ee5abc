"""The clocks: the clock of the machine, and a clock that tests advance."""

import time


class SystemClock:
    """The clock of the machine."""

    def now_ms(self) -> int:
        """Return the time in UTC milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Return after about this many seconds."""
        if seconds > 0:
            time.sleep(seconds)


class ManualClock:
    """A clock that stands still until it is advanced; sleeping advances it."""

    def __init__(self, *, now_ms: int = 0) -> None:
        self._now_us = now_ms * 1000

    def now_ms(self) -> int:
        """Return the time in UTC milliseconds."""
        return self._now_us // 1000

    def monotonic_s(self) -> float:
        """Return the same clock in seconds."""
        return self._now_us / 1e6

    def sleep(self, seconds: float) -> None:
        """Advance the clock by this many seconds."""
        self._now_us += max(0, round(seconds * 1e6))

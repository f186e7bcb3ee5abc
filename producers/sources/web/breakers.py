"""Circuit breakers: a host that failed five times in a row is left alone for a minute, then tried once.

The outcomes are reported after the requests, because the library holds its lock while a guarded call runs, and
one slow answer would hold up every other request to the host.
"""

import contextlib
import threading
from datetime import UTC, datetime

from pybreaker import CircuitBreaker, CircuitBreakerError, CircuitMemoryStorage

from producers.sources.fetching import SourceBusyError
from schemas.time import Clock

FAILURES = 5


class Breakers:
    """The breakers of all hosts.

    Args:
        clock: By which an open breaker waits.
        left_alone_s: How long a host is left alone.
    """

    def __init__(self, clock: Clock, *, left_alone_s: float) -> None:
        self._clock = clock
        self._left_alone_s = left_alone_s
        self._lock = threading.Lock()
        self._reasons: dict[str, str] = {}
        self._breakers: dict[str, tuple[CircuitBreaker, CircuitMemoryStorage]] = {}

    def check(self, host: str) -> None:
        """Return if a host may be asked.

        Raises:
            SourceBusyError: If it failed too often, and it is too early to try again.
        """
        state = self._of(host)[1]
        opened_at = state.opened_at
        if state.state != "open" or opened_at is None:
            return
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, tz=UTC)
        left_s = self._left_alone_s - (now - opened_at).total_seconds()
        if left_s > 0:
            last = self._reasons.get(host, "")
            message = (
                f"{host} failed {FAILURES} times in a row and is left alone for a while; at last, {last}"
            )
            raise SourceBusyError(message, retry_after_s=left_s, is_asked=False)

    def report(self, host: str, error: Exception | None) -> None:
        """Take an outcome into account: the error of a failed request, or None of one that was answered."""
        if error is not None:
            self._reasons[host] = str(error)

        def outcome() -> None:
            if error is not None:
                raise _FailedError from error

        with contextlib.suppress(_FailedError, CircuitBreakerError):
            self._of(host)[0].call(outcome)

    def _of(self, host: str) -> tuple[CircuitBreaker, CircuitMemoryStorage]:
        with self._lock:
            if host not in self._breakers:
                state = CircuitMemoryStorage("closed")
                breaker = CircuitBreaker(FAILURES, self._left_alone_s, state_storage=state)
                self._breakers[host] = breaker, state
            return self._breakers[host]


class _FailedError(Exception):
    """Tells the breaker that a request failed."""

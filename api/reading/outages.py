"""Leaves a store that has just failed alone for a moment, so that requests do not each wait for its time-out."""

from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import StoreUnavailableError
from schemas.time import Clock

_PAUSE_S = 2.0


class Outage:
    """Makes calls to a store fail at once for a moment after the store has failed.

    Args:
        clock: The clock that measures the pause.
        pause_s: For how long the store is not asked after a failure.
    """

    def __init__(self, clock: Clock, *, pause_s: float = _PAUSE_S) -> None:
        self._clock = clock
        self._pause_s = pause_s
        self._until_s = float("-inf")
        self._reason = ""

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Run the block, or fail at once during the pause after a failure.

        Raises:
            StoreUnavailableError: If the block raises it, or raised it a moment ago.
        """
        if self._clock.monotonic_s() < self._until_s:
            raise StoreUnavailableError(self._reason)
        try:
            yield
        except StoreUnavailableError as error:
            self._reason = str(error)
            self._until_s = self._clock.monotonic_s() + self._pause_s
            raise

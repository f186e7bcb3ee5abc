"""One time budget that the steps of a commit share, so that no step can wait without end."""

from schemas.errors import BrokerUnavailableError
from schemas.time import Clock


class Deadline:
    """The moment by which a sequence of calls must be finished.

    Args:
        clock: Tells the time.
        seconds: The budget, counted from now.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._budget_s = seconds
        self._at_s = clock.monotonic_s() + seconds

    def left_s(self) -> float:
        """Return the seconds that are left.

        Raises:
            BrokerUnavailableError: If no time is left.
        """
        left_s = self._at_s - self._clock.monotonic_s()
        if left_s <= 0:
            message = f"Kafka: a commit must be finished within {self._budget_s:g} s and was not"
            raise BrokerUnavailableError(message)
        return left_s

"""One budget of time, shared by the steps of a commit, so that no step can wait for ever or twice."""

from schemas.errors import BrokerUnavailableError
from schemas.time import Clock


class Deadline:
    """A moment by which a sequence of calls must be through.

    Args:
        seconds: From now on.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._budget_s = seconds
        self._at_s = clock.monotonic_s() + seconds

    def left_s(self) -> float:
        """What is left, in seconds.

        Raises:
            BrokerUnavailableError: If nothing is.
        """
        left_s = self._at_s - self._clock.monotonic_s()
        if left_s <= 0:
            message = f"Kafka: a commit must be through within {self._budget_s:g} s, and was not"
            raise BrokerUnavailableError(message)
        return left_s

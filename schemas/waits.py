"""When a wait is named to the people who wait: after 15 seconds, and then after twice as long each time.

It stands apart because both the launcher and the jobs wait. It is told the time and asks no clock.
"""

NAMED_AFTER_S = 15.0


class WaitReminder:
    """Decides when a wait that goes on is to be named again.

    Args:
        began_s: When the wait began, in monotonic seconds.
    """

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        self._named_after_s = NAMED_AFTER_S

    def is_due(self, now_s: float) -> bool:
        """Whether the wait is to be named now; the next time is after twice as long a wait.

        Example:
            >>> reminder = WaitReminder(0.0)
            >>> [now_s for now_s in range(100) if reminder.is_due(now_s)]
            [15, 30, 60]
        """
        waited_s = self.waited_s(now_s)
        if waited_s < self._named_after_s:
            return False
        while self._named_after_s <= waited_s:
            self._named_after_s *= 2
        return True

    def waited_s(self, now_s: float) -> float:
        """For how many seconds the wait has gone on."""
        return now_s - self._began_s

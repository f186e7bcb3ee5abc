"""Knowing from one's own looks when one did not run: time in which nobody ran is no stall.

A machine that slept, a container that was frozen, a process that was stopped: afterwards the clock has
jumped, and whatever a watcher saw before says nothing about how long something has stood still, since
what it watches was asleep, too. Linux' monotonic clock leaves out the sleep of the machine itself
(CLOCK_MONOTONIC; CLOCK_BOOTTIME would count it), but not SIGSTOP, a frozen control group or a
virtual machine that was paused.
"""


class Wakefulness:
    """Tells since when its owner has looked without a long gap; pure.

    Args:
        longest_gap_s: A longer time between two looks is one in which the owner did not run. It should be
            some looks long, since a busy machine delays them.
    """

    def __init__(self, *, longest_gap_s: float) -> None:
        self._longest_gap_s = longest_gap_s
        self._last_s: float | None = None
        self._since_s = 0.0

    def since_s(self, now_s: float) -> float:
        """Take note of a look; it equals ``now_s`` when what was seen before must be forgotten."""
        if self._last_s is None or now_s - self._last_s > self._longest_gap_s:
            self._since_s = now_s
        self._last_s = now_s
        return self._since_s

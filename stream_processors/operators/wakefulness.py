"""Recognises that a watcher itself did not run, because time in which nobody ran is no stall.

A machine may sleep, a container may be frozen, a process may be stopped. Afterwards the clock has jumped. What the
watcher saw before then does not tell how long something has stood still, because the watched process did not run
either. The monotonic clock of Linux leaves out the sleep of the machine (CLOCK_MONOTONIC; CLOCK_BOOTTIME would count
it), but it counts SIGSTOP, a frozen control group and a paused virtual machine.
"""


class Wakefulness:
    """Tells since when its owner has looked without a long gap. Pure.

    Args:
        longest_gap_s: If more time lies between two looks, the owner did not run. It should be several times the
            usual time between looks, because a busy machine delays them.
    """

    def __init__(self, *, longest_gap_s: float) -> None:
        self._longest_gap_s = longest_gap_s
        self._last_s: float | None = None
        self._since_s = 0.0

    def since_s(self, now_s: float) -> float:
        """Record a look, and return since when there was no long gap. If that is ``now_s``, forget what was seen before."""
        if self._last_s is None or now_s - self._last_s > self._longest_gap_s:
            self._since_s = now_s
        self._last_s = now_s
        return self._since_s

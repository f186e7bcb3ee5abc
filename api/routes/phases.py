"""How a run stands: warming up, running, stalled, finished; so that old data never look live.

A stall is judged by how the run's own clock has moved before: three times its last step, or three
minutes of stream time before there was one, and never under a quarter of a minute. Pure: readings of the clock are arguments.
"""

from typing import NamedTuple

from api.payloads.streams import Phase
from schemas.streams import StreamDescription

_MIN_PATIENCE_S = 15.0
_N_STEPS = 3
_STEP_S = 60.0


class Sight(NamedTuple):
    """What this process has seen of a run's clock.

    Attributes:
        unchanged_s: How long it has not moved.
        step_s: How long its last step took; None before two steps were seen.
    """

    clock_ms: int | None
    unchanged_s: float
    step_s: float | None


class ClockWatcher:
    """Remembers when a run's clock moved; it sees what it is shown."""

    def __init__(self) -> None:
        self._clock_ms: int | None = None
        self._moved_s: float | None = None
        self._n_moves = 0
        self._step_s: float | None = None

    def saw(self, clock_ms: int | None, *, at_s: float) -> Sight:
        """Take a reading in.

        Args:
            clock_ms: The stream's time, None before there is one.
            at_s: When it was read, monotonic seconds.
        """
        if self._moved_s is None:
            self._clock_ms, self._moved_s = clock_ms, at_s
        elif clock_ms != self._clock_ms:
            # The first move seen began before this process looked: it says nothing of a step.
            self._step_s = at_s - self._moved_s if self._n_moves > 0 else None
            self._n_moves += 1
            self._clock_ms, self._moved_s = clock_ms, at_s
        return Sight(clock_ms, at_s - self._moved_s, self._step_s)


def phase_of(description: StreamDescription, sight: Sight) -> Phase:
    """How the run stands."""
    if sight.clock_ms is None:
        return Phase.STARTING
    if description.end_ms is not None and sight.clock_ms >= description.end_ms:
        return Phase.FINISHED
    if sight.unchanged_s > _patience_s(description.speed, sight.step_s):
        return Phase.STALLED
    if sight.clock_ms < description.warm_up_until_ms:
        return Phase.WARMING_UP
    return Phase.RUNNING


def _patience_s(speed: float, step_s: float | None) -> float:
    if step_s is None:
        step_s = _STEP_S / speed if speed > 0 else 0.0
    return max(_MIN_PATIENCE_S, _N_STEPS * step_s)

"""Decides the phase of a run: warming up, running, stalled or finished. The phase keeps old data from looking live.

A run is stalled when its clock has not moved for three times the duration of its last step. Before the first step,
three minutes of stream time count. The limit is never less than 15 seconds. Pure: readings of the clock are arguments.
"""

from typing import NamedTuple

from api.payloads.streams import Phase
from schemas.streams import StreamDescription

_MIN_PATIENCE_S = 15.0
_N_STEPS = 3
_STEP_S = 60.0


class ObservedClock(NamedTuple):
    """The clock of a run as this process has observed it.

    Attributes:
        clock_ms: The time that the clock shows; None before the first watermark of the run.
        unchanged_s: For how long the clock has shown the same time.
        step_s: The wall time of its last step; None until two steps were observed.
    """

    clock_ms: int | None
    unchanged_s: float
    step_s: float | None


class ClockWatcher:
    """Records when the clock of a run moved, from the readings that it is given."""

    def __init__(self) -> None:
        self._clock_ms: int | None = None
        self._moved_s: float | None = None
        self._n_moves = 0
        self._step_s: float | None = None

    def saw(self, clock_ms: int | None, *, at_s: float) -> ObservedClock:
        """Record a reading of the clock.

        Args:
            clock_ms: The time of the stream; None before its first watermark.
            at_s: When the clock was read, in monotonic seconds.
        """
        if self._moved_s is None:
            self._clock_ms, self._moved_s = clock_ms, at_s
        elif clock_ms != self._clock_ms:
            # The first step began before this process looked at the clock, so its duration is not known.
            self._step_s = at_s - self._moved_s if self._n_moves > 0 else None
            self._n_moves += 1
            self._clock_ms, self._moved_s = clock_ms, at_s
        return ObservedClock(clock_ms, at_s - self._moved_s, self._step_s)


def phase_of(description: StreamDescription, sight: ObservedClock, *, speed: float) -> Phase:
    """Return the phase of the run.

    Args:
        description: The run, as it was described when it was begun.
        sight: Its clock.
        speed: The multiple of real time at which it is played now; 0 is as fast as possible.
    """
    if sight.clock_ms is None:
        return Phase.STARTING
    if description.end_ms is not None and sight.clock_ms >= description.end_ms:
        return Phase.FINISHED
    if sight.unchanged_s > _patience_s(speed, sight.step_s):
        return Phase.STALLED
    if sight.clock_ms < description.warm_up_until_ms:
        return Phase.WARMING_UP
    return Phase.RUNNING


def _patience_s(speed: float, step_s: float | None) -> float:
    if step_s is None:
        step_s = _STEP_S / speed if speed > 0 else 0.0
    return max(_MIN_PATIENCE_S, _N_STEPS * step_s)

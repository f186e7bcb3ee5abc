"""The thread of one source: it follows the source, and heals gaps while the source is sound."""

from threading import Event as Flag
from threading import Thread

from producers.jobs.following.following import SourceFollower
from producers.jobs.following.handing import Handover, ShutError
from producers.jobs.following.healing import Healing
from schemas.time import Clock

#: So long the end of a thread is waited for.
_LONGEST_END_S = 10.0


class FollowerSteps:
    """What the thread does, one step after another.

    Args:
        follower: Follows the source.
        healing: Heals its gaps.
        handover: Where healed candles go.
        clock: The clock.
    """

    def __init__(self, follower: SourceFollower, healing: Healing, handover: Handover, clock: Clock) -> None:
        self._follower = follower
        self._healing = healing
        self._handover = handover
        self._clock = clock

    def step(self) -> float:
        """Do the next piece of work, and return how many seconds to rest."""
        rest_s = self._follower.step()
        if self._follower.is_sound:
            self._heal()
        return rest_s

    def _heal(self) -> None:
        healed = self._healing.next(self._clock.now_ms() + self._follower.skew_ms)
        try:
            if healed is not None:
                self._handover.put(healed)
        except ShutError:
            self._healing.was_not_taken()

    def close(self) -> None:
        """Close the connections of the source."""
        self._follower.close()


class FollowerThread:
    """The thread of one source. An error that it did not expect ends the process, as one in the loop would.

    Args:
        steps: What it does.
        source: The source, for its name.
    """

    def __init__(self, steps: FollowerSteps, source: str) -> None:
        self._steps = steps
        self._is_stopped = Flag()
        self._error: Exception | None = None
        self._thread = Thread(target=self._run, name=f"follow-{source}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._is_stopped.is_set():
                rest_s = self._steps.step()
                if rest_s > 0:
                    self._is_stopped.wait(rest_s)
        except Exception as error:  # noqa: BLE001 - it is raised again in the loop that publishes
            self._error = error
        finally:
            self._steps.close()

    def check(self) -> None:
        """Raise the error that ended the thread, if one did."""
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Let the thread end, and its connections with it; a thread that waits for an answer ends later."""
        self._is_stopped.set()
        self._thread.join(timeout=_LONGEST_END_S)

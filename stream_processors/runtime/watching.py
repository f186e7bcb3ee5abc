"""The watchdog: a worker that no longer moves is ended, and says so, so that it is started again.

Users of consumers know the silent kind of death: the process lives, the group lists its member,
and nothing moves. Two things are watched. The worker's loop must come round; a step or a commit
that hangs keeps it from that. And a partition in which records were published since it was last
seen to move, by a message or by its end being reached, must move within the same time; a consumer
that has stopped fetching keeps it from that.

Only what a read_committed consumer can get to counts: behind another's open transaction there is
nothing to move for. A broker that is away is no stall: nothing can be asked of it then, and the worker has its own
budget for that. Nor is time in which the watchdog itself did not run. The embedded broker states its ends too low and too high at times, so there only
the loop is watched.
"""

import faulthandler
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import structlog

from schemas.errors import TransientError
from schemas.events import AlertRaised, Severity
from schemas.time import Clock
from schemas.wire.administration import Administration
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Positions
from schemas.wire.settings import KafkaEndpoint
from stream_processors.operators.wakefulness import Wakefulness
from stream_processors.runtime.alert_outbox import AlertOutbox
from stream_processors.runtime.alerts import STALLED_PARTITION, Place, alert_of
from stream_processors.runtime.timers import InterpreterTimer, trace_of_earlier_process

log = structlog.get_logger()
#: The exit code of a worker that its watchdog ended: the temporary failure of sysexits.
EXIT_STALLED = 75
_LOOKS_PER_STALL = 9
#: What an earlier process left unsaid, and could not be said at the start, waits for so long at each look.
_LATER_S = 1.0
#: A held interpreter is ended after so many times the wall-clock limit in CPU time: other threads use some too.
_STALLS_OF_CPU = 2

Where = tuple[str, int]


class LivenessSignals:
    """What a worker tells its watchdog: that its loop came round, and which partitions moved."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moves: dict[Where, int] = {}
        self._beat_s = clock.monotonic_s()
        self._is_recovering = False

    def beat(self) -> None:
        """The loop came round."""
        self._beat_s = self._clock.monotonic_s()

    @property
    def beat_s(self) -> float:
        """When the loop last came round, or now while state is being restored."""
        return self._clock.monotonic_s() if self._is_recovering else self._beat_s

    @contextmanager
    def recovering(self) -> Iterator[None]:
        """Restoring state takes as long as it takes, for the loop and for every partition that is watched."""
        self._is_recovering = True
        try:
            yield
        finally:
            self.excuse()
            self.beat()
            self._is_recovering = False

    def moved(self, place: Where) -> None:
        """A partition moved: messages came, or its end was reached."""
        self._moves[place] = self._moves.get(place, 0) + 1

    def watch(self, places: Iterable[Where]) -> None:
        """Expect partitions to move."""
        for place in places:
            self.moved(place)

    def excuse(self) -> None:
        """Expect no partition to have moved by now: the worker is at what it has already, and takes nothing more."""
        self.watch(list(self._moves))

    def forget(self, numbers: Iterable[int]) -> None:
        """Expect nothing of partition numbers any more."""
        gone = set(numbers)
        self._moves = {place: n for place, n in self._moves.items() if place[1] not in gone}

    def moves(self) -> dict[Where, int]:
        """How often each partition has moved; while state is being restored, none stands still."""
        if self._is_recovering:
            self.excuse()
        return dict(self._moves)


class _Seen(NamedTuple):
    """How a partition stood when it was last seen to have moved."""

    n_moves: int
    end: int
    at_s: float


class StallJudge:
    """Tells from looks at a worker whether something has stalled; pure.

    After a gap between two looks of more than half that time it begins anew: it did not run then, and
    nor, for all it knows, did the worker.

    Args:
        stalled_after_s: For how long nothing may move.
    """

    def __init__(self, *, stalled_after_s: float) -> None:
        self._after_s = stalled_after_s
        self._awake = Wakefulness(longest_gap_s=stalled_after_s / 2)
        self._seen: dict[Where, _Seen] = {}

    def stalled(
        self, *, now_s: float, beat_s: float, moves: Mapping[Where, int], ends: Positions
    ) -> Where | str | None:
        """A partition that has stalled, the word ``loop``, or None.

        Args:
            now_s: When this look is.
            beat_s: When the loop last came round.
            moves: How often each partition has moved.
            ends: The log's end by partition; those not known are not judged.
        """
        awake_since_s = self._awake.since_s(now_s)
        if awake_since_s == now_s:
            self._seen.clear()
        silent_s = now_s - max(beat_s, awake_since_s)
        if silent_s > self._after_s:
            return "loop"
        # A step that hangs keeps its partitions from moving too, and their time may be up a moment
        # before the loop's: what has stalled then is the loop. A loop that goes on is seen to, since
        # in every round some look comes within this time.
        comes_round = silent_s <= self._after_s / 2
        for place, end in ends.items():
            seen = self._seen.get(place)
            n_moves = moves.get(place, 0)
            if seen is None or n_moves != seen.n_moves:
                self._seen[place] = _Seen(n_moves, end, now_s)
            elif end <= seen.end:  # nothing to move for
                self._seen[place] = seen._replace(at_s=now_s)
            elif comes_round and now_s - seen.at_s > self._after_s:
                return place
        return None


class Watchdog:
    """Looks at a worker from a thread of its own.

    Args:
        group: The worker's consumer group, for the alert.
        worker_id: Its name within the group: whoever is started under it again says what was left unsaid.
        data_dir: Where last words are kept (:mod:`stream_processors.runtime.alert_outbox`); None keeps none.
        end_process: Called with an exit code when something has stalled; does not come back.
    """

    def __init__(
        self,
        endpoint: KafkaEndpoint,
        *,
        group: str,
        worker_id: str,
        vitals: LivenessSignals,
        stalled_after_s: float,
        data_dir: Path | None = None,
        end_process: Callable[[int], object] = os._exit,
    ) -> None:
        self._endpoint = endpoint
        self._group = group
        self._vitals = vitals
        self._after_s = stalled_after_s
        self._end_process = end_process
        self._clock = SystemClock()
        self._judge = StallJudge(stalled_after_s=stalled_after_s)
        self._last_words = AlertOutbox(endpoint, data_dir=data_dir, name=f"{group}-{worker_id}")
        self._trace = self._last_words.path(".trace")
        self._timer = InterpreterTimer(cpu_s=_STALLS_OF_CPU * stalled_after_s, trace=self._trace)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Say what an earlier process of this name could not, and begin to look."""
        trace = trace_of_earlier_process(self._trace)
        if trace:
            log.error("the last process was held here", group=self._group, trace=trace)
            what = f"a step of {self._group} held the interpreter for {self._timer.cpu_s:g} s of CPU time"
            self._last_words.keep(self._alert(self._group, f"{what}; the worker was ended and started again"))
        self._last_words.publish_kept()
        self._timer.start()
        self._vitals.beat()
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stop.set()
        self._timer.stop()

    def _watch(self) -> None:
        administration = None if self._endpoint.is_embedded else Administration(self._endpoint)
        self._last_words.connect()
        while not self._stop.wait(self._after_s / _LOOKS_PER_STALL):
            self._timer.renew()
            moves = self._vitals.moves()
            stalled = self._judge.stalled(
                now_s=self._clock.monotonic_s(),
                beat_s=self._vitals.beat_s,
                moves=moves,
                ends=self._ends(administration, moves),
            )
            if stalled is not None and not self._stop.is_set():
                self._report(stalled)
                self._timer.stop()
                self._end_process(EXIT_STALLED)
                return
            self._last_words.publish_kept(timeout_s=_LATER_S)

    def _ends(self, administration: Administration | None, moves: Mapping[Where, int]) -> Positions:
        if administration is None or not moves:
            return {}
        try:
            return administration.ends(moves, are_stable=True)
        except TransientError:
            return {}

    def _report(self, stalled: Where | str) -> None:
        if isinstance(stalled, str):
            subject = self._group
            what = f"the worker of {self._group} has not come round for {self._after_s:g} s"
        else:
            subject = Place(self._group, *stalled).subject()
            what = f"{subject} has not moved for {self._after_s:g} s, with records to read"
        log.error("stalled", group=self._group, stalled=subject)
        faulthandler.dump_traceback(sys.__stderr__ or 2, all_threads=True)
        how = "the worker ended itself and is started again: its log says what each thread was at"
        self._last_words.say(self._alert(subject, f"{what}; {how}"))

    def _alert(self, subject: str, summary: str) -> AlertRaised:
        return alert_of(
            name=STALLED_PARTITION,
            subject=subject,
            severity=Severity.PAGE,
            summary=summary,
            now_ms=self._clock.now_ms(),
        )

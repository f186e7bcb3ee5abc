"""Reads every source by a schedule, each in a thread, and takes the rounds in one.

APScheduler starts a job for each source: at once, then every interval with jitter. A run that was missed is made up for
once, however many were missed, and a source is never read by two threads at once.
"""

import queue
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from producers.jobs.collecting.collectors import Collector
from producers.jobs.collecting.outcomes import Outcome, read_round
from producers.jobs.collecting.rounds import CollectedSource
from schemas.time import Clock

#: Of the interval: sources that were started together are soon read at different times.
_JITTER = 0.1
_N_WAITING = 8
_LOOK_S = 0.5


def collect_by_schedule(
    sources: Sequence[CollectedSource],
    collector: Collector,
    clock: Clock,
    *,
    is_stopped: Callable[[], bool],
    check: Callable[[], None],
) -> None:
    """Collect until asked to stop.

    Args:
        sources: What is read.
        collector: Publishes it.
        clock: By which rounds are dated.
        is_stopped: Whether the process is to end.
        check: Called again and again; it raises if this process does not lead any more.

    Raises:
        PlatformError: If a round cannot be published, or ``check`` raised.
    """
    rounds = _Rounds(clock, is_stopped)
    scheduler = BackgroundScheduler(
        timezone=UTC,
        executors={"default": ThreadPoolExecutor(max(len(sources), 1))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    now = datetime.fromtimestamp(clock.now_ms() / 1000, tz=UTC)
    for source in sources:
        trigger = IntervalTrigger(
            seconds=max(round(source.interval_s), 1),
            jitter=max(round(source.interval_s * _JITTER), 1),
            timezone=UTC,
        )
        scheduler.add_job(rounds.read, trigger, args=(source,), id=source.name, next_run_time=now)
    scheduler.start()
    try:
        while not is_stopped():
            check()
            collector.vouch(clock.now_ms())
            outcome = rounds.next(_LOOK_S)
            if outcome is not None:
                collector.take(outcome)
    finally:
        rounds.end()
        scheduler.shutdown(wait=False)


class _Rounds:
    """Hands rounds from the threads of the sources to the thread that publishes."""

    def __init__(self, clock: Clock, is_stopped: Callable[[], bool]) -> None:
        self._clock = clock
        self._is_stopped = is_stopped
        self._has_ended = False
        self._waiting: queue.Queue[Outcome] = queue.Queue(_N_WAITING)

    def read(self, source: CollectedSource) -> None:
        """Read a source, again and again while it has more, and return when the last round was published."""
        wants_another = True
        while wants_another and not self._must_end():
            outcome = read_round(source, self._clock)
            if not self._hand_over(outcome):
                return
            wants_another = outcome.wants_another

    def next(self, timeout_s: float) -> Outcome | None:
        """Return the next round, or None if none came within the time."""
        try:
            return self._waiting.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def end(self) -> None:
        """Let the threads end."""
        self._has_ended = True

    def _must_end(self) -> bool:
        return self._has_ended or self._is_stopped()

    def _hand_over(self, outcome: Outcome) -> bool:
        """Wait until a round was published; False if the process ends first."""
        while not self._must_end():
            try:
                self._waiting.put(outcome, timeout=_LOOK_S)
                break
            except queue.Full:
                continue
        while not self._must_end():
            if outcome.is_taken.wait(_LOOK_S):
                return True
        return False

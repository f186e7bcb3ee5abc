"""The watchdog: it ends a worker that no longer moves, and publishes an alert, so that it is started again.

A consumer can die silently: the process lives, the group lists its member, and nothing moves. Two things
are watched. The worker's loop must come round; a step or a commit that hangs keeps it from that. And a
partition in which records were published since it was last seen to move, by a message or by its end being
reached, must move within the same time; a consumer that has stopped fetching keeps it from that.

Some time is no stall:

- Records that a read_committed consumer cannot reach do not count, such as those after another worker's
  open transaction.
- While the broker does not answer, partitions are not judged, because their ends are not known. The loop
  still is.
- Time in which the watchdog itself did not run does not count. A broker that answers slowly must not look
  like such time, so the ends are asked for in another thread, and a look takes at most a third of the time
  that makes a stall.

The embedded broker states ends that are too low or too high at times, so there only the loop is watched.
"""

import faulthandler
import os
import sys
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import structlog

from schemas.errors import TransientError
from schemas.events import AlertRaised, Severity
from schemas.wire.administration import Administration
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Positions
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.alert_outbox import AlertOutbox
from stream_processors.runtime.alerts import STALLED_PARTITION, GroupPartition, alert_of
from stream_processors.runtime.liveness import LivenessSignals, Where
from stream_processors.runtime.stalls import StallJudge
from stream_processors.runtime.timers import InterpreterTimer, trace_of_earlier_process

log = structlog.get_logger()
#: The exit code of a worker that its watchdog ended: the temporary failure of sysexits.
EXIT_STALLED = 75
_LOOKS_PER_STALL = 9
#: A look waits for the ends of the log for as long as so many intervals between looks.
_INTERVALS_FOR_ENDS = 2
#: How long each look tries to publish the alert of an earlier process that could not be published at start.
_KEPT_ALERT_S = 1.0
#: A held interpreter is ended after this many times the wall-clock limit in CPU time, because other threads use some.
_STALLS_OF_CPU = 2


class EndsQuestion:
    """Asks for the ends of partitions in a thread of its own, so that a slow broker delays no look.

    An answer counts only for the look that asked. By the next look the worker may have moved to that end
    already, and would then seem to have records left to read.

    Args:
        ask: Returns the ends of partitions. It may take long, or raise a TransientError.
    """

    def __init__(self, ask: Callable[[Collection[Where]], Positions]) -> None:
        self._ask = ask
        self._answer: Future[Positions] | None = None

    def answer(self, places: Collection[Where], *, timeout_s: float) -> Positions:
        """Return the ends if they come in time, and nothing otherwise."""
        if not places or (self._answer is not None and not self._answer.done()):
            return {}
        self._answer = Future()
        asking = partial(self._run, self._answer, list(places))
        threading.Thread(target=asking, name="watchdog-ends", daemon=True).start()
        try:
            return self._answer.result(timeout_s)
        except (TransientError, TimeoutError):
            return {}

    def _run(self, answer: Future[Positions], places: Collection[Where]) -> None:
        try:
            answer.set_result(self._ask(places))
        except BaseException as error:  # noqa: BLE001  (raised in the watchdog's thread)
            answer.set_exception(error)


class Watchdog:
    """Looks at a worker from a thread of its own.

    Args:
        endpoint: The broker.
        group: The worker's consumer group, for the alert.
        worker_id: The worker's name within the group. A worker that is started again under this name
            publishes the alert that the one before could not publish.
        liveness: What the worker tells of itself.
        stalled_after_s: How long the loop or a partition may stand still.
        data_dir: Where an alert is kept until the broker has it
            (:mod:`stream_processors.runtime.alert_outbox`); None keeps none.
        end_process: Called with an exit code when something has stalled; does not return.
    """

    def __init__(
        self,
        endpoint: KafkaEndpoint,
        *,
        group: str,
        worker_id: str,
        liveness: LivenessSignals,
        stalled_after_s: float,
        data_dir: Path | None = None,
        end_process: Callable[[int], object] = os._exit,
    ) -> None:
        self._endpoint = endpoint
        self._group = group
        self._liveness = liveness
        self._after_s = stalled_after_s
        self._interval_s = stalled_after_s / _LOOKS_PER_STALL
        self._end_process = end_process
        self._clock = SystemClock()
        self._judge = StallJudge(stalled_after_s=stalled_after_s)
        self._outbox = AlertOutbox(endpoint, data_dir=data_dir, name=f"{group}-{worker_id}")
        self._trace = self._outbox.path(".trace")
        self._timer = InterpreterTimer(cpu_s=_STALLS_OF_CPU * stalled_after_s, trace=self._trace)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Publish what an earlier process of this name could not publish, and begin to look."""
        trace = trace_of_earlier_process(self._trace)
        if trace:
            log.error("a step of the last process held the interpreter", group=self._group, trace=trace)
            what = f"a step of {self._group} held the interpreter for {self._timer.cpu_s:g} s of CPU time"
            self._outbox.keep(self._alert(self._group, f"{what}; the worker was ended and started again"))
        self._outbox.publish_kept()
        self._timer.start()
        self._liveness.beat()
        self._thread.start()

    def stop(self) -> None:
        """Stop looking."""
        self._stop.set()
        self._timer.stop()

    def _watch(self) -> None:
        question = None if self._endpoint.is_embedded else EndsQuestion(_stable_ends(self._endpoint))
        self._outbox.connect()
        while not self._stop.wait(self._interval_s):
            self._timer.renew()
            stalled = self._look(question)
            if stalled is not None and not self._stop.is_set():
                self._report(stalled)
                self._timer.stop()
                self._end_process(EXIT_STALLED)
                return
            self._outbox.publish_kept(timeout_s=min(_KEPT_ALERT_S, self._interval_s))

    def _look(self, question: EndsQuestion | None) -> Where | str | None:
        now_s, beat_s, moves = self._clock.monotonic_s(), self._liveness.beat_s, self._liveness.moves()
        timeout_s = _INTERVALS_FOR_ENDS * self._interval_s
        ends = {} if question is None else question.answer(moves, timeout_s=timeout_s)
        return self._judge.stalled(now_s=now_s, beat_s=beat_s, moves=moves, ends=ends)

    def _report(self, stalled: Where | str) -> None:
        if isinstance(stalled, str):
            subject = self._group
            what = f"the loop of a worker of {self._group} has not come round for {self._after_s:g} s"
        else:
            subject = GroupPartition(self._group, *stalled).subject()
            what = f"{subject} has not moved for {self._after_s:g} s, with records left to read"
        log.error("stalled", group=self._group, stalled=subject)
        faulthandler.dump_traceback(sys.__stderr__ or 2, all_threads=True)
        how = "the worker ended itself and is started again; its log says where each thread was"
        self._outbox.publish(self._alert(subject, f"{what}; {how}"))

    def _alert(self, subject: str, summary: str) -> AlertRaised:
        return alert_of(
            name=STALLED_PARTITION,
            subject=subject,
            severity=Severity.PAGE,
            summary=summary,
            now_ms=self._clock.now_ms(),
        )


def _stable_ends(endpoint: KafkaEndpoint) -> Callable[[Collection[Where]], Positions]:
    """What asks for the ends that a read_committed consumer can reach."""
    return partial(Administration(endpoint).ends, are_stable=True)

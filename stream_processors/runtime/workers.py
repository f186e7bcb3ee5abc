"""The worker: it drives a job's operators over the log, effectively once.

::

    1 poll        all messages of the inputs and broadcasts that have arrived, up to a limit
    2 step        them by batches; messages that break the contract become dead letters
    3 commit      in another thread, while the next batch is polled and stepped: see ``committing``

So batches grow with the backlog, and shrink to single messages when there is none. Outputs are committed at
once, offsets without outputs a few times a second. An operator may hold an input until another was read.
Messages that it does not take yet stay with the worker, and the consumer is paused, so that the rest stays
in the log.

Start-up is recovery, and so is every change of the worker's share (``recovery``). A share that is given up
is committed first. A worker crashes when another has replaced it, or when the log is not the one that it
committed to; when it is started again, it finds everything in the log. The watchdog ends a worker that no
longer moves (``watching``).
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path

import structlog

from schemas.errors import ProducerFencedError
from schemas.time import Clock
from schemas.wire.clocks import SystemClock
from schemas.wire.freeing import Freeing
from schemas.wire.kafka import Member, Positions, Publisher, Reader
from schemas.wire.members import MemberHooks
from schemas.wire.redis import Views
from schemas.wire.runs import Run, Taken
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.collecting import seldom_collecting
from stream_processors.runtime.commit_thread import Committer
from stream_processors.runtime.committing import CommitProtocol
from stream_processors.runtime.companion_reading import MAX_TAKEN, CompanionReader
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.liveness import LivenessSignals
from stream_processors.runtime.pending import PendingCommit
from stream_processors.runtime.recovery import check_log, recovered_tasks
from stream_processors.runtime.tasks import Task, step_broadcast
from stream_processors.runtime.waits import JoinWatch
from stream_processors.runtime.watching import Watchdog
from stream_processors.runtime.worker_settings import WorkerSettings, default_settings

log = structlog.get_logger()
#: How long a poll waits while an outcome waits for the commit before it.
_BUSY_POLL_S = 0.002
#: The longest wait of a poll in a joining job, because a companion's rows may come in that time.
_JOINING_POLL_S = 0.02
_LOOK_EVERY_S = 1.0


class Worker:
    """Drives one job.

    Args:
        job: The job to run.
        endpoint: The broker. On the embedded broker, partitions are taken without a group.
        views: Where the newest events are shown; None for a job without views.
        stop: Asked between batches.
        settings: Sizes and times; None takes those of :func:`default_settings`.
        clock: Tells when commits and checkpoints are due; None takes the system's clock.
        data_dir: Where the watchdog keeps an alert that the broker did not acknowledge; None keeps none.
    """

    def __init__(
        self,
        job: Job,
        *,
        endpoint: KafkaEndpoint,
        views: Views | None,
        stop: Callable[[], bool],
        settings: WorkerSettings | None = None,
        clock: Clock | None = None,
        data_dir: Path | None = None,
    ) -> None:
        self._job = job
        self._endpoint = endpoint
        self._stop = stop
        self._settings = settings or default_settings(endpoint)
        self._clock: Clock = clock or SystemClock()
        self._tasks: dict[int, Task] = {}
        self._pending = PendingCommit()
        self._left: dict[tuple[str, int], deque[Run]] = {}
        self._committed_at_s = self._shown_at_s = 0.0
        self._freeing = Freeing(self._clock)
        self._reads_broadcasts = False
        name, worker_id = f"driftline-{job.name}", self._settings.worker_id
        transactional_id = f"{name}-{worker_id}"
        self._publisher = Publisher(endpoint, role=job.name, transactional_id=transactional_id)
        hooks = MemberHooks(self._take_over, self._give_up, self._lose)
        self._member = Member(
            endpoint,
            group=name,
            name=worker_id,
            topics=job.inputs,
            hooks=hooks,
            owner=transactional_id,
            session_s=self._settings.session_s,
        )
        self._committer = Committer(
            CommitProtocol(
                job,
                publisher=self._publisher,
                views=views,
                clock=self._clock,
                budget_s=self._settings.transaction_s,
                is_embedded=endpoint.is_embedded,
            ),
            group_metadata=self._member.group_metadata,
        )
        self._broadcasts = Reader(endpoint, group=f"{name}-broadcasts", topics=job.broadcasts, is_fixed=True)
        self._companions = CompanionReader(endpoint, group=name) if job.is_joining else None
        self._waits = JoinWatch(endpoint, group=name, clock=self._clock) if job.is_joining else None
        self._looked_at_waits_s = 0.0
        self._liveness = LivenessSignals(self._clock)
        self._watchdog = Watchdog(
            endpoint,
            group=name,
            worker_id=worker_id,
            liveness=self._liveness,
            stalled_after_s=self._settings.stalled_after_s,
            data_dir=data_dir,
        )

    def run(self) -> None:
        """Process until asked to stop. Messages that were not committed are processed again at the next start.

        Raises:
            TransientError: If the broker or Redis stayed away.
            StateError: If another worker took over, or the log is not the one that was committed to.
        """
        self._publisher.prepare_transactions(timeout_s=self._settings.transaction_s)
        self._watchdog.start()
        try:
            self._member.open()
            with seldom_collecting():
                while not self._stop():
                    self._run_once()
            self._settle()
            self._tasks.clear()
            self._member.close()
        finally:
            self._watchdog.stop()
            self._committer.close()
            self._member.abandon()
            self._broadcasts.close()
            if self._companions is not None:
                self._companions.close()
        log.info("stopped", job=self._job.name)

    # A batch

    def _run_once(self) -> None:
        self._poll_broadcasts()
        taken = self._taken()
        for run in taken.runs:
            if run.partition in self._tasks:
                self._left.setdefault(run.place, deque()).append(run)
                self._liveness.moved(run.place)
        for place in taken.ends:
            self._liveness.moved(place)
        self._step()
        self._hold()
        self._look_at_waits()
        self._liveness.beat()
        is_idle = self._committer.is_idle
        if self._is_full() or (is_idle and self._is_due()):
            self._submit()
        elif is_idle and self._clock.monotonic_s() - self._shown_at_s >= _LOOK_EVERY_S:
            self._shown_at_s = self._clock.monotonic_s()
            self._committer.show([])

    def _is_full(self) -> bool:
        return self._pending.n_messages >= self._settings.max_batch or self._pending.has_many_outputs

    def _step(self) -> None:
        """Step the messages at hand, except those of held inputs; stepping one input may release another."""
        moves = True
        while moves:
            moves = False
            for place in list(self._left):
                while place in self._left and not self._tasks[place[1]].holds(place[0]):
                    if self._pending.has_many_outputs:
                        return
                    self._step_first(place)
                    moves = True

    def _step_first(self, place: tuple[str, int]) -> None:
        runs = self._left[place]
        rest = self._tasks[place[1]].step(runs.popleft(), self._pending)
        if rest is not None:
            runs.appendleft(rest)
        if not runs:
            del self._left[place]

    def _hold(self) -> None:
        """Pause the consumer on the inputs that operators hold; a held partition is not expected to move."""
        held = {
            (topic.name, number)
            for number, task in self._tasks.items()
            for topic in self._job.inputs
            if task.holds(topic.name)
        }
        self._member.hold(held)
        for place in held:
            self._liveness.moved(place)

    def _look_at_waits(self) -> None:
        """Publish alerts about joins that wait for long, and end those of joins that went on."""
        now_s = self._clock.monotonic_s()
        if self._waits is not None and self._tasks and now_s - self._looked_at_waits_s >= _LOOK_EVERY_S:
            self._looked_at_waits_s = now_s
            joining = [task.joining for task in self._tasks.values() if task.joining is not None]
            self._waits.look(wait for operator in joining for wait in operator.waits())

    def _has_left(self) -> bool:
        """Whether messages at hand can be stepped before more are taken."""
        return any(not self._tasks[place[1]].holds(place[0]) for place in self._left)

    def _taken(self) -> Taken:
        """Take what has arrived of the inputs, unless messages at hand come first."""
        if self._has_left():
            self._liveness.count_all_as_moved()
            return Taken([], [])
        room = self._settings.max_batch - self._pending.n_messages
        timeout_s = _BUSY_POLL_S if self._is_due() else self._settings.poll_s
        if self._companions is None:
            return self._member.take(max_messages=max(1, room), timeout_s=timeout_s)
        return self._taken_with_companions(
            self._companions, max(1, min(room, MAX_TAKEN)), min(timeout_s, _JOINING_POLL_S)
        )

    def _taken_with_companions(
        self, companions: CompanionReader, max_messages: int, timeout_s: float
    ) -> Taken:
        """Take from two readers, of which one waits: the companions' reader while an input is held for them."""
        is_held = any(task.holds(topic.name) for task in self._tasks.values() for topic in self._job.inputs)
        n = companions.take(self._tasks.values(), self._pending, timeout_s=timeout_s if is_held else 0)
        return self._member.take(max_messages=max_messages, timeout_s=0 if n or is_held else timeout_s)

    def _poll_broadcasts(self) -> None:
        if self._job.broadcasts and self._reads_broadcasts:
            for record in self._broadcasts.poll(max_records=100, timeout_s=0):
                step_broadcast(self._tasks.values(), record, self._pending)

    def _is_due(self) -> bool:
        if self._pending.is_urgent:
            return True
        waited_s = self._clock.monotonic_s() - self._committed_at_s
        return bool(self._pending.positions) and waited_s >= self._settings.commit_every_s

    def _submit(self) -> None:
        """Hand the outcome over to be committed, after the outcome before it."""
        if self._pending.is_empty:
            return
        pending, self._pending = self._pending, PendingCommit()
        self._freeing.after(pending.n_messages)
        now_s = self._committed_at_s = self._shown_at_s = self._clock.monotonic_s()
        for partition, task in self._tasks.items():
            is_forced = pending.needs_checkpoint or partition in pending.bound
            if is_forced or self._is_checkpoint_due(task, now_s):
                pending.checkpoints[partition] = task.checkpoint(now_s=now_s)
        self._committer.submit(pending)

    def _is_checkpoint_due(self, task: Task, now_s: float) -> bool:
        if task.n_since == 0:
            return False
        if task.is_new and self._endpoint.is_embedded:
            return True  # so that a checkpoint of an earlier worker's aborted transaction is not the newest
        settings, since_s = self._settings, now_s - task.checkpoint_at_s
        is_worth_it = task.n_since >= settings.checkpoint_messages_per_key * task.n_changed
        return (
            (since_s >= settings.checkpoint_every_s and is_worth_it)
            or since_s >= max(settings.checkpoint_every_s, settings.checkpoint_at_least_every_s)
            or task.n_since >= settings.checkpoint_every_records
        )

    def _settle(self) -> None:
        """Commit everything that was stepped, with checkpoints, and wait for the commit."""
        if self._tasks:
            self._pending.needs_checkpoint = True
            self._submit()
        self._committer.wait()

    # The share

    def _take_over(self, numbers: list[int]) -> Positions:
        """Restore the tasks of partition numbers, and return the offsets at which to read on."""
        with self._liveness.recovering():
            committed = self._member.committed(numbers)
            if not self._endpoint.is_embedded:
                check_log(committed, self._member.ends(numbers))
            tasks = recovered_tasks(
                self._job, numbers, endpoint=self._endpoint, committed=committed, pending=self._pending
            )
        now_s = self._clock.monotonic_s()
        for task in tasks.values():
            task.checkpoint_at_s = now_s
        self._tasks |= tasks
        self._begin_broadcasts()
        if self._companions is not None:
            self._companions.share(self._tasks)
        self._committer.show([event for task in tasks.values() for event in task.operator.newest()])
        places = [(topic.name, number) for topic in self._job.inputs for number in numbers]
        self._liveness.watch(places)
        return {
            (name, number): tasks[number].offsets.get(name, committed.get((name, number), 0))
            for name, number in places
        }

    def _begin_broadcasts(self) -> None:
        """Read broadcasts on from the first offset that some task lacks; later tasks catch up in recovery."""
        if self._reads_broadcasts or not self._job.broadcasts or not self._tasks:
            return
        places = [(topic.name, n) for topic in self._job.broadcasts for n in range(topic.n_partitions)]
        self._broadcasts.seek(
            {
                place: min(task.broadcast_offsets.get(place, 0) for task in self._tasks.values())
                for place in places
            }
        )
        self._reads_broadcasts = True

    def _give_up(self, numbers: list[int]) -> None:
        """Commit what was stepped, and give partition numbers up to another worker."""
        if numbers and self._tasks:
            self._settle()
        for number in numbers:
            self._tasks.pop(number, None)
        self._left = {place: runs for place, runs in self._left.items() if place[1] in self._tasks}
        if self._companions is not None:
            self._companions.share(self._tasks)
        self._liveness.forget(numbers)

    def _lose(self, numbers: list[int]) -> None:
        if not self._tasks:
            return
        message = (
            f"{self._job.name}: the partitions {numbers} went to another worker, because the group had not heard "
            "of this worker for too long"
        )
        raise ProducerFencedError(message)


def run_job(
    job: Job,
    *,
    endpoint: KafkaEndpoint,
    views: Views | None,
    stop: Callable[[], bool],
    worker_id: str = "0",
    data_dir: Path | None = None,
) -> None:
    """Run a job with the default settings until asked to stop.

    Args:
        job: The job to run.
        endpoint: The broker.
        views: Where the newest events are shown; None for a job without views.
        stop: Asked between batches.
        worker_id: Distinguishes the workers of one job.
        data_dir: Where the watchdog keeps an alert that the broker did not acknowledge; None keeps none.

    Raises:
        TransientError: If the broker or Redis stayed away.
        StateError: If another worker took over, or the log is not the one that was committed to.
    """
    settings = default_settings(endpoint, worker_id=worker_id)
    Worker(job, endpoint=endpoint, views=views, stop=stop, settings=settings, data_dir=data_dir).run()

"""The worker: drives a job's operators over the log, effectively once.

::

    1 poll        what has arrived of the inputs, and of broadcasts; all of it, up to a limit
    2 step        by batches; bad messages become dead letters
    3 commit      in another thread, while the next batch is polled and stepped: see ``committing``

So batches grow with the backlog and shrink to single messages without one. What leads to outputs
is committed at once, offsets alone a few times a second. What an operator does not take yet, because it
holds an input until another was read, stays with the worker, and the rest of it in the log: the
consumer is told to pause.

Start-up is recovery, and so is every change of the worker's share (``recovery``). A share that is
given up is committed first. A worker that finds itself replaced, or behind a log that is another
one, crashes: whoever starts it again finds everything in the log. One that no longer moves is
ended by its watchdog (``watching``).
"""

from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from schemas.errors import ProducerFencedError
from schemas.time import Clock
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Member, Positions, Publisher, Reader
from schemas.wire.members import Hooks
from schemas.wire.redis import Views
from schemas.wire.runs import Run, Taken
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.collecting import seldom_collecting
from stream_processors.runtime.committing import CommitProtocol, Committer
from stream_processors.runtime.companion_reading import MAX_TAKEN, CompanionReader
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.recovery import check_log, recovered_tasks
from stream_processors.runtime.tasks import PendingCommit, Task, step_broadcast
from stream_processors.runtime.waits import JoinWatch
from stream_processors.runtime.watching import LivenessSignals, Watchdog

log = structlog.get_logger()
#: How long a poll waits while an outcome waits for the commit before it.
_BUSY_POLL_S = 0.002
#: How long a poll of a joining job waits at most, since what lies beside may come meanwhile.
_JOINING_POLL_S = 0.02
_LOOK_EVERY_S = 1.0


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker runs.

    Attributes:
        worker_id: Distinguishes workers of one job; names the transactional id and the group member.
        max_batch: The most records in one transaction; with less of a backlog it holds fewer. With
            20,000 the commit of one batch took longer than the next, a quarter of the rate.
        poll_s: How long an idle poll waits, in seconds.
        commit_every_s: Offsets without outputs are committed this often; outputs at once.
        checkpoint_every_s: At least this long lies between two checkpoints of an operator. The
            embedded broker never compacts, so there it is longer.
        checkpoint_at_least_every_s: And at most this long, where messages come at all.
        checkpoint_messages_per_key: In between, a checkpoint is due once so many messages were stepped
            for each key that the last one wrote: with 10,000 instruments, each of which has a trade
            now and then, a checkpoint every second would write as much as is read.
        checkpoint_every_records: An operator that took in this many is due whatever the time, so
            that a restart has little to step again.
        transaction_s: The budget of a commit, in seconds.
        session_s: For how long the group keeps the share of a worker that is not heard of: longer
            than a cluster takes to put another broker in a lost one's place.
        stalled_after_s: A partition with more to read that has not moved for so long, or a step
            that has not ended, is stalled: the worker says so and ends, to be started again.
    """

    worker_id: str = "0"
    max_batch: int = 40_000
    poll_s: float = 0.2
    commit_every_s: float = 0.2
    checkpoint_every_s: float = 1.0
    checkpoint_at_least_every_s: float = 5.0
    checkpoint_messages_per_key: int = 8
    checkpoint_every_records: int = 1_000_000
    transaction_s: float = 30.0
    session_s: float = 10.0
    stalled_after_s: float = 45.0


class Worker:
    """Drives one job.

    Args:
        job: What to run.
        endpoint: The broker; on the embedded one partitions are taken without a group.
        views: Where the newest outputs go; None for a job without views.
        stop: Asked between batches.
        data_dir: Where the watchdog keeps what the broker did not take before the end; None keeps none.
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
        self._reads_broadcasts = False
        name, worker_id = f"driftline-{job.name}", self._settings.worker_id
        transactional_id = f"{name}-{worker_id}"
        self._publisher = Publisher(endpoint, role=job.name, transactional_id=transactional_id)
        hooks = Hooks(self._take_over, self._give_up, self._lose)
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
        self._beside = CompanionReader(endpoint, group=name, topic=job.inputs[0]) if job.is_joining else None
        self._waits = JoinWatch(endpoint, group=name, clock=self._clock) if job.is_joining else None
        self._looked_at_waits_s = 0.0
        self._vitals = LivenessSignals(self._clock)
        self._watchdog = Watchdog(
            endpoint,
            group=name,
            worker_id=worker_id,
            vitals=self._vitals,
            stalled_after_s=self._settings.stalled_after_s,
            data_dir=data_dir,
        )

    def run(self) -> None:
        """Process until asked to stop; what was committed stays, the rest is redone next time.

        Raises:
            TransientError: If the broker or Redis stayed away.
            StateError: If another worker took over, or the log is another one.
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
            if self._beside is not None:
                self._beside.close()
        log.info("stopped", job=self._job.name)

    # A batch

    def _run_once(self) -> None:
        self._poll_broadcasts()
        taken = self._taken()
        for run in taken.runs:
            if run.partition in self._tasks:
                self._left.setdefault(run.place, deque()).append(run)
                self._vitals.moved(run.place)
        for place in taken.ends:
            self._vitals.moved(place)
        self._step()
        self._hold()
        self._look_at_waits()
        self._vitals.beat()
        is_idle = self._committer.is_idle
        if self._is_full() or (is_idle and self._is_due()):
            self._submit()
        elif is_idle and self._clock.monotonic_s() - self._shown_at_s >= _LOOK_EVERY_S:
            self._shown_at_s = self._clock.monotonic_s()
            self._committer.show([])

    def _is_full(self) -> bool:
        return self._pending.n_messages >= self._settings.max_batch or self._pending.has_many_outputs

    def _step(self) -> None:
        """Step what is at hand, but for inputs that are held; a step of one may end the hold of another."""
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
        """Let the consumer pause what operators hold; a held partition is not expected to move."""
        held = {
            (topic.name, number)
            for number, task in self._tasks.items()
            for topic in self._job.inputs
            if task.holds(topic.name)
        }
        self._member.hold(held)
        for place in held:
            self._vitals.moved(place)

    def _look_at_waits(self) -> None:
        """Say so where a join waits for long, and where it went on."""
        now_s = self._clock.monotonic_s()
        if self._waits is not None and self._tasks and now_s - self._looked_at_waits_s >= _LOOK_EVERY_S:
            self._looked_at_waits_s = now_s
            joining = [task.joining for task in self._tasks.values() if task.joining is not None]
            self._waits.look(wait for operator in joining for wait in operator.waits())

    def _has_left(self) -> bool:
        """Whether there is something to step before more is taken."""
        return any(not self._tasks[place[1]].holds(place[0]) for place in self._left)

    def _taken(self) -> Taken:
        """What has arrived of the inputs, once what lies beside them was stepped."""
        if self._has_left():
            self._vitals.excuse()
            return Taken([], [])
        room = self._settings.max_batch - self._pending.n_messages
        timeout_s = _BUSY_POLL_S if self._is_due() else self._settings.poll_s
        if self._beside is None:
            return self._member.take(max_messages=max(1, room), timeout_s=timeout_s)
        return self._taken_beside(self._beside, max(1, min(room, MAX_TAKEN)), min(timeout_s, _JOINING_POLL_S))

    def _taken_beside(self, beside: CompanionReader, max_messages: int, timeout_s: float) -> Taken:
        """One of two readers waits, the other not: that of what lies beside while a share is held for it."""
        is_held = any(task.holds(topic.name) for task in self._tasks.values() for topic in self._job.inputs)
        n = beside.take(self._tasks.values(), self._pending, timeout_s=timeout_s if is_held else 0)
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
        """Hand the outcome over to be committed; an earlier one comes first."""
        if self._pending.is_empty:
            return
        pending, self._pending = self._pending, PendingCommit()
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
            return True  # so that what an earlier worker's aborted transaction left is not the newest
        settings, since_s = self._settings, now_s - task.checkpoint_at_s
        is_worth_it = task.n_since >= settings.checkpoint_messages_per_key * task.n_changed
        return (
            (since_s >= settings.checkpoint_every_s and is_worth_it)
            or since_s >= max(settings.checkpoint_every_s, settings.checkpoint_at_least_every_s)
            or task.n_since >= settings.checkpoint_every_records
        )

    def _settle(self) -> None:
        """Commit all that was stepped, with checkpoints, and return when it is."""
        if self._tasks:
            self._pending.needs_checkpoint = True
            self._submit()
        self._committer.wait()

    # The share

    def _take_over(self, numbers: list[int]) -> Positions:
        """Make tasks of partition numbers ready; where to read on."""
        with self._vitals.recovering():
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
        if self._beside is not None:
            self._beside.share(self._tasks)
        self._committer.show([event for task in tasks.values() for event in task.operator.newest()])
        places = [(topic.name, number) for topic in self._job.inputs for number in numbers]
        self._vitals.watch(places)
        return {
            (name, number): tasks[number].offsets.get(name, committed.get((name, number), 0))
            for name, number in places
        }

    def _begin_broadcasts(self) -> None:
        """Read broadcasts on from where every task has them; later tasks read what is before by themselves."""
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
        """Commit what was stepped, and let partition numbers go to another worker."""
        if numbers and self._tasks:
            self._settle()
        for number in numbers:
            self._tasks.pop(number, None)
        self._left = {place: runs for place, runs in self._left.items() if place[1] in self._tasks}
        if self._beside is not None:
            self._beside.share(self._tasks)
        self._vitals.forget(numbers)

    def _lose(self, numbers: list[int]) -> None:
        if not self._tasks:
            return
        message = f"{self._job.name}: the partitions {numbers} went to another worker while this one was not heard of"
        raise ProducerFencedError(message)


def default_settings(endpoint: KafkaEndpoint, *, worker_id: str = "0") -> WorkerSettings:
    """How a worker runs on a broker, if nothing else is said."""
    if endpoint.is_embedded:
        # It never compacts, and keeps a record for every commit. Candles and features, of which each
        # leads to outputs of kilobytes, come by the ten thousand at its starts: small batches keep that small.
        return WorkerSettings(
            worker_id=worker_id, max_batch=2_000, checkpoint_every_s=10.0, commit_every_s=0.5
        )
    return WorkerSettings(worker_id=worker_id)


def run_job(
    job: Job,
    *,
    endpoint: KafkaEndpoint,
    views: Views | None,
    stop: Callable[[], bool],
    worker_id: str = "0",
    data_dir: Path | None = None,
) -> None:
    """Run a job until asked to stop; see :class:`Worker`."""
    settings = default_settings(endpoint, worker_id=worker_id)
    Worker(job, endpoint=endpoint, views=views, stop=stop, settings=settings, data_dir=data_dir).run()

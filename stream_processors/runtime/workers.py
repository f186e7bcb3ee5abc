"""The worker: drives a job's operators over the log, effectively once.

The commit protocol, one batch at a time::

    1 poll        a batch of input records, and broadcast records
    2 step        decode and step each; bad messages become dead letters
    3 begin       a transaction
    4 publish     outputs, dead letters, snapshots when due
    5 offsets     of the batch, into the transaction
    6 commit      from here on all of it is visible, before it nothing
    7 views       the newest outputs to Redis, guarded by their own order

Start-up is recovery: each operator is restored from its newest snapshot and stepped silently over
what was committed since, then its views are written anew. A crash anywhere loses nothing.
"""

import heapq
from collections.abc import Callable, Iterable
from contextlib import suppress

import msgspec
import structlog

from schemas import codec
from schemas.errors import ContractError, OffsetRegressionError, SnapshotMismatchError
from schemas.events import Event
from schemas.time import Clock
from schemas.topics import BY_NAME, Topic
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Positions, Publisher, Reader, Record, read_range
from schemas.wire.redis import Views
from schemas.wire.settings import KafkaEndpoint
from stream_processors.operators.protocols import Operator, Output
from stream_processors.runtime.checkpointing import Snapshot, newest_snapshots, publish_snapshot
from stream_processors.runtime.dead_letters import publish_dead_letter, reason_of
from stream_processors.runtime.declarations import Job, View

log = structlog.get_logger()


class WorkerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a worker runs.

    Attributes:
        worker_id: Distinguishes workers of one job; names the transactional id.
        max_batch: The most records in one transaction.
        poll_s: How long an idle poll waits, in seconds.
        snapshot_every_s: At least this long lies between two snapshots of an operator. The
            embedded broker never compacts, so there it is longer.
        snapshot_every_records: An operator that took in this many is due whatever the time, so
            that a restart has little to step again.
        transaction_s: The budget of each call of a commit, in seconds.
    """

    worker_id: str = "0"
    max_batch: int = 5_000
    poll_s: float = 0.2
    snapshot_every_s: float = 1.0
    snapshot_every_records: int = 20_000
    transaction_s: float = 15.0


class _Task:
    """One operator with its position."""

    def __init__(self, operator: Operator) -> None:
        self.operator = operator
        self.offsets: dict[str, int] = {}
        self.n_since_snapshot = 0
        self.snapshot_at_s = 0.0


class _Pending:
    """What one batch leads to, until it is committed."""

    def __init__(self, *, needs_snapshot: bool = False) -> None:
        self.outputs: list[tuple[int, Output]] = []
        self.dead: list[tuple[Record, ContractError]] = []
        self.seen: list[Event] = []
        self.positions: Positions = {}
        self.needs_snapshot = needs_snapshot


class Worker:
    """Drives one job.

    Args:
        job: What to run.
        endpoint: The broker; on the embedded one partitions are taken without a group.
        views: Where the newest outputs go; None for a job without views.
        stop: Asked between batches.
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
    ) -> None:
        self._job = job
        self._endpoint = endpoint
        self._views = views
        self._stop = stop
        self._settings = settings or WorkerSettings(snapshot_every_s=10.0 if endpoint.is_embedded else 1.0)
        self._clock: Clock = clock or SystemClock()
        self._tasks: dict[int, _Task] = {}
        self._broadcast_positions: Positions = {}
        self._views_at_s = 0.0
        self._log = log.bind(job=job.name)
        self._publisher = Publisher(
            endpoint,
            role=job.name,
            transactional_id=f"driftline-{job.name}-{self._settings.worker_id}",
        )
        self._reader = Reader(
            endpoint,
            group=f"driftline-{job.name}",
            topics=job.inputs,
            is_fixed=endpoint.is_embedded,
            on_assigned=self._recover,
            on_revoked=self._give_up,
        )
        self._broadcasts = Reader(
            endpoint, group=f"driftline-{job.name}-broadcasts", topics=job.broadcasts, is_fixed=True
        )

    def run(self) -> None:
        """Process until asked to stop; what was committed stays, the rest is redone next time.

        Raises:
            TransientError: If the broker or Redis stayed away.
            StateError: If another worker took over, or the log is another one.
        """
        self._publisher.prepare_transactions(timeout_s=self._settings.transaction_s)
        self._broadcast_positions = {
            (topic.name, partition): 0
            for topic in self._job.broadcasts
            for partition in range(topic.n_partitions)
        }
        try:
            self._reader.open()
            while not self._stop():
                self._run_once()
            self._commit(_Pending(needs_snapshot=True))
        finally:
            self._reader.close()
            self._broadcasts.close()
        self._log.info("stopped")

    # Recovery

    def _recover(self, owned: list[tuple[str, int]]) -> None:
        """Restore the operators of newly owned partitions, then read on behind what is committed."""
        partitions = sorted({partition for _, partition in owned} - self._tasks.keys())
        committed = self._reader.committed(owned)
        self._check_log(committed)
        snapshots = newest_snapshots(
            self._endpoint, job=self._job.name, partitions=partitions, committed=committed
        )
        for partition in partitions:
            self._tasks[partition] = self._restored(partition, snapshots)
        self._restep_broadcasts(snapshots)
        n_restepped = self._restep_inputs(partitions, committed)
        self._read_broadcasts_from(snapshots)
        self._write_views([event for task in self._tasks.values() for event in task.operator.newest()])
        positions = {
            (name, partition): self._tasks[partition].offsets.get(name, committed.get((name, partition), 0))
            for name, partition in owned
        }
        self._reader.seek(positions)
        self._log.info(
            "recovered", partitions=len(partitions), snapshots=len(snapshots), restepped=n_restepped
        )

    def _check_log(self, committed: Positions) -> None:
        """The embedded broker forgets offsets with its log, and states its ends too low at times."""
        if self._endpoint.is_embedded:
            return
        for where, end in self._reader.ends(committed).items():
            if committed[where] > end:
                message = (
                    f"{where[0]} partition {where[1]} ends at {end}, but {committed[where]} was committed: "
                    "the log is another one; reset the consumer group or use the log it belongs to"
                )
                raise OffsetRegressionError(message)

    def _restored(self, partition: int, snapshots: dict[int, Snapshot]) -> _Task:
        """An operator from its snapshot; one of another release is left out, and the log stepped instead."""
        task = _Task(self._job.make_operator(partition))
        task.snapshot_at_s = self._clock.monotonic_s()
        snapshot = snapshots.get(partition)
        if snapshot is None:
            return task
        try:
            task.operator.restore(snapshot.state)
        except SnapshotMismatchError as error:
            self._log.warning("snapshot left out", partition=partition, reason=str(error))
            del snapshots[partition]
            task.operator = self._job.make_operator(partition)
        else:
            task.offsets = dict(snapshot.offsets)
        return task

    def _restep_broadcasts(self, snapshots: dict[int, Snapshot]) -> None:
        """Bring operators without a snapshot to where the others' broadcasts are: a broadcast
        record forces a snapshot, so all that are restored stand behind the same ones."""  # noqa: D205, D209
        ends = _broadcast_offsets(snapshots)
        fresh = [task for partition, task in self._tasks.items() if partition not in snapshots]
        if not ends or not fresh:
            return
        for record in read_range(self._endpoint, dict.fromkeys(ends, 0), ends):
            topic = BY_NAME[record.topic]
            event = self._decoded(topic, record)
            for task in fresh if event is not None else ():
                with suppress(ContractError):
                    list(task.operator.step(topic, event))

    def _read_broadcasts_from(self, snapshots: dict[int, Snapshot]) -> None:
        """Step the broadcasts that no snapshot holds, to their present end, before any input."""
        if not self._broadcast_positions:
            return
        self._broadcast_positions |= _broadcast_offsets(snapshots)
        pending = _Pending()
        for record in read_range(self._endpoint, self._broadcast_positions):
            self._step_broadcast(record, pending)
        self._commit(pending)
        self._broadcasts.seek(self._broadcast_positions)

    def _restep_inputs(self, partitions: Iterable[int], committed: Positions) -> int:
        """Step silently from each snapshot to what was committed; outputs are out already.

        The topics of a partition number are merged by known time, as they were read when they
        were new: a read of a whole stretch returns them in any order.
        """
        n = 0
        for partition in partitions:
            task = self._tasks[partition]
            ends = {where: offset for where, offset in committed.items() if where[1] == partition}
            starts = {where: task.offsets.get(where[0], 0) for where in ends}
            by_topic: dict[str, list[tuple[int, Event]]] = {name: [] for name, _ in ends}
            for record in read_range(self._endpoint, starts, ends):
                event = self._decoded(BY_NAME[record.topic], record)
                if event is not None:
                    by_topic[record.topic].append((event.known_time_ms, event))
            n += self._restep(task, by_topic)
            task.offsets |= {name: offset for (name, _), offset in ends.items()}
        return n

    def _restep(self, task: _Task, by_topic: dict[str, list[tuple[int, Event]]]) -> int:
        streams = [[(known_ms, name, event) for known_ms, event in found] for name, found in by_topic.items()]
        n = 0
        for _, name, event in heapq.merge(*streams, key=lambda entry: entry[0]):
            n += 1
            try:
                list(task.operator.step(BY_NAME[name], event))
            except ContractError:
                self._log.debug("dead letter met again", topic=name)
        return n

    def _decoded(self, topic: Topic, record: Record) -> Event | None:
        try:
            event: Event = codec.decode(topic, record.value, record.headers)
        except ContractError:
            return None
        return event

    def _give_up(self, owned: list[tuple[str, int]]) -> None:
        """Drop operators whose partitions go to another worker; every batch is committed by now."""
        for _, partition in owned:
            self._tasks.pop(partition, None)

    # Processing

    def _run_once(self) -> None:
        pending = _Pending()
        if self._broadcast_positions:
            for record in self._broadcasts.poll(max_records=100, timeout_s=0):
                self._step_broadcast(record, pending)
        for record in self._reader.poll(
            max_records=self._settings.max_batch, timeout_s=self._settings.poll_s
        ):
            self._step(record, pending)
        self._commit(pending)
        self._write_views([*pending.seen, *(output.event for _, output in pending.outputs)])

    def _step_broadcast(self, record: Record, pending: _Pending) -> None:
        topic = BY_NAME[record.topic]
        pending.needs_snapshot = True
        self._broadcast_positions[(record.topic, record.partition)] = record.offset + 1
        try:
            event = codec.decode(topic, record.value, record.headers)
            for partition, task in self._tasks.items():
                pending.outputs.extend((partition, output) for output in task.operator.step(topic, event))
                task.n_since_snapshot += 1
        except ContractError as error:
            pending.dead.append((record, error))

    def _step(self, record: Record, pending: _Pending) -> None:
        topic = BY_NAME[record.topic]
        task = self._tasks[record.partition]
        task.offsets[record.topic] = record.offset + 1
        task.n_since_snapshot += 1
        pending.positions[(record.topic, record.partition)] = record.offset + 1
        try:
            event = codec.decode(topic, record.value, record.headers)
            outputs = list(task.operator.step(topic, event))
        except ContractError as error:
            pending.dead.append((record, error))
            return
        pending.seen.append(event)
        pending.outputs.extend((record.partition, output) for output in outputs)

    def _commit(self, pending: _Pending) -> None:
        """Steps 3 to 6; a batch of nothing needs no transaction."""
        if not (pending.positions or pending.outputs or pending.dead or pending.needs_snapshot):
            return
        budget_s = self._settings.transaction_s
        self._publisher.begin()
        for partition, output in pending.outputs:
            self._publish(partition, output)
        for record, error in pending.dead:
            self._log.warning(
                "dead letter", topic=record.topic, offset=record.offset, reason=reason_of(error)
            )
            publish_dead_letter(self._publisher, consumer=self._job.name, record=record, error=error)
        self._publish_snapshots(is_forced=pending.needs_snapshot)
        if pending.positions:
            self._publisher.send_offsets(pending.positions, self._reader.group_metadata(), timeout_s=budget_s)
        self._publisher.commit(timeout_s=budget_s)

    def _publish(self, partition: int, output: Output) -> None:
        key = output.event.source if output.key is None else output.key
        self._publisher.publish(
            output.topic.name,
            codec.encode(output.event),
            key=key.encode(),
            partition=partition if output.key is None else None,
            headers=codec.headers(type(output.event)),
        )

    def _publish_snapshots(self, *, is_forced: bool) -> None:
        now_s = self._clock.monotonic_s()
        for partition, task in self._tasks.items():
            is_due = (
                now_s - task.snapshot_at_s >= self._settings.snapshot_every_s
                or task.n_since_snapshot >= self._settings.snapshot_every_records
            )
            if not (is_forced or (is_due and task.n_since_snapshot)):
                continue
            snapshot = Snapshot(
                offsets=dict(task.offsets),
                broadcast_offsets=[
                    (name, number, at) for (name, number), at in self._broadcast_positions.items()
                ],
                state=task.operator.snapshot(),
            )
            publish_snapshot(self._publisher, job=self._job.name, partition=partition, snapshot=snapshot)
            task.n_since_snapshot = 0
            task.snapshot_at_s = now_s

    def _write_views(self, events: Iterable[Event]) -> None:
        """Step 7; once a second also without events, so that an emptied Redis is noticed."""
        if self._views is None:
            return
        newest: dict[str, View] = {}
        for event in events:
            view = self._job.view_of(event)
            if view is not None and (view.key not in newest or view.order >= newest[view.key].order):
                newest[view.key] = view
        now_s = self._clock.monotonic_s()
        if newest or now_s - self._views_at_s >= 1.0:
            self._views.write({view.key: (view.order, view.body()) for view in newest.values()})
            self._views_at_s = now_s


def _broadcast_offsets(snapshots: dict[int, Snapshot]) -> Positions:
    """How far every restored operator has read the broadcasts: the least of them."""
    found: Positions = {}
    for snapshot in snapshots.values():
        for name, partition, offset in snapshot.broadcast_offsets:
            where = (name, partition)
            found[where] = min(offset, found.get(where, offset))
    return found


def run_job(
    job: Job,
    *,
    endpoint: KafkaEndpoint,
    views: Views | None,
    stop: Callable[[], bool],
    settings: WorkerSettings | None = None,
) -> None:
    """Run a job until asked to stop; see :class:`Worker`."""
    Worker(job, endpoint=endpoint, views=views, stop=stop, settings=settings).run()

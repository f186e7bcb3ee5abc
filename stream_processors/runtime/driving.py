"""The test driver: it runs a job without a broker, from bytes to bytes, by a clock that the test advances.

It runs the same code as the worker, that is the real codec, tasks, commit protocol and checkpoints, on a
log in memory. It leaves out what a broker adds: groups, networks and marks of transactions. ::

    driver = TopologyDriver(market_job(settings))
    driver.send(MARKET_CANDLE, candle, key="BTC-USDT.BINANCE")
    driver.run()
    driver.values(FEATURES_MARKET)
    driver.crash()            # what was not committed is lost; the state comes from the changelog
    driver.clock.sleep(1.0)   # time passes only when the test says so
"""

from schemas import codec
from schemas.events import Event
from schemas.topics import Topic, changelog
from schemas.wire.clocks import ManualClock
from schemas.wire.kafka import Record, Run
from schemas.wire.memory import MemoryLog, MemoryPublisher, MemoryViews
from stream_processors.runtime.checkpointing import ChangelogState, state_by_descent, state_by_key
from stream_processors.runtime.committing import CommitProtocol
from stream_processors.runtime.companion_reading import MAX_TAKEN, companion_places, held_companion_places
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.pending import PendingCommit
from stream_processors.runtime.recovery import begin_at_checkpoint, restored_task, step_again
from stream_processors.runtime.tasks import Task, step_broadcast

_ALL = 2**62


class TopologyDriver:
    """Drives a job in memory.

    Args:
        job: The job to run.
        checkpoint_every_s: How long lies between two checkpoints, by the driver's clock.
        is_embedded: Whether checkpoints are kept as on the embedded broker.

    Attributes:
        published: Where partitions end for the time being, by topic and number: later records count as not
            yet published. A partition that is not named here is there whole.
        clock: Stands still until the test advances it.
        log: Every topic, inputs and outputs.
        views: What Redis would hold.
    """

    def __init__(self, job: Job, *, checkpoint_every_s: float = 1.0, is_embedded: bool = False) -> None:
        self._job = job
        self._every_s = checkpoint_every_s
        self._is_embedded = is_embedded
        self.published: dict[tuple[str, int], int] = {}
        self.clock = ManualClock()
        self.log = MemoryLog()
        self.views = MemoryViews()
        self._transactions = CommitProtocol(
            job,
            publisher=MemoryPublisher(self.log),
            views=self.views,
            clock=self.clock,
            budget_s=1.0,
            is_embedded=is_embedded,
        )
        self._numbers = range(job.inputs[0].n_partitions)
        self._tasks: dict[int, Task] = {}
        self.crash()

    def send(
        self, topic: Topic, message: Event | bytes | None, *, key: str, partition: int | None = None
    ) -> Record:
        """Put a message into an input, as a producer does; :meth:`run` processes it.

        Args:
            topic: The input.
            message: An event to encode, or the bytes as they are; None is a tombstone.
            key: The record's key, which decides the partition unless one is named.
            partition: Where the message goes; None lets the key decide.

        Returns:
            The record as it lies in the log.
        """
        headers: codec.Headers = []
        if isinstance(message, Event):
            value: bytes | None = codec.encode(message)
            headers = codec.headers(type(message), codec.trace_id(value or b""))
        else:
            value = message
        whole = [(name, part) for name, part in headers if isinstance(part, bytes)]
        return self.log.append(
            topic.name,
            value,
            key=key.encode(),
            partition=partition,
            headers=whole,
            timestamp_ms=self.clock.now_ms(),
        )

    def run(self, *, max_messages: int | None = None) -> int:
        """Process what has arrived, in one transaction.

        Returns:
            How many messages of the inputs were processed.
        """
        pending = self.step(max_messages=max_messages)
        self.commit(pending)
        return pending.n_messages

    def step(self, *, max_messages: int | None = None) -> PendingCommit:
        """Process what has arrived without committing it, so that a crash loses it."""
        pending = PendingCommit()
        self._step_broadcasts(pending)
        for task in self._tasks.values():
            self._step_task(task, pending, max_messages)
        return pending

    def _step_task(self, task: Task, pending: PendingCommit, max_messages: int | None) -> None:
        """Step a task until nothing moves any more, because an input that is held waits for another."""
        own = [(topic.name, task.partition) for topic in self._job.inputs]
        beside = companion_places(task)
        starts = {place: task.offsets.get(place[0], 0) for place in own}
        starts |= {place: task.broadcast_offsets.get(place, 0) for place in beside}
        ends = {place: self._end(place, start, max_messages) for place, start in starts.items()}
        moves = True
        while moves:
            moves = False
            for place in beside:
                run = self._arrived(place, task.broadcast_offsets.get(place, 0), ends[place])
                if run is not None and place not in held_companion_places([task]):
                    task.step_beside(run, pending)
                    moves = True
            for place in own:
                run = self._arrived(place, task.offsets.get(place[0], 0), ends[place])
                if run is not None and not task.holds(place[0]):
                    task.step(run, pending)
                    moves = True

    def _end(self, place: tuple[str, int], start: int, max_messages: int | None) -> int:
        return min(self.published.get(place, _ALL), _ALL if max_messages is None else start + max_messages)

    def _arrived(self, place: tuple[str, int], start: int, end: int) -> Run | None:
        """What may be read now; a joining job gets at most as much at once as in a worker."""
        most = MAX_TAKEN if self._job.is_joining else _ALL
        return self.log.run(*place, start, min(end, start + most)) if end > start else None

    def commit(self, pending: PendingCommit) -> None:
        """Commit the outcome of :meth:`step`."""
        if pending.is_empty:
            return
        now_s = self.clock.monotonic_s()
        for number, task in self._tasks.items():
            is_due = task.n_since and now_s - task.checkpoint_at_s >= self._every_s
            if is_due or pending.needs_checkpoint or number in pending.bound:
                pending.checkpoints[number] = task.checkpoint(now_s=now_s)
        self._transactions.run(pending, None, self._transactions.deadline())

    def crash(self) -> None:
        """Lose everything except the log, and recover from the log as a worker does."""
        self._tasks = {}
        for number in self._numbers:
            task = self._tasks[number] = restored_task(self._job, number, self._found(number))
            task.checkpoint_at_s = self.clock.monotonic_s()
        pending = PendingCommit()
        for task in self._tasks.values():
            if not task.lost_its_state:
                self._restep(task)
        self._step_broadcasts(pending)
        for task in self._tasks.values():
            if task.lost_its_state:
                self._restep(task)
        self.commit(pending)
        self._transactions.show([event for task in self._tasks.values() for event in task.operator.newest()])

    def _found(self, number: int) -> ChangelogState:
        records = [
            record
            for record in self.log.records(changelog(self._job.name).name)
            if record.partition == number
        ]
        read = state_by_descent if self._is_embedded else state_by_key
        return read(records, self.log.committed)

    def values(self, topic: Topic) -> list[bytes | None]:
        """The values of all records of a topic, partition by partition."""
        return [record.value for record in self.log.records(topic.name)]

    def _step_broadcasts(self, pending: PendingCommit) -> None:
        for topic in self._job.broadcasts:
            for record in self.log.records(topic.name):
                place = (record.topic, record.partition)
                if any(
                    record.offset >= task.broadcast_offsets.get(place, 0) for task in self._tasks.values()
                ):
                    step_broadcast(self._tasks.values(), record, pending)

    def _restep(self, task: Task) -> None:
        if self._job.is_joining:
            begin_at_checkpoint(self._job, task)
            return
        runs: list[Run] = []
        for topic in self._job.inputs:
            start = task.offsets.get(topic.name, 0)
            end = self.log.committed.get((topic.name, task.partition), 0)
            run = self.log.run(topic.name, task.partition, start, end) if end > start else None
            if run is not None:
                runs.append(run)
        step_again(task, runs, n_topics=len(runs))
        task.offsets |= {run.topic: run.next_offset for run in runs}

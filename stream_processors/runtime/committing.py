"""The commit protocol: a batch's outcome becomes visible as a whole, or not at all.

Each step is one function, in this order, under one shared deadline::

    1 begin            a transaction
    2 publish          the outputs
    3 put aside        messages that break the contract, as dead letters
    4 checkpoint       what changed of the state, when due
    5 offsets          of the batch, into the transaction
    6 commit           from here on all of it is visible, before it nothing
    7 show             the newest of what was committed, in Redis, guarded by its own order

A transaction that the broker asks to abort is aborted and made again from the same outcome, while
the deadline lasts: such as one in the name of a generation of the group that has just passed. :class:`Committer` runs the protocol in a thread of its own, one batch at a
time, while the worker steps the next.
"""

import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple

import structlog

from schemas import codec
from schemas.errors import BrokerUnavailableError
from schemas.events import Event
from schemas.time import Clock
from schemas.topics import changelog
from schemas.wire.connections import is_abortable, is_retriable
from schemas.wire.kafka import Publisher
from schemas.wire.redis import Views
from stream_processors.runtime.checkpointing import publish_checkpoint
from stream_processors.runtime.dead_letters import publish_dead_letter, reason_of
from stream_processors.runtime.deadlines import Deadline
from stream_processors.runtime.declarations import Job, View
from stream_processors.runtime.tasks import DueOutput, PendingCommit

log = structlog.get_logger()
#: How often Redis is looked at when there is nothing to show, so that an emptied one is noticed.
_LOOK_EVERY_S = 1.0
#: A commit takes milliseconds; one that hangs on a broker that is away is not waited for.
_CLOSE_S = 2.0


class CommitProtocol:
    """The protocol's steps, for one job.

    Args:
        views: Where the newest outputs go; None for a job without views.
        budget_s: For steps 1 to 6 together.
        is_embedded: Whether the broker forgets the offsets of a transaction without a record.
    """

    def __init__(
        self,
        job: Job,
        *,
        publisher: Publisher,
        views: Views | None,
        clock: Clock,
        budget_s: float,
        is_embedded: bool = False,
    ) -> None:
        self._job = job
        self._publisher = publisher
        self._views = views
        self._clock = clock
        self._budget_s = budget_s
        self._is_embedded = is_embedded
        self._shown_at_s = 0.0

    def deadline(self) -> Deadline:
        """The budget of one outcome, for all its attempts; it runs from now on."""
        return Deadline(self._clock, self._budget_s)

    def run(self, pending: PendingCommit, group_metadata: Any, deadline: Deadline) -> bool:
        """All of it; False when the transaction was aborted and may be made again.

        Args:
            group_metadata: The newest: while the group shares out anew, what a worker keeps may
                only be committed in the name of the group's present generation.

        Raises:
            BrokerUnavailableError: If the broker did not take it within the budget.
            ProducerFencedError: If another worker took over.
            StoreUnavailableError: If Redis stayed away; what was committed stays.
        """
        if not self._has_committed(pending, group_metadata, deadline):
            return False
        self.show([*pending.seen, *(due.output.event for due in pending.outputs)])
        return True

    def _has_committed(self, pending: PendingCommit, group_metadata: Any, deadline: Deadline) -> bool:
        """Steps 1 to 6."""
        try:
            self._begin()
            self._publish(pending.outputs)
            self._put_aside(pending)
            self._checkpoint(pending)
            self._send_offsets(pending, group_metadata, deadline)
            self._commit(deadline)
        except BrokerUnavailableError as error:
            if not is_abortable(error):
                raise
            log.warning("transaction aborted", job=self._job.name, reason=str(error))
            self._publisher.abort(timeout_s=deadline.left_s())
            return False
        return True

    def _begin(self) -> None:
        self._publisher.begin()

    def _publish(self, outputs: Iterable[DueOutput]) -> None:
        for partition, output, trace_id in outputs:
            self._publisher.publish(
                output.topic.name,
                codec.encode(output.event),
                key=(output.event.source if output.key is None else output.key).encode(),
                partition=partition if output.key is None else None,
                headers=codec.headers(type(output.event), trace_id),
            )

    def _put_aside(self, pending: PendingCommit) -> None:
        for record, error in pending.dead:
            where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
            log.warning("dead letter", job=self._job.name, **where, reason=reason_of(error))
            publish_dead_letter(self._publisher, consumer=self._job.name, record=record, error=error)

    def _checkpoint(self, pending: PendingCommit) -> None:
        for partition, checkpoint in pending.checkpoints.items():
            publish_checkpoint(
                self._publisher,
                job=self._job.name,
                partition=partition,
                checkpoint=checkpoint,
                is_embedded=self._is_embedded,
            )

    def _send_offsets(self, pending: PendingCommit, group_metadata: Any, deadline: Deadline) -> None:
        if not pending.positions:
            return
        self._publisher.send_offsets(pending.positions, group_metadata, timeout_s=deadline.left_s())
        if self._is_embedded and not (pending.outputs or pending.dead or pending.checkpoints):
            (_, partition), *_ = pending.positions
            self._publisher.publish(
                changelog(self._job.name).name, None, key=b"offsets alone", partition=partition
            )

    def _commit(self, deadline: Deadline) -> None:
        """The call is made again when it says that it may be: it goes on where it was."""
        while True:
            try:
                self._publisher.commit(timeout_s=deadline.left_s())
            except BrokerUnavailableError as error:
                if not is_retriable(error):
                    raise
            else:
                return

    def show(self, events: Iterable[Event]) -> bool:
        """Step 7; once a second also without events."""
        if self._views is None:
            return True
        newest: dict[str, View] = {}
        for event in events:
            view = self._job.view_of(event)
            if view is not None and (view.key not in newest or view.order >= newest[view.key].order):
                newest[view.key] = view
        now_s = self._clock.monotonic_s()
        if newest or now_s - self._shown_at_s >= _LOOK_EVERY_S:
            self._views.write({view.key: (view.order, view.body()) for view in newest.values()})
            self._shown_at_s = now_s
        return True


class _Call(NamedTuple):
    function: Callable[[], bool]
    outcome: Future[bool]


class Committer:
    """Commits in a thread of its own, one outcome at a time.

    An error of the thread is raised in the worker, at its next call. What was aborted is made again
    at the worker's next call too: only the worker's own thread may ask the group's member anything,
    since the client library lets no second thread in.

    Args:
        group_metadata: Asked before each attempt.
    """

    def __init__(self, transactions: CommitProtocol, *, group_metadata: Callable[[], Any]) -> None:
        self._transactions = transactions
        self._group_metadata = group_metadata
        self._calls: queue.SimpleQueue[_Call | None] = queue.SimpleQueue()
        # Not one that the end of the process would wait for: it may hang on a broker that is away.
        self._thread = threading.Thread(target=self._work, name="commit", daemon=True)
        self._thread.start()
        self._running: Future[bool] | None = None
        self._again: Callable[[], None] = lambda: None

    @property
    def is_idle(self) -> bool:
        """Whether another outcome can be taken without waiting."""
        if self._running is not None and self._running.done():
            self._look()
        return self._running is None

    def submit(self, pending: PendingCommit) -> None:
        """Take an outcome, behind the one before."""
        self.wait()
        self._attempt(pending, self._transactions.deadline())

    def show(self, events: Iterable[Event]) -> None:
        """Show views that are committed already, or look whether Redis still has them."""
        self.wait()
        self._begin(partial(self._transactions.show, list(events)))

    def wait(self) -> None:
        """Return when what was taken is committed and shown."""
        while self._running is not None:
            self._look()

    def close(self) -> None:
        """End the thread; what it is at comes to its end, for which this waits, but not for long."""
        self._calls.put(None)
        self._thread.join(_CLOSE_S)

    def _attempt(self, pending: PendingCommit, deadline: Deadline) -> None:
        self._again = partial(self._attempt, pending, deadline)
        self._begin(partial(self._transactions.run, pending, self._group_metadata(), deadline))

    def _begin(self, call: Callable[[], bool]) -> None:
        self._running = Future()
        self._calls.put(_Call(call, self._running))

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                call.outcome.set_result(call.function())
            except BaseException as error:  # noqa: BLE001  (raised in the worker)
                call.outcome.set_exception(error)

    def _look(self) -> None:
        """Wait for what runs, and begin it again if it was aborted."""
        running, self._running = self._running, None
        if running is not None and not running.result():
            log.warning("transaction made again")
            self._again()

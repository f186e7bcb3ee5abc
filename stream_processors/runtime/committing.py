"""The commit protocol: a batch's outcome becomes visible as a whole, or not at all.

Each step is one function, in this order, under one shared deadline::

    1 begin            a transaction
    2 publish          the outputs
    3 put aside        messages that break the contract, as dead letters
    4 checkpoint       snapshots, when due
    5 offsets          of the batch, into the transaction
    6 commit           from here on all of it is visible, before it nothing
    7 show             the newest of what was committed, in Redis, guarded by its own order

A transaction that the broker asks to abort is aborted and made again from the same outcome, while
the deadline lasts. :class:`Committer` runs the protocol in a thread of its own, one batch at a
time, while the worker steps the next.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import structlog

from schemas import codec
from schemas.errors import BrokerUnavailableError
from schemas.events import Event
from schemas.time import Clock
from schemas.topics import changelog
from schemas.wire.connections import is_abortable, is_retriable
from schemas.wire.kafka import Publisher
from schemas.wire.redis import Views
from stream_processors.runtime.checkpointing import publish_snapshot
from stream_processors.runtime.dead_letters import publish_dead_letter, reason_of
from stream_processors.runtime.deadlines import Deadline
from stream_processors.runtime.declarations import Job, View
from stream_processors.runtime.tasks import Due, Pending

log = structlog.get_logger()
#: How often Redis is looked at when there is nothing to show, so that an emptied one is noticed.
_LOOK_EVERY_S = 1.0


class Transactions:
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

    def run(self, pending: Pending, group_metadata: Any) -> None:
        """All of it.

        Raises:
            BrokerUnavailableError: If the broker did not take it within the budget.
            ProducerFencedError: If another worker took over.
            StoreUnavailableError: If Redis stayed away; what was committed stays.
        """
        deadline = Deadline(self._clock, self._budget_s)
        while not self._has_committed(pending, group_metadata, deadline):
            log.warning("transaction made again", job=self._job.name)
        self.show([*pending.seen, *(due.output.event for due in pending.outputs)])

    def _has_committed(self, pending: Pending, group_metadata: Any, deadline: Deadline) -> bool:
        """Steps 1 to 6; False when the transaction was aborted and may be made again."""
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

    def _publish(self, outputs: Iterable[Due]) -> None:
        for partition, output, trace_id in outputs:
            self._publisher.publish(
                output.topic.name,
                codec.encode(output.event),
                key=(output.event.source if output.key is None else output.key).encode(),
                partition=partition if output.key is None else None,
                headers=codec.headers(type(output.event), trace_id),
            )

    def _put_aside(self, pending: Pending) -> None:
        for record, error in pending.dead:
            where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
            log.warning("dead letter", job=self._job.name, **where, reason=reason_of(error))
            publish_dead_letter(self._publisher, consumer=self._job.name, record=record, error=error)

    def _checkpoint(self, pending: Pending) -> None:
        for partition, snapshot in pending.snapshots.items():
            publish_snapshot(self._publisher, job=self._job.name, partition=partition, snapshot=snapshot)

    def _send_offsets(self, pending: Pending, group_metadata: Any, deadline: Deadline) -> None:
        if not pending.positions:
            return
        self._publisher.send_offsets(pending.positions, group_metadata, timeout_s=deadline.left_s())
        if self._is_embedded and not (pending.outputs or pending.dead or pending.snapshots):
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

    def show(self, events: Iterable[Event]) -> None:
        """Step 7; once a second also without events."""
        if self._views is None:
            return
        newest: dict[str, View] = {}
        for event in events:
            view = self._job.view_of(event)
            if view is not None and (view.key not in newest or view.order >= newest[view.key].order):
                newest[view.key] = view
        now_s = self._clock.monotonic_s()
        if newest or now_s - self._shown_at_s >= _LOOK_EVERY_S:
            self._views.write({view.key: (view.order, view.body()) for view in newest.values()})
            self._shown_at_s = now_s


class Committer:
    """Commits in a thread of its own, one outcome at a time.

    An error of the thread is raised in the worker, at its next call.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commit")
        self._running: Future[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether another outcome can be taken without waiting."""
        if self._running is None:
            return True
        if not self._running.done():
            return False
        self.wait()
        return True

    def submit(self, pending: Pending, group_metadata: Any) -> None:
        """Take an outcome, behind the one before."""
        self._start(self._transactions.run, pending, group_metadata)

    def show(self, events: Iterable[Event]) -> None:
        """Show views that are committed already, or look whether Redis still has them."""
        self._start(self._transactions.show, list(events))

    def wait(self) -> None:
        """Return when what was taken is committed and shown."""
        running, self._running = self._running, None
        if running is not None:
            running.result()

    def close(self) -> None:
        """End the thread; what it is at comes to its end."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _start(self, call: Callable[..., None], *arguments: Any) -> None:
        self.wait()
        self._running = self._thread.submit(call, *arguments)

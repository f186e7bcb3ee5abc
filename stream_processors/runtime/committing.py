"""The commit protocol: the outcome of a batch becomes visible as a whole, or not at all.

Each step is one function. The steps run in this order, and steps 1 to 6 share one deadline::

    1 begin            a transaction
    2 publish          the outputs
    3 put aside        messages that break the contract, as dead letters
    4 checkpoint       what changed of the state, when a checkpoint is due
    5 offsets          of the batch, into the transaction
    6 commit           after this everything is visible, before it nothing
    7 show             the newest committed events, in Redis, guarded by their own order

When the broker asks for it, a transaction is aborted and made again from the same outcome until the
deadline. This happens to a transaction in the name of a generation of the group that has just ended.
``commit_thread`` runs the protocol in a thread of its own, one batch at a time, while the worker steps the
next batch.
"""

from collections.abc import Iterable
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
from stream_processors.runtime.checkpointing import publish_checkpoint
from stream_processors.runtime.dead_letters import publish_dead_letter, reason_of
from stream_processors.runtime.deadlines import Deadline
from stream_processors.runtime.declarations import Job, View
from stream_processors.runtime.pending import DueOutput, PendingCommit

log = structlog.get_logger()
#: How often Redis is asked when there is nothing to write, so that an emptied Redis is noticed.
_LOOK_EVERY_S = 1.0


class CommitProtocol:
    """The steps of the protocol, for one job.

    Args:
        job: The job whose outcomes are committed.
        publisher: Writes into the log, by transactions.
        views: Where the newest events are shown; None for a job without views.
        clock: Tells how much of the budget is left.
        budget_s: The time that steps 1 to 6 may take together.
        is_embedded: Whether the broker is the embedded one, which forgets the offsets of a transaction
            that holds no record.
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
        """Start the time budget of one outcome, which all attempts at it share."""
        return Deadline(self._clock, self._budget_s)

    def run(self, pending: PendingCommit, group_metadata: Any, deadline: Deadline) -> bool:
        """Run all steps.

        Args:
            pending: The outcome to commit.
            group_metadata: The newest metadata of the group's member. During a rebalance a worker may
                commit only in the name of the group's present generation.
            deadline: When steps 1 to 6 must be finished.

        Returns:
            False when the transaction was aborted and may be made again.

        Raises:
            BrokerUnavailableError: If the broker did not commit within the budget.
            ProducerFencedError: If another worker took over.
            StoreUnavailableError: If Redis stayed away; what was committed stays.
        """
        if not self._has_committed(pending, group_metadata, deadline):
            return False
        self.show([*pending.seen, *(due.output.event for due in pending.outputs)])
        return True

    def _has_committed(self, pending: PendingCommit, group_metadata: Any, deadline: Deadline) -> bool:
        """Run steps 1 to 6."""
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
        """Commit; a call whose error says that it can be repeated goes on where it was."""
        while True:
            try:
                self._publisher.commit(timeout_s=deadline.left_s())
            except BrokerUnavailableError as error:
                if not is_retriable(error):
                    raise
            else:
                return

    def show(self, events: Iterable[Event]) -> bool:
        """Run step 7; once a second it also asks Redis when there are no events.

        Returns:
            True, since nothing of this step is made again.
        """
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

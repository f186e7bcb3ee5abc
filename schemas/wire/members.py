"""A worker as a member of the consumer group of its job, which reads its partitions in runs.

Partitions are assigned by their number. The group assigns the partitions of the first input cooperatively, so a
partition that stays is read on while others move. The worker itself assigns the partitions of the other inputs
with the same numbers. So it always has the same numbers of each input, whatever the assignor does.

Membership is static: the group knows a worker by its name and keeps its partitions while it is
away for less than the session timeout. So a worker that was killed and starts again continues with the same
partitions, and no other worker is disturbed. Two workers with one name fence each other.

On the embedded broker a worker takes every partition at once, without joining: see
:mod:`schemas.wire.reading`.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import confluent_kafka as ck
import structlog

from schemas.errors import BrokerUnavailableError, PlatformError
from schemas.topics import Topic
from schemas.wire.connections import connection, fetching, translated
from schemas.wire.ownership import Ownership
from schemas.wire.runs import Positions, Taken, taken_apart
from schemas.wire.settings import KafkaEndpoint

log = structlog.get_logger()
_BEGINNING = -2
_ANSWER_S = 15.0
#: Without an open transaction the broker answers in milliseconds; with one, it does not answer.
_AT_ONCE_S = 1.0
_OPTIONS: dict[str, Any] = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "partition.assignment.strategy": "cooperative-sticky",
    "heartbeat.interval.ms": 1000,
    "enable.partition.eof": True,
    # With the default of a second, a fast reader is stalled for that long whenever its queue has been full.
    "fetch.queue.backoff.ms": 5,
    "fetch.wait.max.ms": 100,
}


class MemberHooks(NamedTuple):
    """What a worker does when its partitions change. The hooks are called within :meth:`Member.take`.

    Attributes:
        on_assigned: Gets partition numbers, prepares their state, and returns the offsets from which to read,
            by topic and partition; a partition without an offset is read from its beginning.
        on_revoked: Gets partition numbers that are given up, and commits what belongs to them.
        on_lost: Gets partition numbers that belong to another worker already.
    """

    on_assigned: Callable[[list[int]], Positions]
    on_revoked: Callable[[list[int]], None]
    on_lost: Callable[[list[int]], None]


class Member:
    """Reads the partitions of a worker.

    Args:
        endpoint: The address of the broker.
        group: The consumer group.
        name: The name of the worker within the group.
        topics: The inputs; all have the same number of partitions.
        hooks: What the worker does when its partitions change.
        owner: The transactional id of the worker, which its committed offsets state (:mod:`schemas.wire.ownership`).
        session_s: The seconds for which the group keeps the partitions of a member that is silent.
    """

    def __init__(
        self,
        endpoint: KafkaEndpoint,
        *,
        group: str,
        name: str,
        topics: Sequence[Topic],
        hooks: MemberHooks,
        owner: str,
        session_s: float,
    ) -> None:
        self._endpoint = endpoint
        self._group = group
        self._owner = owner
        self._topics = topics
        self._hooks = hooks
        self._is_abandoned = self._is_closed = False
        self._held: frozenset[tuple[str, int]] = frozenset()
        self._is_fixed = endpoint.is_embedded
        identity = {} if self._is_fixed else {"group.instance.id": f"{group}-{name}"}
        queued = {"queued.max.messages.kbytes": 8_192 if self._is_fixed else 65_536}
        session = {**queued, "group.id": group, "session.timeout.ms": int(session_s * 1000)}
        self._consumer = ck.Consumer(
            {
                **connection(endpoint, f"{group}-{name}"),
                **fetching(endpoint),
                **_OPTIONS,
                **session,
                **identity,
            }
        )

    def open(self) -> None:
        """Start reading. On the embedded broker all partitions are assigned at once."""
        if not self._is_fixed:
            with translated():
                self._consumer.subscribe(
                    [self._topics[0].name],
                    on_assign=self._assigned,
                    on_revoke=self._revoked,
                    on_lost=self._lost,
                )
            return
        numbers = list(range(self._topics[0].n_partitions))
        starts = self._hooks.on_assigned(numbers)
        with translated():
            self._consumer.assign(self._partitions(numbers, starts))

    def take(self, *, max_messages: int, timeout_s: float) -> Taken:
        """Wait for the first message, then return it with all messages that have arrived."""
        with translated():
            messages = self._consumer.consume(1, timeout_s)
            if messages and max_messages > 1:
                messages += self._consumer.consume(max_messages - 1, 0)
        return taken_apart(messages)

    def hold(self, places: Collection[tuple[str, int]]) -> None:
        """Do not fetch from these partitions, and continue with all others.

        The records of a held partition are read when it is no longer held.
        """
        wanted = frozenset(places)
        begun, ended = wanted - self._held, self._held - wanted
        with translated():
            if begun:
                self._consumer.pause([ck.TopicPartition(*place) for place in begun])
            if ended:
                self._consumer.resume([ck.TopicPartition(*place) for place in ended])
        self._held = wanted

    def committed(self, numbers: Sequence[int]) -> Positions:
        """Return the committed offsets of partition numbers that this worker has now.

        Partitions without an offset are left out. A transaction that another worker left open on them is ended.
        """
        partitions = self._partitions(numbers)
        timeout_s = _ANSWER_S if self._is_fixed else _AT_ONCE_S
        try:
            with translated():
                found = self._consumer.committed(partitions, timeout=timeout_s)
        except BrokerUnavailableError:
            if self._is_fixed:
                raise
            ownership = Ownership(self._endpoint, group=self._group, owner=self._owner)
            positions = ownership.freed([(p.topic, p.partition) for p in partitions])
        else:
            positions = {(p.topic, p.partition): p.offset for p in found if p.offset >= 0}
        if not self._is_fixed:
            self._claim(positions)
        return positions

    def _claim(self, positions: Positions) -> None:
        """Commit the offsets with this worker as their owner, before they are part of a transaction."""
        if not positions:
            return
        offsets = [ck.TopicPartition(*place, offset, self._owner) for place, offset in positions.items()]
        try:
            with translated():
                self._consumer.commit(offsets=offsets, asynchronous=False)
        except PlatformError as error:  # for instance, the group assigns partitions again meanwhile
            log.info("partitions not claimed", group=self._group, reason=str(error))

    def ends(self, numbers: Sequence[int]) -> Positions:
        """Return the offset after the last record of each partition."""
        return {(p.topic, p.partition): self._end(p) for p in self._partitions(numbers)}

    def _end(self, partition: Any) -> int:
        with translated():
            return int(self._consumer.get_watermark_offsets(partition, timeout=15)[1])

    def group_metadata(self) -> Any:
        """Return what a transaction needs to know about the group."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Close the connection. The group keeps the partitions for the session timeout."""
        if not self._is_closed:
            self._is_closed = True
            self._consumer.close()

    def abandon(self) -> None:
        """Close the connection without calling the hooks, because the worker has failed."""
        self._is_abandoned = True
        self.close()

    def _assigned(self, consumer: Any, partitions: Sequence[Any]) -> None:
        if self._is_abandoned:
            return
        numbers = [partition.partition for partition in partitions]
        starts = self._hooks.on_assigned(numbers) if numbers else {}
        consumer.incremental_assign(self._partitions(numbers, starts))

    def _revoked(self, consumer: Any, partitions: Sequence[Any]) -> None:
        if self._is_abandoned:
            return
        numbers = [partition.partition for partition in partitions]
        self._hooks.on_revoked(numbers)
        self._let_go(consumer, numbers)

    def _lost(self, consumer: Any, partitions: Sequence[Any]) -> None:
        if self._is_abandoned:
            return
        numbers = [partition.partition for partition in partitions]
        self._let_go(consumer, numbers)
        self._hooks.on_lost(numbers)

    def _let_go(self, consumer: Any, numbers: Sequence[int]) -> None:
        """Give partitions back. They are resumed first, because the library would keep them paused if they came back."""
        gone = frozenset(place for place in self._held if place[1] in set(numbers))
        if gone:
            consumer.resume([ck.TopicPartition(*place) for place in gone])
        consumer.incremental_unassign(self._partitions(numbers))
        self._held -= gone

    def _partitions(self, numbers: Sequence[int], starts: Positions | None = None) -> list[Any]:
        found = starts or {}
        return [
            ck.TopicPartition(topic.name, number, found.get((topic.name, number), _BEGINNING))
            for number in numbers
            for topic in self._topics
        ]

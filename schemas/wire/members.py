"""A worker's share of its job's inputs: a member of the consumer group that reads in runs.

Partitions are shared out by their number. The group shares out the first input, cooperatively: a
partition that stays is read on while others move. The same-numbered partitions of the other inputs
follow by hand, so that one worker always has the same number of each, whatever the assignor does.

Membership is static: the group knows a worker by its name and keeps its share for it while it is
away for less than the session's timeout, so a worker that was killed and starts again goes on with
what it had, and nobody else is disturbed. Two workers of one name fence each other.

On the embedded broker every partition is taken at once, without joining: see
:mod:`schemas.wire.reading`.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import confluent_kafka as ck
import structlog

from schemas.errors import BrokerUnavailableError, PlatformError
from schemas.topics import Topic
from schemas.wire.connections import connection, translated
from schemas.wire.ownership import Ownership
from schemas.wire.runs import Positions, Taken, taken_apart
from schemas.wire.settings import KafkaEndpoint

log = structlog.get_logger()
_BEGINNING = -2
_ANSWER_S = 15.0
#: Without an open transaction offsets are told in milliseconds; with one, not at all.
_AT_ONCE_S = 1.0
_OPTIONS: dict[str, Any] = {
    "enable.auto.commit": False,
    "auto.offset.reset": "earliest",
    "isolation.level": "read_committed",
    "partition.assignment.strategy": "cooperative-sticky",
    "heartbeat.interval.ms": 1000,
    "enable.partition.eof": True,
    # A fast reader would otherwise be stalled for a second whenever the queue has filled.
    "fetch.queue.backoff.ms": 5,
    "fetch.wait.max.ms": 100,
}


class Hooks(NamedTuple):
    """What a worker does when its share changes; called within :meth:`Member.take`.

    Attributes:
        on_assigned: Gets partition numbers; makes their state ready and returns where to read on,
            by topic and partition; what is not named is read from its beginning.
        on_revoked: Gets partition numbers that are given up; commits what belongs to them.
        on_lost: Gets partition numbers that are already another's.
    """

    on_assigned: Callable[[list[int]], Positions]
    on_revoked: Callable[[list[int]], None]
    on_lost: Callable[[list[int]], None]


class Member:
    """Reads a worker's share.

    Args:
        group: The consumer group.
        name: Of the worker, within the group.
        topics: The inputs; all have the same number of partitions.
        owner: The worker's transactional id, which the offsets of its share say (:mod:`schemas.wire.ownership`).
        session_s: For how long the group keeps the share of a member that is not heard of.
    """

    def __init__(
        self,
        endpoint: KafkaEndpoint,
        *,
        group: str,
        name: str,
        topics: Sequence[Topic],
        hooks: Hooks,
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
            {**connection(endpoint, f"{group}-{name}"), **_OPTIONS, **session, **identity}
        )

    def open(self) -> None:
        """Begin; on the embedded broker the whole of the inputs is assigned at once."""
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
        """What is at hand: waits for the first message, then takes what has already arrived."""
        with translated():
            messages = self._consumer.consume(1, timeout_s)
            if messages and max_messages > 1:
                messages += self._consumer.consume(max_messages - 1, 0)
        return taken_apart(messages)

    def hold(self, places: Collection[tuple[str, int]]) -> None:
        """Fetch nothing of these partitions of the share, and go on with all others.

        What a held partition has in the log is taken when it is no longer held.
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
        """The committed offsets of partition numbers, which are this worker's own now.

        Those without one are left out. A transaction that a worker left open on them is ended.
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
        """Say whose the share is, before anything of it is in a transaction."""
        if not positions:
            return
        offsets = [ck.TopicPartition(*place, offset, self._owner) for place, offset in positions.items()]
        try:
            with translated():
                self._consumer.commit(offsets=offsets, asynchronous=False)
        except PlatformError as error:  # such as the group sharing out anew meanwhile
            log.info("share not claimed", group=self._group, reason=str(error))

    def ends(self, numbers: Sequence[int]) -> Positions:
        """The offset behind the last record of each partition."""
        return {(p.topic, p.partition): self._end(p) for p in self._partitions(numbers)}

    def _end(self, partition: Any) -> int:
        with translated():
            return int(self._consumer.get_watermark_offsets(partition, timeout=15)[1])

    def group_metadata(self) -> Any:
        """What a transaction needs to know of the group."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Free the connection; the group keeps the share for the session's timeout."""
        if not self._is_closed:
            self._is_closed = True
            self._consumer.close()

    def abandon(self) -> None:
        """As :meth:`close`, without a word to the worker, which has failed."""
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
        """Give partitions back. The library remembers a pause beyond that: what comes back would stay paused."""
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

"""The owners of committed offsets, by which a worker ends a transaction that a dead worker left open.

A worker that is killed inside a transaction leaves it open. The broker ends it after 15 s
and up to 10 s more (``transaction.abort.timed.out.transaction.cleanup.interval.ms``). Until then no read_committed
reader gets the records after it, and the broker does not tell the offsets of its partitions. A worker that starts
again under its own name ends it at once, because a new producer with the same transactional id fences the one
before. But if the partitions went to another worker, no producer has that id.

Therefore committed offsets state their owner: their metadata is the transactional id of the worker that committed
them, or that took them over and has not committed yet. If an open transaction blocks the new partitions of a worker,
the worker opens a producer with that id, which ends the transaction and fences its owner. That is safe, because a
worker commits before it gives partitions up. So a transaction that is still open on the partitions of another
worker belongs to a worker that is dead, or that the group has removed.
"""

import time
from collections.abc import Collection, Sequence

import confluent_kafka as ck
import structlog
from confluent_kafka.admin import AdminClient

from schemas.errors import BrokerUnavailableError, PlatformError
from schemas.wire.connections import connection, translate, translated
from schemas.wire.publishing import Publisher
from schemas.wire.runs import Positions
from schemas.wire.settings import KafkaEndpoint

log = structlog.get_logger()
Place = tuple[str, int]

_TIMEOUT_S = 15.0
_LOOK_AGAIN_S = 0.05
#: Longer than any transaction stays open: its own limit, and the interval at which a broker looks for such.
_LONGEST_S = 45.0
#: The markers of a committed transaction reach the partition of the offsets a moment later.
_MARKS_S = 0.5


class Ownership:
    """Reads the committed offsets of a group with their owners.

    Args:
        endpoint: The address of the broker.
        group: The consumer group.
        owner: The transactional id of the worker that asks; it never fences itself.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, group: str, owner: str) -> None:
        self._endpoint = endpoint
        self._group = group
        self._owner = owner
        self._admin = AdminClient(connection(endpoint, f"{group}-ownership"))

    def freed(self, places: Sequence[Place]) -> Positions:
        """Return the committed offsets of places as soon as no transaction is open on them.

        Places without an offset are left out.

        Raises:
            BrokerUnavailableError: If a transaction stays open, or the broker does not answer.
        """
        start_s = time.monotonic()
        fenced: set[str] = set()
        while True:
            positions, held = self._stable(places)
            if not held:
                return positions
            waited_s = time.monotonic() - start_s
            if waited_s > _LONGEST_S:
                message = (
                    f"Kafka: a transaction on {sorted(held)} of {self._group} was open for {waited_s:.0f} s"
                )
                raise BrokerUnavailableError(message)
            if waited_s > _MARKS_S:
                for owner in self._owners(held) - fenced - {self._owner, ""}:
                    self._fence(owner)
                    fenced.add(owner)
            time.sleep(_LOOK_AGAIN_S)

    def _stable(self, places: Sequence[Place]) -> tuple[Positions, set[Place]]:
        """The committed offsets, and the places on which a transaction is open."""
        found, held = {}, set()
        for partition in self._listed(places, is_stable=True):
            place = (partition.topic, partition.partition)
            if partition.error is None:
                found[place] = partition.offset
            elif partition.error.code() == ck.KafkaError.UNSTABLE_OFFSET_COMMIT:
                held.add(place)
            else:
                raise translate(partition.error)
        return {place: offset for place, offset in found.items() if offset >= 0}, held

    def _owners(self, places: Collection[Place]) -> set[str]:
        return {partition.metadata or "" for partition in self._listed(sorted(places), is_stable=False)}

    def _listed(self, places: Sequence[Place], *, is_stable: bool) -> Sequence[ck.TopicPartition]:
        wanted = ck.ConsumerGroupTopicPartitions(self._group, [ck.TopicPartition(*place) for place in places])
        with translated():
            asked = self._admin.list_consumer_group_offsets(
                [wanted], require_stable=is_stable, request_timeout=_TIMEOUT_S
            )
            found: Sequence[ck.TopicPartition] = asked[self._group].result().topic_partitions
        return found

    def _fence(self, owner: str) -> None:
        log.warning("ends a transaction that was left open", group=self._group, owner=owner)
        try:
            heir = Publisher(self._endpoint, role="takeover", transactional_id=owner)
            heir.prepare_transactions(timeout_s=_TIMEOUT_S)
        except PlatformError as error:  # the broker ends it later
            log.warning("could not end it", owner=owner, reason=str(error))

"""The administration client of Kafka: creates topics, and asks for ends, offsets and lags.

It stands apart from reading and publishing, which every job does, because only tools of operators need it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import confluent_kafka as ck
import stamina
from confluent_kafka import IsolationLevel
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic

from schemas.errors import BrokerUnavailableError, ConfigurationError
from schemas.topics import MARKET_TICK, Topic
from schemas.wire.kafka import LARGEST_MESSAGE_BYTES, Positions, connection, read_range, translated
from schemas.wire.settings import KafkaEndpoint

_TIMEOUT_S = 15.0
_LOOK_AGAIN_S = 0.1
_ATTEMPTS = 6
_Answer = TypeVar("_Answer")
#: Only closed segments are compacted, and a restore reads all records that are not compacted. Therefore
#: segments are small and are closed by time, too, and a topic is compacted when a fifth of it is new.
#: A deletion stays long enough for every reader that began before it.
_COMPACTED = {
    "cleanup.policy": "compact",
    "segment.bytes": str(2 * LARGEST_MESSAGE_BYTES),
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.2",
    "max.compaction.lag.ms": "600000",
    "delete.retention.ms": "3600000",
}
#: Apache Kafka takes this to mean its own default.
_BROKERS_CHOICE = -1


class Administration:
    """Creates topics, and reads the offsets of the log and of groups."""

    def __init__(self, endpoint: KafkaEndpoint) -> None:
        self._endpoint = endpoint
        self._admin = AdminClient(connection(endpoint, "administration"))
        self._groups: dict[str, Any] = {}

    def is_ready(self, *, timeout_s: float = 1.0) -> bool:
        """Return whether the broker answers."""
        try:
            self._admin.list_topics(timeout=timeout_s)
        except ck.KafkaException:
            return False
        return True

    def topics(self, *, timeout_s: float = 10.0) -> dict[str, int]:
        """Return the number of partitions of every topic that exists.

        Raises:
            BrokerUnavailableError: If the broker does not answer.
        """
        with translated():
            found = self._admin.list_topics(timeout=timeout_s).topics
        return {name: len(topic.partitions) for name, topic in found.items()}

    def brokers(self, *, timeout_s: float = 10.0) -> frozenset[int]:
        """Return the numbers of the brokers of the cluster that are alive; none if no broker answers."""
        try:
            return frozenset(self._admin.list_topics(timeout=timeout_s).brokers)
        except ck.KafkaException:
            return frozenset()

    def under_replicated(self, *, timeout_s: float = 10.0) -> list[tuple[str, int]]:
        """Return the partitions of which a copy is not up to date.

        Raises:
            BrokerUnavailableError: If no broker answers.
        """
        with translated():
            topics = self._admin.list_topics(timeout=timeout_s).topics
        return [
            (name, number)
            for name, topic in topics.items()
            for number, partition in topic.partitions.items()
            if len(partition.isrs) < len(partition.replicas)
        ]

    def create_topics(self, topics: Iterable[Topic], *, replication: int | None = None) -> list[str]:
        """Create the topics that are missing.

        Args:
            topics: Topics of the table of :mod:`schemas.topics`.
            replication: The copies of each partition; None leaves that to the settings of the broker. With
                more than one, a record is acknowledged when all copies but one have it, so that
                the loss of one broker loses no record.

        Returns:
            The names of the created topics.

        Raises:
            ConfigurationError: If a topic exists with another number of partitions.
            BrokerUnavailableError: If the broker does not answer.
        """
        with translated():
            existing = self._admin.list_topics(timeout=10).topics
        wanted = list(topics)
        for topic in wanted:
            if topic.name in existing and len(existing[topic.name].partitions) != topic.n_partitions:
                message = (
                    f"topic {topic.name} must have {topic.n_partitions} partitions, "
                    f"has {len(existing[topic.name].partitions)}: delete it or use another broker"
                )
                raise ConfigurationError(message)
        missing = [topic for topic in wanted if topic.name not in existing]
        n_copies = replication or (1 if self._endpoint.is_embedded else _BROKERS_CHOICE)
        if not missing:
            return []
        with translated():
            for future in self._admin.create_topics(
                [_new_topic(topic, n_copies) for topic in missing]
            ).values():
                _ignoring_existing(future)
        return [topic.name for topic in missing]

    def wake_coordinators(self, *, timeout_s: float = 15.0) -> None:
        """Return when offsets can be committed. A new broker creates its topic of offsets at the first request.

        Raises:
            BrokerUnavailableError: If they cannot be committed in time.
        """
        client, asked = self._asking("driftline-administration"), [ck.TopicPartition(MARKET_TICK.name, 0)]
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                with translated():
                    client.committed(asked, timeout=timeout_s)
            except BrokerUnavailableError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_AGAIN_S)
            else:
                return

    def ends(self, partitions: Iterable[tuple[str, int]], *, are_stable: bool = False) -> Positions:
        """Return the offset after the last record of each partition.

        On Apache Kafka the marker that ends a transaction takes an offset, too. The embedded broker
        states the second record of the last batch that it received, so there the rest is read.

        Args:
            partitions: The topics and partitions.
            are_stable: Whether only records count that a read_committed reader can read; otherwise records of open
                transactions count, too. The embedded broker does not distinguish them.

        Raises:
            BrokerUnavailableError: If the broker does not answer, or has no such partition.
        """
        which = IsolationLevel.READ_COMMITTED if are_stable else IsolationLevel.READ_UNCOMMITTED
        latest = dict.fromkeys(partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
        found = {where: answer.offset for where, answer in self._listed(latest, which).items()}
        return _behind_last_batch(self._endpoint, found) if self._endpoint.is_embedded else found

    def beginnings(self, partitions: Iterable[tuple[str, int]]) -> Positions:
        """Return the offset of the first record that each partition still has.

        Raises:
            BrokerUnavailableError: If the broker does not answer, or has no such partition.
        """
        return self._positions(partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def offsets_at(self, times: Mapping[tuple[str, int], int]) -> Positions:
        """Return the first offset whose record was published at or after a time; the end if there is none.

        Args:
            times: The times in UTC milliseconds, by topic and partition.

        Raises:
            BrokerUnavailableError: If the broker does not answer, or has no such partition.
        """
        found = self._listed({where: OffsetSpec.for_timestamp(time_ms) for where, time_ms in times.items()})
        # If there is none, Apache Kafka answers -1 for both, and the embedded broker answers 0.
        there = {w: o.offset for w, o in found.items() if o.offset >= 0 and o.timestamp >= times[w]}
        return there | self.ends(times.keys() - there.keys())

    def committed(self, group: str, partitions: Iterable[tuple[str, int]]) -> Positions:
        """Return the offsets that a consumer group has committed; partitions without an offset are left out.

        Raises:
            BrokerUnavailableError: If the broker does not answer.
        """
        asked = [ck.TopicPartition(topic, partition) for topic, partition in partitions]
        if not asked:
            return {}
        found = self._patiently(lambda: self._asking(group).committed(asked, timeout=_TIMEOUT_S))
        return {(where.topic, where.partition): where.offset for where in found if where.offset >= 0}

    def _asking(self, group: str) -> Any:
        """A client of a group that never joins it.

        The request of the administration client for the offsets of a group ends the process (librdkafka 2.16:
        a null pointer, or a failed assertion) if the group has no coordinator at the moment.
        """
        if group not in self._groups:
            options = {**connection(self._endpoint, "administration"), "group.id": group}
            # It does not wait for offsets that a transaction is about to commit.
            self._groups[group] = ck.Consumer({**options, "isolation.level": "read_uncommitted"})
        return self._groups[group]

    def _patiently(self, ask: Callable[[], _Answer]) -> _Answer:
        """Retry, because a broker that has just started, or lost another, has no leaders for a moment.

        The library goes on asking the leaders that it knew, until it lists topics again.
        """
        for attempt in stamina.retry_context(
            on=BrokerUnavailableError, attempts=_ATTEMPTS, wait_initial=0.1, wait_max=0.5
        ):
            with attempt, translated():
                if attempt.num > 1:
                    self._admin.list_topics(timeout=_TIMEOUT_S)
                return ask()
        raise AssertionError  # the last attempt returns or raises

    def _positions(self, partitions: Iterable[tuple[str, int]], which: Any) -> Positions:
        return {
            where: found.offset for where, found in self._listed(dict.fromkeys(partitions, which)).items()
        }

    def _listed(
        self,
        asked: Mapping[tuple[str, int], Any],
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> dict[tuple[str, int], Any]:
        if not asked:
            return {}
        request = {ck.TopicPartition(topic, partition): spec for (topic, partition), spec in asked.items()}

        def ask() -> dict[tuple[str, int], Any]:
            answers = self._admin.list_offsets(request, isolation_level=isolation, request_timeout=_TIMEOUT_S)
            return {(where.topic, where.partition): answer.result() for where, answer in answers.items()}

        return self._patiently(ask)


def _behind_last_batch(endpoint: KafkaEndpoint, found: Positions) -> Positions:
    last = dict(found)
    for record in read_range(endpoint, {where: offset - 1 for where, offset in found.items() if offset > 0}):
        last[record.topic, record.partition] = record.offset + 1
    return last


def _new_topic(topic: Topic, replication: int) -> NewTopic:
    config = dict(_COMPACTED) if topic.is_compacted else {"retention.ms": str(topic.retention_ms)}
    if not topic.events:  # a changelog or dead letters
        config["max.message.bytes"] = str(LARGEST_MESSAGE_BYTES)
    if replication > 1:
        config["min.insync.replicas"] = str(replication - 1)
    return NewTopic(topic.name, topic.n_partitions, replication, config=config)


def _ignoring_existing(future: Any) -> None:
    try:
        future.result(timeout=15)
    except ck.KafkaException as error:
        if error.args[0].code() != ck.KafkaError.TOPIC_ALREADY_EXISTS:
            raise

"""What the suite's tests share: the broker under test, the table of what the embedded one lacks, group members."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import uuid4

import confluent_kafka as ck
import pytest

from schemas.errors import PlatformError
from schemas.topics import Topic
from schemas.wire.administration import Administration
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Publisher, connection, read_range, translate
from schemas.wire.settings import KafkaEndpoint

#: For tests in which it matters that there are copies.
on_a_cluster_too = pytest.mark.parametrize(
    "broker",
    [
        "embedded",
        pytest.param("apache", marks=pytest.mark.kafka),
        pytest.param("cluster", marks=pytest.mark.kafka),
    ],
    indirect=True,
)


class Lack(StrEnum):
    """What the embedded broker lacks, in the words of ``schemas/wire/README.md``."""

    QUICK_JOINS = "It delays the join of a group"
    STATIC_MEMBERS = "A static member that returns gets new partitions"
    ABORTS = "Records of aborted transactions are visible to read_committed readers"
    OFFSETS_ALONE = "It loses the offsets of a transaction without a record, except for the first"
    FENCING_IN_TIME = "A fenced worker learns of it at its next transaction"
    EXACT_ENDS = "The end that it states is that of the first record of the last batch"
    COMPACTION = "It never compacts"
    DELETION = "It never deletes"
    DURABILITY = "It keeps nothing across a restart"


class Broker(NamedTuple):
    """One of the brokers."""

    name: str
    endpoint: KafkaEndpoint

    def lacks(self, what: Lack) -> bool:
        """Whether a test has to expect less of it; every other broker lacks nothing."""
        return self.endpoint.is_embedded and what in Lack

    def make_topic(self, *, n_partitions: int = 4, is_compacted: bool = False) -> Topic:
        made = Topic(
            name=f"test.broker_{uuid4().hex}.v1",
            events=(),
            owner="tests",
            n_partitions=n_partitions,
            is_compacted=is_compacted,
        )
        assert Administration(self.endpoint).create_topics([made]) == [made.name]
        return made

    def publisher(self) -> Publisher:
        return Publisher(self.endpoint, role="tests")

    def transactional(self, name: str) -> Publisher:
        made = Publisher(self.endpoint, role="tests", transactional_id=name)
        made.prepare_transactions(timeout_s=60)
        return made

    def publish(self, topic: Topic, values: list[bytes], *, partition: int = 0) -> None:
        publisher = self.publisher()
        for value in values:
            publisher.publish(topic.name, value, key=None, partition=partition)
        publisher.flush()

    def values(self, topic: Topic, partition: int = 0) -> list[bytes | None]:
        """What a read_committed reader finds, to the present end."""
        return [record.value for record in read_range(self.endpoint, {(topic.name, partition): 0})]

    def values_once_there(self, topic: Topic, *, n: int) -> list[bytes | None]:
        """The same, when there are as many: Apache Kafka marks partitions just after a commit returned."""
        eventually(lambda: len(self.values(topic)) >= n, within_s=60)
        return self.values(topic)


def fresh(what: str) -> str:
    """A name that no other test has."""
    return f"test-{what}-{uuid4().hex}"


def eventually(is_so: Callable[[], bool], *, within_s: float) -> bool:
    """Asks until it is so, or the time is over."""
    clock = SystemClock()
    deadline = clock.monotonic_s() + within_s
    while not is_so():
        if clock.monotonic_s() > deadline:
            return False
        clock.sleep(0.02)
    return True


class Consumer:
    """A group member of the client library itself, for what our doors leave out; polled by hand."""

    def __init__(self, broker: Broker, group: str, topic: Topic, **options: Any) -> None:
        dotted = {name.replace("_", "."): value for name, value in options.items()}
        self._consumer = ck.Consumer(
            {
                **connection(broker.endpoint, "tests"),
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                # Half of it is what the embedded broker holds a join back for; Apache Kafka's least is 6 s.
                "session.timeout.ms": 2000 if broker.endpoint.is_embedded else 6000,
                "heartbeat.interval.ms": 500,
                **dotted,
            }
        )
        self.errors: list[PlatformError] = []
        self.moves: list[tuple[str, list[int]]] = []
        self.seen: list[bytes] = []
        self._consumer.subscribe(
            [topic.name],
            on_assign=lambda _c, found: self.moves.append(("+", sorted(p.partition for p in found))),
            on_revoke=lambda _c, found: self.moves.append(("-", sorted(p.partition for p in found))),
        )

    @property
    def share(self) -> set[int]:
        """The partitions that it has now."""
        return {where.partition for where in self._consumer.assignment()}

    def poll(self) -> None:
        message = self._consumer.poll(0.05)
        if message is None:
            return
        if message.error() is None:
            self.seen.append(message.value())
        else:
            self.errors.append(translate(message.error()))

    def close(self) -> None:
        self._consumer.close()


@contextmanager
def closing(*consumers: Consumer) -> Iterator[None]:
    """Closes them, whatever happens in the block."""
    try:
        yield
    finally:
        for consumer in consumers:
            consumer.close()


def shared_out(*consumers: Consumer, within_s: float = 60.0) -> bool:
    """Polls all until each partition is somebody's and nobody is without one."""

    def is_so() -> bool:
        for consumer in consumers:
            consumer.poll()
        shares = [consumer.share for consumer in consumers]
        return all(shares) and sum(map(len, shares)) == 4 and len(set().union(*shares)) == 4

    return eventually(is_so, within_s=within_s)

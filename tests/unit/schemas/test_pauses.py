"""Pauses end where a partition is given up: on the library's own broker, inside the test's process."""

from collections.abc import Iterator

import confluent_kafka as ck
import pytest

from schemas.topics import MARKET_TICK
from schemas.wire.clocks import SystemClock
from schemas.wire.members import Member, MemberHooks
from schemas.wire.reading import Reader
from schemas.wire.settings import KafkaEndpoint

TOPIC = MARKET_TICK.name
PLACE = (TOPIC, 0)


@pytest.fixture
def endpoint() -> Iterator[KafkaEndpoint]:
    broker = ck.Producer({"bootstrap.servers": "none:1", "test.mock.num.brokers": 1, "log_level": 0})
    (metadata,) = broker.list_topics(timeout=10).brokers.values()
    broker.produce(TOPIC, b"there", partition=0)
    broker.flush(10)
    yield KafkaEndpoint(bootstrap_servers=f"{metadata.host}:{metadata.port}", is_embedded=False)
    broker.flush(1)


def has_read(reader: Member | Reader) -> bool:
    until_s = SystemClock().monotonic_s() + 10
    while SystemClock().monotonic_s() < until_s:
        if reader.take(max_messages=10, timeout_s=0.2).runs:
            return True
    return False


def test_partition_that_was_held_when_it_was_given_up_is_read_when_it_comes_back(
    endpoint: KafkaEndpoint,
) -> None:
    """The library kept the pause, and the member had forgotten it: nobody ended it any more."""
    hooks = MemberHooks(lambda _: {PLACE: 0}, lambda _: None, lambda _: None)
    member = Member(
        endpoint, group="g", name="0", topics=[MARKET_TICK], hooks=hooks, owner="owner", session_s=10.0
    )
    share = [ck.TopicPartition(*PLACE)]
    member._assigned(member._consumer, share)
    assert has_read(member)
    member.hold({PLACE})
    member._revoked(member._consumer, share)
    member.hold(())
    member._assigned(member._consumer, share)
    assert has_read(member)
    member.close()


def test_partition_that_went_while_its_reader_idled_is_read_when_it_comes_back(
    endpoint: KafkaEndpoint,
) -> None:
    """A sink whose place in the group was lost while it waited for its store read nothing ever after."""
    reader = Reader(endpoint, group="g", topics=[MARKET_TICK], is_fixed=False)
    consumer = reader._consumer
    consumer.incremental_assign([ck.TopicPartition(*PLACE, 0)])
    assert has_read(reader)
    reader._consumer = _LosesItsShare(consumer)
    reader.idle(0.1)
    reader._consumer = consumer
    consumer.incremental_assign([ck.TopicPartition(*PLACE, 0)])
    assert has_read(reader)
    reader.close()


class _LosesItsShare:
    """A consumer whose group takes the share away at the next call that serves it."""

    def __init__(self, consumer: ck.Consumer) -> None:
        self._consumer = consumer

    def consume(self, n: int, timeout_s: float) -> list[ck.Message]:
        self._consumer.incremental_unassign(self._consumer.assignment())
        return self._consumer.consume(n, timeout_s)

    def __getattr__(self, name: str) -> object:
        return getattr(self._consumer, name)

"""Producing, consuming, and asking the log for places, on every broker."""

import asyncio
from uuid import uuid4

import confluent_kafka as ck
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from schemas.errors import BrokerUnavailableError, ConfigurationError
from schemas.topics import Topic, partition_of
from schemas.wire.administration import Administration
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import LARGEST_MESSAGE_BYTES, Publisher, Reader, connection, read_range
from schemas.wire.settings import KafkaEndpoint
from tests.contract.brokers.brokers import Broker, Lack, eventually, fresh, on_a_cluster_too

AWAY = KafkaEndpoint(bootstrap_servers="127.0.0.1:1", is_embedded=True)


def test_topics_are_created_once(broker: Broker, topic: Topic) -> None:
    assert Administration(broker.endpoint).create_topics([topic]) == []


def test_topic_with_another_number_of_partitions_is_a_wrong_setting(broker: Broker, topic: Topic) -> None:
    other = Topic(name=topic.name, events=(), owner="tests", n_partitions=7)
    with pytest.raises(ConfigurationError, match="7 partitions"):
        Administration(broker.endpoint).create_topics([other])


@on_a_cluster_too
def test_keys_lie_where_the_partitioner_says(broker: Broker, topic: Topic) -> None:
    keys = [f"COIN{i}-USDT.BINANCE".encode() for i in range(40)]
    publisher = broker.publisher()
    for key in keys:
        publisher.publish(topic.name, key, key=key)
    publisher.flush()
    found = {
        record.key: record.partition
        for record in read_range(broker.endpoint, {(topic.name, p): 0 for p in range(topic.n_partitions)})
    }
    assert found == {key: partition_of(key, topic.n_partitions) for key in keys}


def test_record_comes_back_whole(broker: Broker, topic: Topic) -> None:
    before_ms = SystemClock().now_ms()
    publisher = broker.publisher()
    publisher.publish(topic.name, b"value", key=b"key", partition=2, headers=[("name", b"content")])
    publisher.publish(topic.name, None, key=b"key", partition=2)
    publisher.flush()
    first, second = read_range(broker.endpoint, {(topic.name, 2): 0})
    assert (first.topic, first.partition, first.offset) == (topic.name, 2, 0)
    assert (first.key, first.value, list(first.headers)) == (b"key", b"value", [("name", b"content")])
    assert before_ms <= (first.timestamp_ms or 0) <= SystemClock().now_ms()
    assert second.value is None


def test_range_ends_where_it_is_told_to(broker: Broker, topic: Topic) -> None:
    broker.publish(topic, [b"%d" % i for i in range(20)], partition=1)
    where = (topic.name, 1)
    read = [record.offset for record in read_range(broker.endpoint, {where: 5}, {where: 12})]
    assert read == list(range(5, 12))
    assert [record.offset for record in read_range(broker.endpoint, {where: 5})] == list(range(5, 20))
    assert list(read_range(broker.endpoint, {where: 5}, {where: 5})) == []
    assert broker.values(topic, 0) == []


@on_a_cluster_too
def test_largest_message_passes_and_a_larger_one_is_refused(broker: Broker) -> None:
    topic = broker.make_topic(n_partitions=1)
    largest = b"x" * (LARGEST_MESSAGE_BYTES - 200)
    broker.publish(topic, [largest, b"next"])
    assert broker.values(topic) == [largest, b"next"]
    with pytest.raises(BrokerUnavailableError, match="MSG_SIZE_TOO_LARGE"):
        broker.publish(topic, [b"x" * (LARGEST_MESSAGE_BYTES + 1)])


@on_a_cluster_too
def test_ends_and_beginnings_are_those_of_the_records(broker: Broker, topic: Topic) -> None:
    administration = Administration(broker.endpoint)
    both = [(topic.name, 0), (topic.name, 1)]
    assert administration.ends(both) == administration.beginnings(both) == dict.fromkeys(both, 0)
    for n in (3, 7):
        broker.publish(topic, [b"x"] * n, partition=1)
    assert administration.ends(both) == {(topic.name, 0): 0, (topic.name, 1): 10}
    assert administration.beginnings(both) == dict.fromkeys(both, 0)
    assert administration.ends([]) == {}


def test_end_as_a_reader_is_told_it_lies_behind_all_records(broker: Broker, topic: Topic) -> None:
    broker.publish(topic, [b"x"] * 10)
    reader = Reader(broker.endpoint, group=fresh("ends"), topics=[topic], is_fixed=True)
    stated = reader.ends([(topic.name, 0)])
    reader.close()
    if broker.lacks(Lack.EXACT_ENDS):
        assert stated[topic.name, 0] < 10
    else:
        assert stated == {(topic.name, 0): 10}


def test_partition_that_is_not_there_is_said_to_be_unavailable(broker: Broker) -> None:
    with pytest.raises(BrokerUnavailableError):
        Administration(broker.endpoint).ends([(f"test.none_{uuid4().hex}.v1", 0)])


@on_a_cluster_too
def test_offsets_are_looked_up_by_time_of_publication(broker: Broker, topic: Topic) -> None:
    clock, where = SystemClock(), (topic.name, 0)
    begin_ms = clock.now_ms()
    broker.publish(topic, [b"a"] * 5)
    clock.sleep(0.01)
    middle_ms = clock.now_ms()
    broker.publish(topic, [b"b"] * 5)
    administration = Administration(broker.endpoint)
    for time_ms, offset in ((begin_ms, 0), (middle_ms, 5), (clock.now_ms() + 60_000, 10)):
        assert administration.offsets_at({where: time_ms}) == {where: offset}
    assert administration.offsets_at({(topic.name, 1): begin_ms}) == {(topic.name, 1): 0}


def test_compacted_topic_keeps_the_newest_record_of_each_key(broker: Broker) -> None:
    """Segments are closed at once here, so that there is something to compact."""
    topic = broker.make_topic(n_partitions=1, is_compacted=True)
    roll_quickly(broker, topic)
    publisher = broker.publisher()

    def n_left() -> int:
        publisher.publish(topic.name, b"last", key=b"last")
        publisher.flush()
        return sum(value != b"last" for value in broker.values(topic))

    for version in range(50):
        for key in (b"a", b"b"):
            publisher.publish(topic.name, b"%d" % version, key=key)
    publisher.flush()
    if broker.lacks(Lack.COMPACTION):
        assert n_left() == 100
        return
    assert eventually(lambda: n_left() == 2, within_s=60)
    newest = {record.key: record.value for record in read_range(broker.endpoint, {(topic.name, 0): 0})}
    assert newest == {b"a": b"49", b"b": b"49", b"last": b"last"}


def roll_quickly(broker: Broker, topic: Topic) -> None:
    if broker.lacks(Lack.COMPACTION):
        return
    quick = {"segment.ms": "300", "min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "300"}
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in quick.items()
    ]
    admin = AdminClient(connection(broker.endpoint, "tests"))
    wanted = ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries)
    for future in admin.incremental_alter_configs([wanted]).values():
        future.result(timeout=60)


def test_reading_goes_on_behind_records_that_were_deleted(broker: Broker, topic: Topic) -> None:
    broker.publish(topic, [b"%d" % i for i in range(10)])
    where, administration = (topic.name, 0), Administration(broker.endpoint)
    admin = AdminClient(connection(broker.endpoint, "tests"))
    (deleting,) = admin.delete_records([ck.TopicPartition(topic.name, 0, 4)], request_timeout=60).values()
    if broker.lacks(Lack.DELETION):
        with pytest.raises(ck.KafkaException):
            deleting.result(timeout=60)
        assert administration.beginnings([where]) == {where: 0}
        return
    deleting.result(timeout=60)
    assert administration.beginnings([where]) == {where: 4}
    assert [record.offset for record in read_range(broker.endpoint, {where: 0})] == list(range(4, 10))


def test_broker_that_is_away_is_a_transient_error() -> None:
    assert not Administration(AWAY).is_ready(timeout_s=0.2)
    assert Administration(AWAY).brokers(timeout_s=0.2) == frozenset()
    with pytest.raises(BrokerUnavailableError):
        Administration(AWAY).under_replicated(timeout_s=0.2)
    with pytest.raises(BrokerUnavailableError):
        Publisher(AWAY, role="tests", transactional_id="test").prepare_transactions(timeout_s=0.5)
    publisher = Publisher(AWAY, role="tests")
    publisher.publish("market.tick.v1", b"", key=None)
    with pytest.raises(BrokerUnavailableError, match="acknowledged"):
        publisher.flush(timeout_s=0.3)


def test_a_client_without_the_library_for_compression_reads_what_is_published_for_agents(
    broker: Broker, topic: Topic
) -> None:
    """aiokafka, on which the agents run, reads no zstd unless another library is installed."""
    values = [b"value %d" % i * 50 for i in range(100)]
    publisher = Publisher(broker.endpoint, role="tests", is_compressed=False)
    for value in values:
        publisher.publish(topic.name, value, key=b"key", partition=1)
    publisher.flush()
    assert asyncio.run(_read_by_agent(broker.endpoint, topic, len(values))) == values


async def _read_by_agent(endpoint: KafkaEndpoint, topic: Topic, n: int) -> list[bytes | None]:
    consumer = AIOKafkaConsumer(bootstrap_servers=endpoint.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic.name, 1)])
        await consumer.seek_to_beginning()
        return [(await asyncio.wait_for(consumer.getone(), 60)).value for _ in range(n)]
    finally:
        await consumer.stop()

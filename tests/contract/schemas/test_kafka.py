"""The door to Kafka on the embedded broker: partitions, ranges, transactions, fencing."""

from uuid import uuid4

import pytest

from schemas.errors import BrokerUnavailableError, ConfigurationError, ProducerFencedError
from schemas.topics import Topic, partition_of
from schemas.wire.administration import Administration
from schemas.wire.kafka import Publisher, Reader, read_range
from schemas.wire.settings import Endpoints, KafkaEndpoint

AWAY = KafkaEndpoint(bootstrap_servers="127.0.0.1:1", is_embedded=True)


@pytest.fixture
def topic(endpoints: Endpoints) -> Topic:
    made = Topic(name=f"test.topic_{uuid4().hex}.v1", events=(), owner="tests")
    assert Administration(endpoints.kafka).create_topics([made]) == [made.name]
    return made


@pytest.fixture
def publisher(endpoints: Endpoints) -> Publisher:
    return Publisher(endpoints.kafka, role="tests")


def transactional(endpoints: Endpoints, name: str) -> Publisher:
    made = Publisher(endpoints.kafka, role="tests", transactional_id=name)
    made.prepare_transactions(timeout_s=15.0)
    return made


def values(endpoints: Endpoints, topic: Topic, partition: int = 0) -> list[bytes | None]:
    return [record.value for record in read_range(endpoints.kafka, {(topic.name, partition): 0})]


def test_topics_are_created_once(endpoints: Endpoints, topic: Topic) -> None:
    assert Administration(endpoints.kafka).create_topics([topic]) == []


def test_topic_with_another_number_of_partitions_is_a_wrong_setting(
    endpoints: Endpoints, topic: Topic
) -> None:
    other = Topic(name=topic.name, events=(), owner="tests", n_partitions=7)
    with pytest.raises(ConfigurationError, match="7 partitions"):
        Administration(endpoints.kafka).create_topics([other])


def test_keys_lie_where_the_partitioner_says(
    endpoints: Endpoints, topic: Topic, publisher: Publisher
) -> None:
    keys = [f"COIN{i}-USDT.BINANCE".encode() for i in range(40)]
    for key in keys:
        publisher.publish(topic.name, key, key=key)
    publisher.flush()
    found = {
        record.key: record.partition
        for record in read_range(endpoints.kafka, {(topic.name, p): 0 for p in range(topic.n_partitions)})
    }
    assert found == {key: partition_of(key, topic.n_partitions) for key in keys}


def test_range_ends_where_it_is_told_to(endpoints: Endpoints, topic: Topic, publisher: Publisher) -> None:
    for i in range(20):
        publisher.publish(topic.name, b"%d" % i, key=None, partition=1)
    publisher.flush()
    where = (topic.name, 1)
    read = [record.offset for record in read_range(endpoints.kafka, {where: 5}, {where: 12})]
    assert read == list(range(5, 12))
    assert [record.offset for record in read_range(endpoints.kafka, {where: 5})] == list(range(5, 20))
    assert list(read_range(endpoints.kafka, {where: 5}, {where: 5})) == []


def test_empty_range_ends(endpoints: Endpoints, topic: Topic) -> None:
    assert values(endpoints, topic) == []


def test_record_comes_back_whole(endpoints: Endpoints, topic: Topic, publisher: Publisher) -> None:
    publisher.publish(topic.name, b"value", key=b"key", partition=2, headers=[("name", b"content")])
    publisher.publish(topic.name, None, key=b"key", partition=2)
    publisher.flush()
    first, second = read_range(endpoints.kafka, {(topic.name, 2): 0})
    assert (first.topic, first.partition, first.offset) == (topic.name, 2, 0)
    assert (first.key, first.value, list(first.headers)) == (b"key", b"value", [("name", b"content")])
    assert second.value is None


def test_reader_goes_on_behind_what_it_committed(
    endpoints: Endpoints, topic: Topic, publisher: Publisher
) -> None:
    for i in range(10):
        publisher.publish(topic.name, b"%d" % i, key=None, partition=0)
    publisher.flush()
    group = f"test-{uuid4().hex}"

    def read_all(n: int) -> list[int]:
        reader = Reader(endpoints.kafka, group=group, topics=[topic], is_fixed=True)
        reader.open()
        found: list[int] = []
        while len(found) < n:
            found += [record.offset for record in reader.poll(max_records=3, timeout_s=0.2)]
        reader.commit({(topic.name, 0): 6})
        assert reader.committed([(topic.name, 0), (topic.name, 1)]) == {(topic.name, 0): 6}
        reader.close()
        return found

    assert read_all(10) == list(range(10))
    assert read_all(4) == list(range(6, 10))


def test_transaction_is_there_whole_after_its_commit_with_its_offsets(
    endpoints: Endpoints, topic: Topic
) -> None:
    publisher = transactional(endpoints, f"test-{uuid4().hex}")
    reader = Reader(endpoints.kafka, group=f"test-{uuid4().hex}", topics=[topic], is_fixed=True)
    reader.open()
    publisher.begin()
    for i in range(3):
        publisher.publish(topic.name, b"%d" % i, key=None, partition=0)
    publisher.send_offsets({(topic.name, 3): 42}, reader.group_metadata(), timeout_s=15.0)
    assert reader.committed([(topic.name, 3)]) == {}
    publisher.commit(timeout_s=15.0)
    assert values(endpoints, topic) == [b"0", b"1", b"2"]
    assert reader.committed([(topic.name, 3)]) == {(topic.name, 3): 42}
    reader.close()


def test_earlier_worker_with_the_same_id_is_fenced_at_its_next_transaction(
    endpoints: Endpoints, topic: Topic
) -> None:
    name = f"test-{uuid4().hex}"
    first, second = transactional(endpoints, name), transactional(endpoints, name)
    first.begin()
    first.publish(topic.name, b"first", key=None, partition=0)
    with pytest.raises(ProducerFencedError):
        first.commit(timeout_s=15.0)
    second.begin()
    second.publish(topic.name, b"second", key=None, partition=0)
    second.commit(timeout_s=15.0)
    assert values(endpoints, topic) == [b"second"]


def test_transaction_that_is_open_when_its_worker_is_fenced_is_never_committed(
    endpoints: Endpoints, topic: Topic
) -> None:
    """The embedded broker lets this commit time out; Apache Kafka says at once that it is fenced."""
    name = f"test-{uuid4().hex}"
    first = transactional(endpoints, name)
    first.begin()
    first.publish(topic.name, b"first", key=None, partition=0)
    transactional(endpoints, name)
    with pytest.raises((ProducerFencedError, BrokerUnavailableError)):
        first.commit(timeout_s=1.0)


def test_broker_that_is_away_is_a_transient_error() -> None:
    assert not Administration(AWAY).is_ready(timeout_s=0.2)
    with pytest.raises(BrokerUnavailableError):
        Publisher(AWAY, role="tests", transactional_id="test").prepare_transactions(timeout_s=0.5)
    publisher = Publisher(AWAY, role="tests")
    publisher.publish("market.tick.v1", b"", key=None)
    with pytest.raises(BrokerUnavailableError, match="acknowledged"):
        publisher.flush(timeout_s=0.3)

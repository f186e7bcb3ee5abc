"""Transactions on every broker: whole or not at all, with their offsets, and by one worker of a name."""

import confluent_kafka as ck
import pytest

from schemas.errors import BrokerUnavailableError, PlatformError, ProducerFencedError
from schemas.topics import Topic
from schemas.wire.administration import Administration
from schemas.wire.connections import connection
from schemas.wire.kafka import Publisher, Reader, read_range
from tests.contract.brokers.brokers import Broker, Lack, fresh, on_a_cluster_too

pytestmark = on_a_cluster_too


def aborted(broker: Broker, topic: Topic, values: list[bytes]) -> None:
    """Through the client library itself: our door commits, or crashes and is fenced."""
    producer = ck.Producer({**connection(broker.endpoint, "tests"), "transactional.id": fresh("abort")})
    producer.init_transactions(30)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic.name, value, partition=0)
    producer.flush(15)
    producer.abort_transaction(15)


def test_transaction_is_there_whole_after_its_commit_with_its_offsets(broker: Broker, topic: Topic) -> None:
    publisher = broker.transactional(fresh("worker"))
    group = fresh("group")
    reader = Reader(broker.endpoint, group=group, topics=[topic], is_fixed=True)
    reader.open()
    publisher.begin()
    for i in range(3):
        publisher.publish(topic.name, b"%d" % i, key=None, partition=0)
    publisher.send_offsets({(topic.name, 3): 42}, reader.group_metadata(), timeout_s=60)
    assert Administration(broker.endpoint).committed(group, [(topic.name, 3)]) == {}
    publisher.commit(timeout_s=60)
    assert broker.values_once_there(topic, n=3) == [b"0", b"1", b"2"]
    assert reader.committed([(topic.name, 3)]) == {(topic.name, 3): 42}
    reader.close()


def test_offsets_of_a_transaction_without_records_are_kept(broker: Broker, topic: Topic) -> None:
    publisher, group = broker.transactional(fresh("worker")), fresh("group")
    reader = Reader(broker.endpoint, group=group, topics=[topic], is_fixed=True)
    for offset in (3, 7):
        publisher.begin()
        publisher.send_offsets({(topic.name, 0): offset}, reader.group_metadata(), timeout_s=60)
        publisher.commit(timeout_s=60)
    expected = 3 if broker.lacks(Lack.OFFSETS_ALONE) else 7
    assert reader.committed([(topic.name, 0)]) == {(topic.name, 0): expected}
    reader.close()


def test_open_transaction_is_invisible_and_holds_back_what_is_behind_it(broker: Broker, topic: Topic) -> None:
    publisher = broker.transactional(fresh("worker"))
    publisher.begin()
    publisher.publish(topic.name, b"open", key=None, partition=0)
    publisher.flush()
    broker.publish(topic, [b"behind"])
    assert broker.values(topic) == []
    publisher.commit(timeout_s=60)
    assert broker.values_once_there(topic, n=2) == [b"open", b"behind"]


def test_aborted_records_are_never_seen(broker: Broker, topic: Topic) -> None:
    aborted(broker, topic, [b"never", b"ever"])
    broker.publish(topic, [b"kept"])
    expected = [b"never", b"ever", b"kept"] if broker.lacks(Lack.ABORTS) else [b"kept"]
    assert broker.values_once_there(topic, n=len(expected)) == expected


def test_marks_of_transactions_take_an_offset_each(broker: Broker, topic: Topic) -> None:
    publisher = broker.transactional(fresh("worker"))
    for value in (b"a", b"b"):
        publisher.begin()
        publisher.publish(topic.name, value, key=None, partition=0)
        publisher.commit(timeout_s=60)
    where = (topic.name, 0)
    assert broker.values_once_there(topic, n=2) == [b"a", b"b"]
    assert [record.offset for record in read_range(broker.endpoint, {where: 0})] == [0, 2]
    assert Administration(broker.endpoint).ends([where])[where] == 4


def test_earlier_worker_with_the_same_id_is_fenced_at_its_next_transaction(
    broker: Broker, topic: Topic
) -> None:
    name = fresh("worker")
    first, second = broker.transactional(name), broker.transactional(name)
    with pytest.raises(ProducerFencedError):
        work(first, topic, b"first")
    work(second, topic, b"second")
    assert broker.values_once_there(topic, n=1) == [b"second"]


def test_transaction_that_is_open_when_its_worker_is_fenced_is_never_committed(
    broker: Broker, topic: Topic
) -> None:
    """Apache Kafka says at once that it is fenced; the embedded broker lets this commit time out."""
    name = fresh("worker")
    first = broker.transactional(name)
    first.begin()
    first.publish(topic.name, b"first", key=None, partition=0)
    first.flush()
    second = broker.transactional(name)
    late: type[PlatformError] = (
        BrokerUnavailableError if broker.lacks(Lack.FENCING_IN_TIME) else ProducerFencedError
    )
    with pytest.raises(late):
        first.commit(timeout_s=1.0)
    work(second, topic, b"second")
    expected = [b"first", b"second"] if broker.lacks(Lack.ABORTS) else [b"second"]
    assert broker.values_once_there(topic, n=len(expected)) == expected


def work(publisher: Publisher, topic: Topic, value: bytes) -> None:
    publisher.begin()
    publisher.publish(topic.name, value, key=None, partition=0)
    publisher.commit(timeout_s=60)

"""Lag in messages and in seconds, and following the log, on both brokers."""

from collections.abc import Iterator
from itertools import islice
from uuid import uuid4

import pytest

from schemas.topics import Topic
from schemas.wire.administration import Administration
from schemas.wire.clocks import SystemClock
from schemas.wire.following import first_published, follow
from schemas.wire.kafka import Publisher, Reader
from schemas.wire.lags import Lag, lags, worst
from schemas.wire.settings import KafkaEndpoint


@pytest.fixture(
    params=[
        pytest.param("embedded", marks=pytest.mark.servers),
        pytest.param("apache", marks=pytest.mark.kafka),
    ]
)
def endpoint(request: pytest.FixtureRequest) -> KafkaEndpoint:
    if request.param == "apache":
        found: KafkaEndpoint = request.getfixturevalue("apache")
        return found
    return request.getfixturevalue("endpoints").kafka


@pytest.fixture
def topic(endpoint: KafkaEndpoint) -> Topic:
    made = Topic(name=f"test.lag_{uuid4().hex}.v1", events=(), owner="tests", n_partitions=2)
    Administration(endpoint).create_topics([made])
    return made


def published(endpoint: KafkaEndpoint, topic: Topic, n: int, *, is_transactional: bool = False) -> None:
    name = f"tests-{uuid4().hex}" if is_transactional else None
    publisher = Publisher(endpoint, role="tests", transactional_id=name)
    if is_transactional:
        publisher.prepare_transactions(timeout_s=15)
        publisher.begin()
    for i in range(n):
        publisher.publish(topic.name, str(i).encode(), key=None, partition=0)
    if is_transactional:
        publisher.commit(timeout_s=15)
    publisher.flush()


def committed(endpoint: KafkaEndpoint, topic: Topic, offset: int) -> str:
    group = f"tests-{uuid4().hex}"
    reader = Reader(endpoint, group=group, topics=[topic], is_fixed=True)
    reader.commit({(topic.name, 0): offset})
    reader.close()
    return group


def lag(
    endpoint: KafkaEndpoint, topic: Topic, group: str, *, after_ms: int = 0
) -> dict[tuple[str, int], Lag]:
    now_ms = SystemClock().now_ms() + after_ms
    both = [(topic.name, 0), (topic.name, 1)]
    return lags(endpoint, Administration(endpoint), group=group, partitions=both, now_ms=now_ms)


def test_lag_is_the_age_of_the_first_record_that_is_left(endpoint: KafkaEndpoint, topic: Topic) -> None:
    published(endpoint, topic, 5)
    (found,) = lag(endpoint, topic, committed(endpoint, topic, 2), after_ms=60_000).values()
    assert found.n_messages == 3
    assert 60 <= found.behind_s < 90


def test_group_that_read_everything_is_not_behind(endpoint: KafkaEndpoint, topic: Topic) -> None:
    published(endpoint, topic, 5)
    group = committed(endpoint, topic, 5)
    assert lag(endpoint, topic, group, after_ms=60_000) == {(topic.name, 0): Lag(0, 0.0)}


def test_mark_of_a_transaction_is_no_lag(endpoint: KafkaEndpoint, topic: Topic) -> None:
    """On Apache Kafka the end lies behind the mark, which nobody ever consumes."""
    published(endpoint, topic, 5, is_transactional=True)
    group = committed(endpoint, topic, 5)
    assert lag(endpoint, topic, group, after_ms=60_000) == {(topic.name, 0): Lag(0, 0.0)}


def test_group_that_never_committed_has_no_lag_to_speak_of(endpoint: KafkaEndpoint, topic: Topic) -> None:
    published(endpoint, topic, 1)
    assert lag(endpoint, topic, "tests-nobody") == {}


def test_worst_of_a_topic_is_all_its_messages_and_its_longest_wait() -> None:
    assert worst({("a", 0): Lag(3, 9.0), ("a", 1): Lag(4, 2.0)}) == Lag(7, 9.0)
    assert worst({}) == Lag(0, 0.0)


def test_nothing_published_has_no_first_record(endpoint: KafkaEndpoint, topic: Topic) -> None:
    assert first_published(endpoint, {(topic.name, 0): 0, (topic.name, 1): 0}) == {}


def test_following_ends_at_the_end_when_told_so(endpoint: KafkaEndpoint, topic: Topic) -> None:
    before_ms = SystemClock().now_ms()
    published(endpoint, topic, 3)
    starts = {(topic.name, 0): 1, (topic.name, 1): 0}
    found = list(follow(endpoint, starts, stop=lambda: False, is_endless=False))
    assert [record.value for record in found] == [b"1", b"2"]
    assert all(before_ms <= (record.timestamp_ms or 0) <= SystemClock().now_ms() for record in found)


def test_following_goes_on_as_the_log_grows(endpoint: KafkaEndpoint, topic: Topic) -> None:
    published(endpoint, topic, 1)
    found: Iterator = follow(endpoint, {(topic.name, 0): 0}, stop=lambda: False, is_endless=True)
    assert next(found).value == b"0"
    published(endpoint, topic, 2)
    assert [record.value for record in islice(found, 2)] == [b"0", b"1"]
    found.close()


def test_following_stops_when_asked(endpoint: KafkaEndpoint, topic: Topic) -> None:
    assert list(follow(endpoint, {(topic.name, 0): 0}, stop=lambda: True, is_endless=True)) == []

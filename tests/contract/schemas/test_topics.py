"""The table of topics, and the partitioner as Java's clients have it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics
from schemas.events import SourceHealthChanged, SourceStatusChanged
from schemas.topics import (
    ALL_TOPICS,
    BY_NAME,
    CONSUMERS,
    EVENT_TOPICS,
    STATEFUL_JOBS,
    Topic,
    partition_of,
)
from stream_processors.jobs.market import market_job
from stream_processors.jobs.outcomes import outcomes_job
from stream_processors.settings import ProcessorSettings

every_topic = pytest.mark.parametrize("topic", ALL_TOPICS, ids=lambda topic: topic.name)


@every_topic
def test_topic_has_a_versioned_name_and_an_owner(topic: Topic) -> None:
    assert re.fullmatch(r"[a-z_]+(\.[a-z_]+)?\.v[1-9][0-9]*", topic.name)
    assert topic.owner


@every_topic
def test_topic_is_either_compacted_or_kept_for_a_time(topic: Topic) -> None:
    assert topic.is_compacted == (topic.retention_ms is None)


def test_names_are_declared_once() -> None:
    assert len(BY_NAME) == len(ALL_TOPICS)


@every_topic
def test_every_kind_of_a_topic_has_one_owner(topic: Topic) -> None:
    """The topic of the status of sources has two kinds, and each job publishes its own."""
    named = [kind for kind, _ in topic.other_owners]
    assert len(set(named)) == len(named)
    assert set(named) <= set(topic.events)
    assert {topic.owner_of(kind) for kind in topic.events} <= set(topic.owners)


def test_health_of_sources_is_the_collectors_and_their_presence_the_markets() -> None:
    assert topics.SOURCES_STATUS.owner_of(SourceHealthChanged) == "collector"
    assert topics.SOURCES_STATUS.owner_of(SourceStatusChanged) == "market"


def test_every_event_belongs_to_one_topic_but_for_those_of_the_sources() -> None:
    kinds = [topic.events[0] for topic in EVENT_TOPICS]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize(
    "job", [market_job(ProcessorSettings.from_environment({})), outcomes_job([])], ids=lambda job: job.name
)
def test_topics_that_are_joined_have_as_many_partitions(job: object) -> None:
    inputs: tuple[Topic, ...] = job.inputs  # type: ignore[attr-defined]
    assert len({topic.n_partitions for topic in inputs}) == 1


def test_watermarks_go_to_the_partition_of_the_same_number() -> None:
    numbers = {
        topic.n_partitions
        for topic in (topics.MARKET_TICK, topics.MARKET_CANDLE, topics.MARKET_BAR, topics.FEATURES_MARKET)
    }
    assert len(numbers) == 1


def test_every_job_with_state_has_a_changelog_and_every_consumer_dead_letters() -> None:
    assert {f"changelog.{job}.v1" for job in STATEFUL_JOBS} <= BY_NAME.keys()
    assert {f"dead_letters.{consumer}.v1" for consumer in CONSUMERS} <= BY_NAME.keys()
    assert set(STATEFUL_JOBS) <= set(CONSUMERS)


@pytest.mark.parametrize(
    ("key", "java"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_partitions_are_those_of_java(key: bytes, java: int) -> None:
    """The vectors of Apache Kafka's own UtilsTest.testMurmur2."""
    for n_partitions in (1, 4, 12, 1000):
        assert partition_of(key, n_partitions) == (java & 0x7FFFFFFF) % n_partitions


@given(st.binary(max_size=40), st.integers(1, 100))
def test_partition_is_one_of_the_topic(key: bytes, n_partitions: int) -> None:
    assert 0 <= partition_of(key, n_partitions) < n_partitions

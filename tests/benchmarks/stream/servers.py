"""The servers of a run: one Apache Kafka and one Valkey, emptied before each competitor.

Topics are deleted and made anew, so that each competitor meets the same log on a broker that has
been warm since the first of them; consumer groups go with them.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import confluent_kafka as ck
import msgspec
from confluent_kafka.admin import AdminClient

from deploy.local.directories import DataDirectory
from deploy.local.ports import REDIS, ClaimedPorts
from deploy.local.servers.apache import running_apache
from deploy.local.servers.embedded import Cache
from deploy.local.servers.health import redis_answers
from deploy.local.servers.kraft import THOROUGH_JVM
from deploy.local.spawning import end_together, spawn
from schemas.topics import ALL_TOPICS, MARKET_TICK, Topic
from schemas.wire.administration import Administration
from schemas.wire.redis import connect
from schemas.wire.settings import Endpoints, KafkaEndpoint

_WAIT_S = 30.0
_POLL_S = 0.05
#: The market processor needs no Postgres; the list of endpoints has to name one.
_NO_DATABASE = "postgresql://127.0.0.1:1/none"


class Servers:
    """Where the servers are, and how to empty them."""

    def __init__(self, kafka: KafkaEndpoint, redis_url: str, data_dir: Path) -> None:
        self.kafka = kafka
        self.redis_url = redis_url
        self.data_dir = data_dir
        self._admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 2})
        self._redis = connect(redis_url)

    def empty(self, *, n_partitions: int = MARKET_TICK.n_partitions, extra: Sequence[Topic] = ()) -> None:
        """Forget all topics, groups and views, and make the topics anew."""
        self._delete_groups()
        self._delete_topics()
        wanted = [_with_partitions(topic, n_partitions) for topic in (*ALL_TOPICS, *extra)]
        Administration(self.kafka).create_topics(wanted)
        self._redis.flushall()

    def n_busy_members(self, group: str) -> int:
        """How many workers of a group have partitions; 0 while they are sharing them out."""
        found = self._admin.describe_consumer_groups([group])[group].result()
        if found.state != ck.ConsumerGroupState.STABLE:
            return 0
        return sum(bool(member.assignment.topic_partitions) for member in found.members)

    def _delete_groups(self) -> None:
        deadline = time.monotonic() + _WAIT_S
        while groups := [group.group_id for group in self._admin.list_consumer_groups().result().valid]:
            for future in self._admin.delete_consumer_groups(groups).values():
                _tried(future, {ck.KafkaError.NON_EMPTY_GROUP, ck.KafkaError.GROUP_ID_NOT_FOUND})
            _wait_until(deadline, f"the groups {groups} do not go")

    def _delete_topics(self) -> None:
        deadline = time.monotonic() + _WAIT_S
        while topics := [name for name in self._admin.list_topics(timeout=10).topics if name[:2] != "__"]:
            for future in self._admin.delete_topics(topics).values():
                _tried(future, {ck.KafkaError.UNKNOWN_TOPIC_OR_PART})
            _wait_until(deadline, f"the topics {topics} do not go")


def _with_partitions(topic: Topic, n_partitions: int) -> Topic:
    if topic.n_partitions != MARKET_TICK.n_partitions:
        return topic
    return msgspec.structs.replace(topic, n_partitions=n_partitions)


def _tried(future: Any, harmless: set[int]) -> None:
    try:
        future.result()
    except ck.KafkaException as error:
        if error.args[0].code() not in harmless:
            raise


def _wait_until(deadline: float, problem: str) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(problem)
    time.sleep(_POLL_S)


@contextmanager
def running_bench_servers(directory: Path) -> Iterator[Servers]:
    """Apache Kafka and Valkey, and a data directory that names them, within the block."""
    data_dir = directory / "data"
    data_dir.mkdir(parents=True)
    with (
        running_apache(directory / "kafka", jvm=THOROUGH_JVM) as cluster,
        _running_cache(data_dir) as redis_url,
    ):
        endpoints = Endpoints(kafka=cluster.endpoint, redis_url=redis_url, database_url=_NO_DATABASE)
        (data_dir / "endpoints.json").write_bytes(msgspec.json.encode(endpoints))
        yield Servers(cluster.endpoint, redis_url, data_dir)


@contextmanager
def _running_cache(data_dir: Path) -> Iterator[str]:
    directory = DataDirectory(data_dir)
    directory.logs.mkdir(exist_ok=True)
    directory.pids.mkdir(exist_ok=True)
    claimed = ClaimedPorts()
    cache = Cache(
        port=claimed.choose(REDIS),
        directory=directory.valkey,
        environment={"PATH": os.environ.get("PATH", os.defpath)},
    )
    cache.prepare()
    process = spawn(cache.command(), directory)
    try:
        deadline = time.monotonic() + _WAIT_S
        while not redis_answers(cache.url):
            _wait_until(deadline, "Valkey does not answer")
        yield cache.url
    finally:
        end_together([process], timeout_s=5.0)
        claimed.release()

"""The servers of a run, each of which can be killed: Apache Kafka and Valkey."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from deploy.local.directories import DataDirectory
from deploy.local.ports import REDIS, ClaimedPorts
from deploy.local.servers.apache import ApacheCluster, running_apache
from deploy.local.servers.embedded import Cache
from deploy.local.servers.health import redis_answers
from deploy.local.spawning import Spawned, end_together, spawn
from schemas.topics import ALL_TOPICS
from schemas.wire.administration import Administration
from schemas.wire.settings import Endpoints, KafkaEndpoint

_WAIT_S = 20.0
_POLL_S = 0.02
#: The market processor needs no Postgres; the list of endpoints has to name one.
_NO_DATABASE = "postgresql://127.0.0.1:1/none"


class Valkey:
    """A Valkey that can be killed and started again, empty. Call it in the main thread."""

    def __init__(self, directory: DataDirectory) -> None:
        self._directory = directory
        self._claimed = ClaimedPorts()
        self._cache = Cache(
            port=self._claimed.choose(REDIS),
            directory=directory.valkey,
            environment={"PATH": os.environ.get("PATH", os.defpath)},
        )
        self._cache.prepare()
        self._spawned: Spawned | None = None

    @property
    def url(self) -> str:
        """Where clients find it."""
        return self._cache.url

    def start(self) -> None:
        """Start it; returns when it answers."""
        self._spawned = spawn(self._cache.command(), self._directory)
        deadline = time.monotonic() + _WAIT_S
        while not redis_answers(self.url):
            assert time.monotonic() < deadline, "Valkey does not answer"
            time.sleep(_POLL_S)

    def kill(self) -> None:
        """End it by SIGKILL."""
        if self._spawned is not None:
            self._spawned.kill()

    def end(self) -> None:
        """Ask it to end."""
        if self._spawned is not None:
            end_together([self._spawned], timeout_s=5.0)
        self._claimed.release()


class Servers:
    """What workers are started against.

    Attributes:
        directory: The workers' data directory, which names the servers.
    """

    def __init__(self, cluster: ApacheCluster, valkey: Valkey, directory: DataDirectory) -> None:
        self.cluster = cluster
        self.valkey = valkey
        self.directory = directory

    @property
    def kafka(self) -> KafkaEndpoint:
        """Where clients find Apache Kafka."""
        return self.cluster.endpoint


@contextmanager
def running_chaos_servers(path: Path, *, n_nodes: int) -> Iterator[Servers]:
    """Apache Kafka with the topics of the table, and Valkey, within the block."""
    with running_apache(path / "kafka", n_nodes=n_nodes, environment=os.environ) as cluster:
        Administration(cluster.endpoint).create_topics(ALL_TOPICS)
        with beside_a_cluster(path, cluster) as servers:
            yield servers


@contextmanager
def beside_a_cluster(path: Path, cluster: ApacheCluster) -> Iterator[Servers]:
    """A Valkey, and a data directory that names it and a cluster that runs already."""
    directory = DataDirectory(path / "data")
    directory.create()
    valkey = Valkey(directory)
    valkey.start()
    try:
        endpoints = Endpoints(kafka=cluster.endpoint, redis_url=valkey.url, database_url=_NO_DATABASE)
        directory.endpoints.write_bytes(msgspec.json.encode(endpoints))
        yield Servers(cluster, valkey, directory)
    finally:
        valkey.end()

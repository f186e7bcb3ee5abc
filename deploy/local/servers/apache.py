"""Runs Apache Kafka for tests, benchmarks and ``driftline kafka``: one node, or a cluster of three.

Each node can be killed and started again, and its log survives that. A single node is a container
if a Docker engine answers; otherwise, and in a cluster, nodes run on the Java of this machine.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from deploy.local.directories import DataDirectory
from deploy.local.ports import ClaimedPorts
from deploy.local.servers.apache_nodes import claim_ports, end_nodes, start_nodes
from deploy.local.servers.containers import engine_answers, running_container
from deploy.local.servers.jars import kafka_jars
from deploy.local.servers.java import find_java
from deploy.local.servers.kraft import QUICK_JVM
from deploy.local.spawning import clear_stale
from schemas.errors import BrokerUnavailableError
from schemas.wire.administration import Administration
from schemas.wire.settings import KafkaEndpoint

_READY_S = 60.0
_POLL_S = 0.05
_INHERITED: Mapping[str, str] = MappingProxyType({})
_FIRST_PORT = 21_000


class ApacheNode(Protocol):
    """The port of a node, in a container or on this machine."""

    @property
    def node_id(self) -> int:
        """Its number in the cluster, from 1."""

    @property
    def endpoint(self) -> KafkaEndpoint:
        """The address of this node alone."""

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""

    def start(self) -> None:
        """Start it with its log, and return at once. Call it in the main thread."""

    def kill(self) -> None:
        """Kill it by SIGKILL, and return when it has ended."""

    def wait_until_ready(self, *, timeout_s: float = _READY_S) -> None:
        """Return when clients can use it.

        Raises:
            BrokerUnavailableError: If it ended, or is not ready in time.
        """


class ApacheCluster:
    """Nodes that share one log.

    Attributes:
        nodes: The nodes, in the order of their numbers.
    """

    def __init__(self, nodes: Sequence[ApacheNode]) -> None:
        self.nodes = tuple(nodes)

    @property
    def endpoint(self) -> KafkaEndpoint:
        """The addresses of all nodes, so that clients find the cluster if any node is lost."""
        addresses = ",".join(node.endpoint.bootstrap_servers for node in self.nodes)
        return KafkaEndpoint(bootstrap_servers=addresses, is_embedded=False)

    def wait_until_ready(self, *, timeout_s: float = _READY_S) -> None:
        """Return when every node can be used.

        Raises:
            BrokerUnavailableError: If a node cannot be used in time.
        """
        for node in self.nodes:
            node.wait_until_ready(timeout_s=timeout_s)

    def wait_until_in_sync(self, *, timeout_s: float = _READY_S) -> None:
        """Return when every copy of every partition is up to date, so that the next node may be killed.

        Raises:
            BrokerUnavailableError: If a copy is not up to date in time.
        """
        administration = Administration(self.endpoint)
        deadline = time.monotonic() + timeout_s
        while behind := administration.under_replicated():
            if time.monotonic() > deadline:
                message = (
                    f"Kafka: copies of {len(behind)} partitions are not up to date after {timeout_s:g} s"
                )
                raise BrokerUnavailableError(message)
            time.sleep(_POLL_S)


@contextmanager
def running_apache(
    directory: Path,
    *,
    n_nodes: int = 1,
    jvm: tuple[str, ...] = QUICK_JVM,
    environment: Mapping[str, str] = _INHERITED,
    first_port: int = _FIRST_PORT,
    say: Callable[[str], None] = print,
) -> Iterator[ApacheCluster]:
    """Run Apache Kafka within the block; no topics are created.

    Enter it in the main thread, because the kernel ties the life of a node to the thread that started it.

    Args:
        directory: The folder of the logs of the nodes, and of their output in ``logs/``; existing logs go on.
            The log of a container is lost with the container.
        n_nodes: 1, or 3 with every partition on all of them, where two must have a record.
        jvm: ``QUICK_JVM`` or, for measuring, ``THOROUGH_JVM``.
        environment: The environment of Docker, Java and Maven; if it is empty, they are found on the path of this process.
        first_port: The lowest port to try.
        say: Called with a line for people when the jars are fetched.

    Raises:
        AlreadyRunningError: If another process uses the directory.
        ConfigurationError: If Java or Maven is missing; the message says what to install.
        BrokerUnavailableError: If a node does not start.
    """
    if n_nodes == 1 and engine_answers(environment):
        with (
            ClaimedPorts() as claimed,
            running_container(port=claim_ports(claimed, 1, first_port)[0], jvm=jvm) as node,
        ):
            yield ApacheCluster([node])
        return
    home = DataDirectory(directory)
    with home.held(), ClaimedPorts() as claimed:
        clear_stale(home)
        nodes = start_nodes(
            home,
            n_nodes=n_nodes,
            first_port=first_port,
            java=find_java(environment),
            jars=kafka_jars(environment, say=say),
            jvm=jvm,
            environment=environment,
            claimed=claimed,
        )
        try:
            yield ApacheCluster(nodes)
        finally:
            end_nodes(nodes)

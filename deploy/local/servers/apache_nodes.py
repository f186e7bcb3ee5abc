"""Nodes of Apache Kafka on the Java of this machine, each of which can be killed and started again.

They stand apart from the cluster, because a node may run in a container.
"""

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from deploy.local.directories import DataDirectory
from deploy.local.ports import KAFKA, ClaimedPorts, PortChoice
from deploy.local.servers.kraft import KraftNode, new_cluster_id, seats_of
from deploy.local.spawning import Spawned, end_together, spawn
from schemas.errors import BrokerUnavailableError
from schemas.wire.administration import Administration
from schemas.wire.settings import KafkaEndpoint

_START_S = 60.0
_END_S = 2.0
_POLL_S = 0.05
_N_PLANS = 3


class JavaNode:
    """A node on the Java of this machine, whose life is tied to this process."""

    def __init__(self, declaration: KraftNode, directory: DataDirectory) -> None:
        self._declaration = declaration
        self._directory = directory
        self.spawned: Spawned | None = None

    @property
    def node_id(self) -> int:
        """Its number in the cluster, from 1."""
        return self._declaration.seat.node_id

    @property
    def endpoint(self) -> KafkaEndpoint:
        """The address of this node alone."""
        return self._declaration.endpoint

    @property
    def is_running(self) -> bool:
        """Whether its process lives."""
        return self.spawned is not None and self.spawned.exit_code() is None

    @property
    def is_listening(self) -> bool:
        """Whether clients can connect to this process itself."""
        return self.spawned is not None and self.spawned.listens_on(self._declaration.port)

    def prepare(self) -> None:
        """Create its log at the first start."""
        self._declaration.prepare()

    def start(self) -> None:
        """Start it with its log, and return at once. Call it in the main thread."""
        if not self.is_running:
            self.spawned = spawn(self._declaration.command(), self._directory)

    def kill(self) -> None:
        """Kill it by SIGKILL, and return when it has ended."""
        if self.spawned is not None:
            self.spawned.kill()

    def wait_until_ready(self, *, timeout_s: float = _START_S) -> None:
        """Return when it listens and the cluster counts it among its brokers.

        Raises:
            BrokerUnavailableError: If it ended, or is not ready in time.
        """
        deadline = time.monotonic() + timeout_s
        while not self.is_listening:
            self._check(deadline)
            time.sleep(_POLL_S)
        administration = Administration(self.endpoint)
        while self.node_id not in administration.brokers(timeout_s=1.0):
            self._check(deadline)
            time.sleep(_POLL_S)

    def _check(self, deadline: float) -> None:
        log = self._directory.logs / f"{self._declaration.name}.log"
        if not self.is_running:
            message = f"Apache Kafka, node {self.node_id}, has ended; see {log}"
            raise BrokerUnavailableError(message)
        if time.monotonic() > deadline:
            message = f"Apache Kafka, node {self.node_id}, is not ready in time; see {log}"
            raise BrokerUnavailableError(message)


def start_nodes(
    directory: DataDirectory,
    *,
    n_nodes: int,
    first_port: int,
    java: Path,
    jars: Path,
    jvm: tuple[str, ...],
    environment: Mapping[str, str],
    claimed: ClaimedPorts,
) -> list[JavaNode]:
    """Start a cluster. Other programs may take a port meanwhile, so it may need more than one attempt.

    Args:
        directory: The folder of the nodes.
        n_nodes: The number of nodes.
        first_port: The lowest port to try.
        java: The Java program.
        jars: The folder of the jars.
        jvm: The options of the Java machine.
        environment: The environment of the nodes.
        claimed: Claims the ports.

    Raises:
        ConfigurationError: If a log cannot be created.
        BrokerUnavailableError: If a node does not start.
    """
    cluster_id = new_cluster_id()
    for attempt in range(1, _N_PLANS + 1):
        seats = seats_of(claim_ports(claimed, 2 * n_nodes, first_port))
        declarations = [
            KraftNode(
                name=f"kafka-{seat.node_id}",
                seat=seat,
                seats=seats,
                cluster_id=cluster_id,
                directory=directory.path / f"kafka-{seat.node_id}",
                java=java,
                jars=jars,
                jvm=jvm,
                environment=environment,
            )
            for seat in seats
        ]
        nodes = [JavaNode(declaration, directory) for declaration in declarations]
        try:
            _start_together(nodes)
        except BrokerUnavailableError:
            end_nodes(nodes)
            claimed.release()
            if attempt == _N_PLANS:
                raise
        except BaseException:
            end_nodes(nodes)
            raise
        else:
            return nodes
    raise AssertionError


def _start_together(nodes: Sequence[JavaNode]) -> None:
    with ThreadPoolExecutor(max_workers=len(nodes)) as formatting:
        list(formatting.map(JavaNode.prepare, nodes))
    for node in nodes:
        node.start()
    for node in nodes:
        node.wait_until_ready()


def end_nodes(nodes: Sequence[JavaNode]) -> None:
    """Ask the nodes to end, and soon kill the others; their logs are safe in both cases."""
    end_together([node.spawned for node in nodes if node.spawned is not None], timeout_s=_END_S)


def claim_ports(claimed: ClaimedPorts, n_ports: int, first_port: int) -> list[int]:
    """Return ports on which nothing listens now, the lowest first.

    Args:
        claimed: Claims the ports, so that no other start takes them.
        n_ports: The number of ports.
        first_port: The lowest port to try.
    """
    choice = PortChoice(first_port, KAFKA.variable)
    return [claimed.choose(choice) for _ in range(n_ports)]

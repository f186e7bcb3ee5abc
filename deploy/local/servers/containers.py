"""Runs Apache Kafka in a container if a Docker engine answers; testcontainers removes it at the end.

testcontainers is installed for development only, so it is imported when a container is wanted.
Its own Kafka container is for another image; this image is configured by environment variables.
"""

import importlib.util
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.local.servers.jars import VERSION
from deploy.local.servers.kraft import cluster_properties
from schemas.errors import BrokerUnavailableError
from schemas.wire.administration import Administration
from schemas.wire.settings import KafkaEndpoint

IMAGE = f"apache/kafka:{VERSION}"
_CONTROLLER_PORT = 9093
_SOCKETS = (Path("/var/run/docker.sock"), Path.home() / ".docker/run/docker.sock")
_PING_S = 3
_READY_S = 60.0
_POLL_S = 0.1


def engine_answers(environment: Mapping[str, str]) -> bool:
    """Return whether containers can be started here: testcontainers is installed, and a Docker engine answers."""
    is_installed = importlib.util.find_spec("testcontainers") is not None
    is_named = "DOCKER_HOST" in environment or any(socket.exists() for socket in _SOCKETS)
    if not is_installed or not is_named:
        return False
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(environment=dict(environment), timeout=_PING_S)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except DockerException:
        return False


def container_environment(*, host: str, port: int, jvm: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the environment of the image: the settings of a single node, each as a variable.

    Args:
        host: The host by which clients of this machine reach containers.
        port: The port of the container and of this machine, so that every client can use one address.
        jvm: The options of the Java machine.
    """
    properties = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "listeners": f"PLAINTEXT://0.0.0.0:{port},CONTROLLER://localhost:{_CONTROLLER_PORT}",
        "advertised.listeners": f"PLAINTEXT://{host}:{port}",
        "controller.quorum.voters": f"1@localhost:{_CONTROLLER_PORT}",
        **cluster_properties(1),
    }
    variables = {f"KAFKA_{name.upper().replace('.', '_')}": str(value) for name, value in properties.items()}
    heap = [option for option in jvm if option.startswith(("-Xms", "-Xmx"))]
    others = [option for option in jvm if option not in heap]
    return variables | {"KAFKA_HEAP_OPTS": " ".join(heap), "KAFKA_JVM_PERFORMANCE_OPTS": " ".join(others)}


class ContainerNode:
    """A single node in a container; its log lives as long as the container."""

    node_id = 1

    def __init__(self, container: Any, endpoint: KafkaEndpoint) -> None:
        self._container = container
        self.endpoint = endpoint

    @property
    def is_running(self) -> bool:
        """Whether the container runs."""
        self._container.reload()
        return bool(self._container.status == "running")

    def start(self) -> None:
        """Start it with its log, and return at once."""
        self._container.get_wrapped_container().start()

    def kill(self) -> None:
        """Kill it by SIGKILL, and return when it has ended."""
        wrapped = self._container.get_wrapped_container()
        wrapped.kill()
        wrapped.wait()

    def wait_until_ready(self, *, timeout_s: float = _READY_S) -> None:
        """Return when clients can use it.

        Raises:
            BrokerUnavailableError: If it ended, or is not ready in time.
        """
        administration = Administration(self.endpoint)
        deadline = time.monotonic() + timeout_s
        while not administration.brokers(timeout_s=1.0):
            if time.monotonic() > deadline or not self.is_running:
                message = f"{IMAGE} is not ready: {self._container.get_logs()[0][-500:].decode()}"
                raise BrokerUnavailableError(message)
            time.sleep(_POLL_S)


@contextmanager
def running_container(*, port: int, jvm: tuple[str, ...]) -> Iterator[ContainerNode]:
    """Run a single node in a container within the block.

    Raises:
        BrokerUnavailableError: If it does not start.
    """
    from testcontainers.core.container import DockerContainer

    container = DockerContainer(IMAGE).with_bind_ports(port, port)
    host = container.get_docker_client().host()
    container.with_envs(**container_environment(host=host, port=port, jvm=jvm))
    with container:
        node = ContainerNode(container, KafkaEndpoint(bootstrap_servers=f"{host}:{port}", is_embedded=False))
        node.wait_until_ready()
        yield node

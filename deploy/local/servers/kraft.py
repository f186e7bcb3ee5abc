"""One node of Apache Kafka, as a declaration: broker and controller in one process (KRaft).

The quorum is stated by addresses at every start rather than stored when the node is formatted, so
that a node may come back on other ports. Formatting happens once and makes the log's identity.

Source:
    Apache Kafka's configuration reference; the figures behind the options are in the README of ``deploy``.
"""

import base64
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from deploy.local.ports import LOOPBACK
from deploy.local.servers.jars import RESOURCES
from deploy.local.spawning import Command, tethered
from schemas.errors import ConfigurationError
from schemas.wire.settings import KafkaEndpoint

#: Starts in 3 s and is small; what is compiled is compiled lightly.
QUICK_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms128m", "-Xmx512m")
#: For measuring: the full compiler and room to breathe, as in production.
THOROUGH_JVM = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Xms1g", "-Xmx1g")
_JVM = ("-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError", "-Djava.net.preferIPv4Stack=true")
_FORMAT_S = 120
_MIB = 1024 * 1024
#: What clients may send at most (``schemas.wire.kafka``, which would weigh on the launcher), and some
#: 100 bytes around it.
LARGEST_BATCH_BYTES = 16_004_096


class Seat(NamedTuple):
    """A node's place in its cluster."""

    node_id: int
    port: int
    controller_port: int


class KraftNode(msgspec.Struct, frozen=True, kw_only=True):
    """Apache Kafka; keeps its log in its directory, and goes on with it.

    Attributes:
        seat: This node's.
        seats: Those of all nodes, this one's among them.
        cluster_id: Given to the log when it is formatted; the same for all nodes.
        directory: Of this node alone.
        jars: The class path.
        jvm: Options of the Java machine.
    """

    name: str
    seat: Seat
    seats: tuple[Seat, ...]
    cluster_id: str
    directory: Path
    java: Path
    jars: Path
    environment: Mapping[str, str]
    jvm: tuple[str, ...] = QUICK_JVM

    @property
    def port(self) -> int:
        """Where clients find it."""
        return self.seat.port

    @property
    def endpoint(self) -> KafkaEndpoint:
        """This node alone."""
        return KafkaEndpoint(bootstrap_servers=f"{LOOPBACK}:{self.port}", is_embedded=False)

    def prepare(self) -> None:
        """State this start's settings; make the log the first time.

        Raises:
            ConfigurationError: If the log could not be made.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={value}" for name, value in node_properties(self).items()]
        self._properties.write_text("\n".join(lines) + "\n")
        if not (self._log / "meta.properties").exists():
            shutil.rmtree(self._log, ignore_errors=True)
            self._format()

    def command(self) -> Command:
        """The node."""
        return self._java("kafka.Kafka", str(self._properties))

    @property
    def _log(self) -> Path:
        return self.directory / "log"

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    def _format(self) -> None:
        tool = ("kafka.tools.StorageTool", "format", "-t", self.cluster_id, "-c", str(self._properties))
        done = subprocess.run(  # noqa: S603  (our own command, no shell)
            tethered(self._java(*tool)),
            check=False,
            capture_output=True,
            text=True,
            start_new_session=True,
            env=dict(self.environment),
            timeout=_FORMAT_S,
        )
        if done.returncode != 0:
            last = ((done.stderr or done.stdout).strip() or "no reason given").splitlines()[-1]
            message = f"Apache Kafka could not make its log in {self.directory}: {last}"
            raise ConfigurationError(message)

    def _java(self, *arguments: str) -> Command:
        logging = f"-Dlog4j2.configurationFile={RESOURCES / 'log4j2.properties'}"
        options = (*_JVM, *self.jvm, logging, "-cp", f"{self.jars}/*")
        return Command(
            name=self.name,
            arguments=(str(self.java), *options, *arguments),
            environment=dict(self.environment),
        )


def new_cluster_id() -> str:
    """A random identity, in the form that Apache Kafka gives them: 22 characters, none a leading dash."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


def node_properties(node: KraftNode) -> dict[str, str | int]:
    """The node's settings: a small log on the loopback, with quick joins and quick notice of a lost node."""
    seat = node.seat
    voters = ",".join(f"{other.node_id}@{LOOPBACK}:{other.controller_port}" for other in node.seats)
    return {
        "process.roles": "broker,controller",
        "node.id": seat.node_id,
        "listeners": f"PLAINTEXT://{LOOPBACK}:{seat.port},CONTROLLER://{LOOPBACK}:{seat.controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{seat.port}",
        "controller.quorum.voters": voters,
        "log.dirs": str(node.directory / "log"),
        **cluster_properties(len(node.seats)),
    }


def cluster_properties(n_nodes: int) -> dict[str, str | int]:
    """What all nodes of a cluster agree on, wherever they run."""
    n_copies = min(3, n_nodes)
    n_in_sync = max(1, n_copies - 1)
    return {
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "auto.create.topics.enable": "false",
        "default.replication.factor": n_copies,
        "min.insync.replicas": n_in_sync,
        "offsets.topic.replication.factor": n_copies,
        "transaction.state.log.replication.factor": n_copies,
        "transaction.state.log.min.isr": n_in_sync,
        "share.coordinator.state.topic.replication.factor": n_copies,
        "share.coordinator.state.topic.min.isr": n_in_sync,
        # Few partitions are loaded quickly: before the first commit, and after a coordinator was lost.
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "group.initial.rebalance.delay.ms": 0,
        # 9 s by default: clients stand still until a lost node is noticed, and one that was killed
        # is not let in again before. Alone, it has nobody that could take its place too early.
        "broker.session.timeout.ms": 1500 if n_nodes == 1 else 3000,
        "broker.heartbeat.interval.ms": 300,
        # A transaction that its worker left open holds back read_committed readers until it is aborted.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        "message.max.bytes": LARGEST_BATCH_BYTES,
        "replica.fetch.max.bytes": LARGEST_BATCH_BYTES,
        "log.cleaner.backoff.ms": 1000,
        # 128 MB by default, a quarter of the heap.
        "log.cleaner.dedupe.buffer.size": 16 * _MIB,
    }


def seats_of(ports: Sequence[int]) -> tuple[Seat, ...]:
    """Seats for nodes from pairs of ports: the clients' and the controllers'."""
    pairs = zip(ports[::2], ports[1::2], strict=True)
    return tuple(Seat(i, port, controller_port) for i, (port, controller_port) in enumerate(pairs, start=1))

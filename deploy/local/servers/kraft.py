"""Declares one node of Apache Kafka: broker and controller in one process (KRaft).

The quorum is stated by addresses at every start, and not stored when the node is formatted, so
that a node may come back on other ports. Formatting happens once, and creates the identity of the log.

Source:
    Apache Kafka's configuration reference; the reasons of the options are in the README of this folder.
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

#: Starts in 3 s and needs little memory; code is compiled lightly.
QUICK_JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xms128m", "-Xmx512m")
#: For measuring: the full compiler and enough memory, as in production.
THOROUGH_JVM = ("-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Xms1g", "-Xmx1g")
_JVM = ("-XX:-UsePerfData", "-XX:+ExitOnOutOfMemoryError", "-Djava.net.preferIPv4Stack=true")
_FORMAT_S = 120
_MIB = 1024 * 1024
#: The largest record of clients and some 100 bytes; ``schemas.wire.kafka`` has the same number, but the launcher must
#: not import it.
LARGEST_BATCH_BYTES = 16_004_096


class Seat(NamedTuple):
    """The place of a node in its cluster."""

    node_id: int
    port: int
    controller_port: int


class KraftNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node of Apache Kafka, which keeps its log in its directory and continues it.

    Attributes:
        seat: The seat of this node.
        seats: The seats of all nodes, this one included.
        cluster_id: The id that the log gets when it is formatted; all nodes have the same.
        directory: The directory of this node alone.
        jars: The class path.
        jvm: The options of the Java machine.
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
        """The port for clients."""
        return self.seat.port

    @property
    def endpoint(self) -> KafkaEndpoint:
        """The address of this node alone."""
        return KafkaEndpoint(bootstrap_servers=f"{LOOPBACK}:{self.port}", is_embedded=False)

    def prepare(self) -> None:
        """Write the settings of this start; create the log at the first start.

        Raises:
            ConfigurationError: If the log could not be created.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={value}" for name, value in node_properties(self).items()]
        self._properties.write_text("\n".join(lines) + "\n")
        if not (self._log / "meta.properties").exists():
            shutil.rmtree(self._log, ignore_errors=True)
            self._format()

    def command(self) -> Command:
        """Return the command of the node."""
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
    """Return a random identity in the form of Apache Kafka: 22 characters that do not begin with a dash."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


def node_properties(node: KraftNode) -> dict[str, str | int]:
    """Return the settings of a node: a small log on the loopback, with quick joins and quick notice of a lost node."""
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
    """Return the settings that all nodes of a cluster share, wherever they run."""
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
        # The default is 9 s. Clients wait until a lost node is noticed, and a killed node is not let in again
        # before. A single node has no other node that could take its place too early.
        "broker.session.timeout.ms": 1500 if n_nodes == 1 else 3000,
        "broker.heartbeat.interval.ms": 300,
        # A transaction that its worker left open blocks read_committed readers until it is aborted.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
        "message.max.bytes": LARGEST_BATCH_BYTES,
        "replica.fetch.max.bytes": LARGEST_BATCH_BYTES,
        "log.cleaner.backoff.ms": 1000,
        # 128 MB by default, a quarter of the heap.
        "log.cleaner.dedupe.buffer.size": 16 * _MIB,
    }


def seats_of(ports: Sequence[int]) -> tuple[Seat, ...]:
    """Return seats for nodes from pairs of ports: those of clients and of controllers."""
    pairs = zip(ports[::2], ports[1::2], strict=True)
    return tuple(Seat(i, port, controller_port) for i, (port, controller_port) in enumerate(pairs, start=1))

"""Measures the starts, the ends and the memory of the servers, and prints the figures of RESULTS.md of ``deploy``."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from deploy.local.servers.apache import running_apache
from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from schemas.topics import ALL_TOPICS
from schemas.wire.administration import Administration

_MIB = 1024 * 1024
_POLL_S = 0.02

Say = Callable[[str], None]


def measure_embedded(folder: Path, environment: Mapping[str, str], say: Say) -> None:
    """Start the embedded servers twice; the first start creates the database.

    Args:
        folder: Where the servers keep their data.
        environment: The variables that they are started with.
        say: Called with each line of the result.
    """
    settings = LauncherSettings(data_dir=folder / "data")
    for what in ("first start", "next start"):
        began_s = time.perf_counter()
        with running_servers(settings, environment):
            say(f"{what}, topics and tables included: {time.perf_counter() - began_s:.2f} s")
            _say_memory(say)
            began_s = time.perf_counter()
        say(f"  end: {time.perf_counter() - began_s:.2f} s")


def measure_apache(folder: Path, environment: Mapping[str, str], say: Say) -> None:
    """Start Apache Kafka twice as one node and twice as three, and kill a node of each.

    Args:
        folder: Where the nodes keep their data.
        environment: The variables that they are started with.
        say: Called with each line of the result.
    """
    for n_nodes in (1, 3):
        for what in ("first start", "next start"):
            began_s = time.perf_counter()
            with running_apache(
                folder / f"apache-{n_nodes}", n_nodes=n_nodes, environment=environment, say=say
            ) as cluster:
                say(f"Apache Kafka, nodes: {n_nodes}, {what}: {time.perf_counter() - began_s:.2f} s")
                administration = Administration(cluster.endpoint)
                administration.create_topics(ALL_TOPICS)
                administration.wake_coordinators()
                _say_memory(say)
                cluster.wait_until_in_sync()
                node, began_s = cluster.nodes[0], time.perf_counter()
                node.kill()
                while n_nodes > 1 and node.node_id in administration.brokers():
                    time.sleep(_POLL_S)
                if n_nodes > 1:
                    say(f"  a killed node was noticed after {time.perf_counter() - began_s:.2f} s")
                began_s = time.perf_counter()
                node.start()
                node.wait_until_ready()
                cluster.wait_until_in_sync()
                say(
                    f"  started again, it was back with all records after {time.perf_counter() - began_s:.2f} s"
                )


def _say_memory(say: Say) -> None:
    for child in psutil.Process().children():
        tree = [child, *child.children(recursive=True)]
        resident = sum(process.memory_info().rss for process in tree) / _MIB
        say(f"  {child.name()}: {resident:.0f} MiB resident in {len(tree)} processes")

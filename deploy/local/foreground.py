"""Runs Apache Kafka in the foreground, so that people can try the platform on it and look into it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.local.servers.apache import ApacheCluster, running_apache
from deploy.local.servers.jars import VERSION
from schemas.wire.processes import Stop

_LOOK_S = 0.5


def run_apache(
    path: Path,
    *,
    n_nodes: int,
    first_port: int,
    environment: Mapping[str, str],
    stop: Stop,
    say: Callable[[str], None],
) -> None:
    """Run Apache Kafka until asked to stop; a node that ends is started again.

    Args:
        path: The folder of its log.
        n_nodes: The number of nodes, 1 or 3.
        first_port: The lowest port to try.
        environment: The environment of Java, Maven and Docker.
        stop: Asked whether to stop.
        say: Called with each line for people.

    Raises:
        AlreadyRunningError: If another process uses the path.
        ConfigurationError: If Apache Kafka cannot run on this machine.
        BrokerUnavailableError: If it does not start.
    """
    say(f"starting Apache Kafka {VERSION}, {_nodes(n_nodes)}, in {path}")
    with running_apache(
        path, n_nodes=n_nodes, environment=environment, first_port=first_port, say=say
    ) as cluster:
        where = cluster.endpoint.bootstrap_servers
        say(f"Apache Kafka answers at {where}; in another terminal:")
        say(f"  KAFKA_BOOTSTRAP_SERVERS={where} make demo")
        say("Ctrl-C ends it. Its log stays, and the next start goes on with it")
        while not stop():
            _keep_running(cluster, say)
            stop.wait(_LOOK_S)
        say("ending")
    say("Apache Kafka has ended")


def _keep_running(cluster: ApacheCluster, say: Callable[[str], None]) -> None:
    for node in cluster.nodes:
        if not node.is_running:
            say(f"node {node.node_id} has ended and starts again")
            node.start()


def _nodes(n_nodes: int) -> str:
    return "one node" if n_nodes == 1 else f"{n_nodes} nodes, every partition on all of them"

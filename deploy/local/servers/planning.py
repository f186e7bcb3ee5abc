"""Decides which servers run here and which are external, and their addresses."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from deploy.local import ports
from deploy.local.directories import DataDirectory
from deploy.local.ports import ClaimedPorts, PortChoice
from deploy.local.servers.embedded import (
    BROKER,
    Broker,
    Cache,
    Database,
    EmbeddedServer,
    account_of_database,
)
from deploy.local.servers.jars import kafka_jars
from deploy.local.servers.java import find_java
from deploy.local.servers.kraft import KraftNode, Seat, new_cluster_id
from deploy.local.settings import KafkaEngine, LauncherSettings
from schemas.errors import ConfigurationError
from schemas.wire.settings import Endpoints, KafkaEndpoint


class ServerPlan(NamedTuple):
    """The servers of a run.

    Attributes:
        servers: The servers that run here, in the order in which they are started: the quick ones first.
        endpoints: The addresses of all servers, external ones included.
        api_port: The port of the prediction API.
    """

    servers: tuple[EmbeddedServer, ...]
    endpoints: Endpoints
    api_port: int


def external_urls(settings: LauncherSettings) -> dict[str, tuple[str, int]]:
    """Return the addresses of external servers by variable, with their usual ports."""
    stated = {
        "KAFKA_BOOTSTRAP_SERVERS": (settings.kafka_bootstrap_servers, 9092),
        "REDIS_URL": (settings.redis_url, 6379),
        "DATABASE_URL": (settings.database_url, 5432),
    }
    return {variable: (url, port) for variable, (url, port) in stated.items() if url is not None}


def make_plan(
    settings: LauncherSettings,
    directory: DataDirectory,
    environment: Mapping[str, str],
    *,
    claimed: ClaimedPorts,
    say: Callable[[str], None] = print,
) -> ServerPlan:
    """Choose ports for the servers that run here, and take over the addresses of external servers.

    Args:
        settings: The settings of the launcher.
        directory: The data directory.
        environment: The environment of the servers.
        claimed: Claims the ports until it releases them.
        say: Called with a line for people about what takes long.

    Raises:
        ConfigurationError: If a port that was set explicitly is in use, or if Apache Kafka is wanted and
            cannot run, or if Postgres cannot run.
    """
    servers: list[EmbeddedServer] = []
    if settings.kafka_bootstrap_servers is not None:
        if settings.kafka is KafkaEngine.APACHE:
            message = "DRIFTLINE_KAFKA=apache runs Apache Kafka here, KAFKA_BOOTSTRAP_SERVERS names one elsewhere: unset one"
            raise ConfigurationError(message)
        kafka = KafkaEndpoint(bootstrap_servers=settings.kafka_bootstrap_servers, is_embedded=False)
    elif settings.kafka is KafkaEngine.APACHE:
        node = _apache(settings, directory, environment, claimed, say)
        servers.append(node)
        kafka = node.endpoint
    else:
        port = claimed.choose(ports.KAFKA, explicit=settings.kafka_port)
        broker = Broker(port=port, environment=environment)
        servers.append(broker)
        kafka = KafkaEndpoint(bootstrap_servers=broker.bootstrap_servers, is_embedded=True)
    redis_url = settings.redis_url
    if redis_url is None:
        port = claimed.choose(ports.REDIS, explicit=settings.redis_port)
        cache = Cache(port=port, directory=directory.valkey, environment=environment)
        servers.append(cache)
        redis_url = cache.url
    database_url = settings.database_url
    if database_url is None:
        account = account_of_database(directory.postgres)
        port = claimed.choose(ports.POSTGRES, explicit=settings.postgres_port)
        database = Database(port=port, directory=directory.postgres, environment=environment, account=account)
        servers.append(database)
        database_url = database.url
    api_port = claimed.choose(ports.API, explicit=settings.port, host=settings.host)
    endpoints = Endpoints(
        kafka=kafka,
        redis_url=redis_url,
        database_url=database_url,
        api_url=f"http://{settings.host}:{api_port}",
    )
    return ServerPlan(tuple(servers), endpoints, api_port)


def _apache(
    settings: LauncherSettings,
    directory: DataDirectory,
    environment: Mapping[str, str],
    claimed: ClaimedPorts,
    say: Callable[[str], None],
) -> KraftNode:
    """Apache Kafka as the broker; the port of the controller is above that of clients."""
    java, jars = find_java(environment), kafka_jars(environment, say=say)
    port = claimed.choose(ports.KAFKA, explicit=settings.kafka_port)
    above = PortChoice(port + 1, ports.KAFKA.variable)
    seat = Seat(node_id=1, port=port, controller_port=claimed.choose(above))
    return KraftNode(
        name=BROKER,
        seat=seat,
        seats=(seat,),
        cluster_id=new_cluster_id(),
        directory=directory.kafka,
        java=java,
        jars=jars,
        environment=environment,
    )

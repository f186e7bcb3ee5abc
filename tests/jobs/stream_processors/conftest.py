"""Brokers that no other test's job reads, so that what is put aside there is nobody else's."""

import os
from collections.abc import Iterator

import pytest

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from schemas.wire.settings import Endpoints, KafkaEndpoint
from tests.fixtures.apache import _running as running_apache_nodes


@pytest.fixture(scope="session")
def quiet_embedded(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaEndpoint]:
    """The embedded broker."""
    settings = LauncherSettings(
        data_dir=tmp_path_factory.mktemp("quiet") / "data",
        redis_url=endpoints.redis_url,
        database_url=endpoints.database_url,
    )
    with running_servers(settings, {"PATH": os.environ.get("PATH", "")}) as found:
        yield found.kafka


@pytest.fixture(scope="session")
def quiet_apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaEndpoint]:
    """Apache Kafka."""
    for cluster in running_apache_nodes(tmp_path_factory.mktemp("quiet-apache"), n_nodes=1):
        yield cluster.endpoint


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def quiet_kafka(request: pytest.FixtureRequest) -> KafkaEndpoint:
    """Both, one after the other."""
    found: KafkaEndpoint = request.getfixturevalue(f"quiet_{request.param}")
    return found

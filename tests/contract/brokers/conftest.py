"""The broker that a test runs on: each on the embedded one and on Apache Kafka, some on a cluster too."""

import pytest

from schemas.topics import Topic
from tests.contract.brokers.brokers import Broker


@pytest.fixture(
    params=[
        pytest.param("embedded", marks=pytest.mark.servers),
        pytest.param("apache", marks=pytest.mark.kafka),
    ]
)
def broker(request: pytest.FixtureRequest) -> Broker:
    match request.param:
        case "embedded":
            return Broker("embedded", request.getfixturevalue("endpoints").kafka)
        case "apache":
            return Broker("apache", request.getfixturevalue("apache"))
        case _:
            return Broker("cluster", request.getfixturevalue("apache_cluster").endpoint)


@pytest.fixture
def topic(broker: Broker) -> Topic:
    return broker.make_topic()

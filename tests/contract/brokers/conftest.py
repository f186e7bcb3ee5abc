"""The broker that a test runs on: each test runs on all of them."""

import pytest

from schemas.topics import Topic
from tests.contract.brokers.brokers import Broker

_KAFKA = pytest.mark.kafka


@pytest.fixture(
    params=["embedded", pytest.param("apache", marks=_KAFKA), pytest.param("cluster", marks=_KAFKA)]
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

"""What the embedded broker lacks is written down, row by row; and what remembers across a restart."""

import os
import re
from pathlib import Path

import pytest

from deploy.local.directories import DataDirectory
from deploy.local.ports import ClaimedPorts, PortChoice
from deploy.local.servers import embedded
from deploy.local.servers.apache import ApacheCluster
from deploy.local.servers.jars import RESOURCES, VERSION
from deploy.local.servers.kraft import LARGEST_BATCH_BYTES
from deploy.local.spawning import Spawned, spawn
from schemas.wire.administration import Administration
from schemas.wire.kafka import LARGEST_MESSAGE_BYTES, Reader
from schemas.wire.settings import KafkaEndpoint
from tests.contract.brokers.brokers import Broker, Lack, eventually, fresh

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("lack", Lack)
def test_every_lack_is_written_down(lack: Lack) -> None:
    section = (
        (ROOT / "schemas" / "wire" / "README.md").read_text().split("## What the embedded broker lacks")[1]
    )
    assert lack.lower() in section.lower()


def test_every_lack_is_asserted_by_a_test() -> None:
    tests = "".join(file.read_text() for file in Path(__file__).parent.glob("test_*.py"))
    assert set(re.findall(r"Lack\.([A-Z_]+)", tests)) == {lack.name for lack in Lack}


def test_apache_kafka_keeps_records_and_offsets_when_it_is_killed(apache_node: ApacheCluster) -> None:
    broker, group = Broker("apache", apache_node.endpoint), fresh("group")
    topic = broker.make_topic(n_partitions=1)
    broker.publish(topic, [b"kept"])
    reader = Reader(broker.endpoint, group=group, topics=[topic], is_fixed=True)
    reader.commit({(topic.name, 0): 1})
    reader.close()
    (node,) = apache_node.nodes

    node.kill()
    node.start()
    node.wait_until_ready()

    assert broker.values(topic) == [b"kept"]
    assert Administration(broker.endpoint).committed(group, [(topic.name, 0)]) == {(topic.name, 0): 1}


def test_embedded_broker_keeps_nothing_when_it_is_killed(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path)
    directory.create()
    claimed = ClaimedPorts()
    port = claimed.choose(PortChoice(18_092, "none"))
    declared = embedded.Broker(port=port, environment={"PATH": os.environ.get("PATH", "")})
    endpoint = KafkaEndpoint(bootstrap_servers=declared.bootstrap_servers, is_embedded=True)
    broker = Broker("embedded", endpoint)
    assert broker.lacks(Lack.DURABILITY)

    def started() -> Spawned:
        process = spawn(declared.command(), directory)
        assert eventually(lambda: Administration(endpoint).is_ready(), within_s=60)
        return process

    process = started()
    topic = broker.make_topic(n_partitions=1)
    broker.publish(topic, [b"lost"])
    process.kill()
    process = started()
    assert Administration(endpoint).create_topics([topic]) == [topic.name]
    process.kill()
    claimed.release()


def test_version_is_stated_once_per_place() -> None:
    """The POM says what is fetched, the module what it is called and which image is its equal."""
    assert set(re.findall(r"<artifactId>kafka.*?</artifactId>\s*<version>(.*?)</version>", pom())) == {
        VERSION
    }


def test_broker_takes_what_clients_may_send() -> None:
    assert LARGEST_BATCH_BYTES > LARGEST_MESSAGE_BYTES


def pom() -> str:
    return (RESOURCES / "pom.xml").read_text()

"""Apache Kafka as the launcher's broker, and in the foreground."""

import json
import os
import signal
import subprocess
import sys

import pytest

from schemas.topics import MARKET_TICK
from schemas.wire.administration import Administration
from schemas.wire.kafka import Publisher
from schemas.wire.settings import KafkaEndpoint
from tests.integration.deploy.conftest import HEALED_S, ROOT, eventually

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("apache_here")]
WHERE = [(MARKET_TICK.name, 0)]


def kafka_of(launched):
    return KafkaEndpoint(**json.loads(launched.directory.endpoints.read_text())["kafka"])


def test_death_of_apache_kafka_starts_it_again_alone_and_its_log_goes_on(launched):
    launched.start(DRIFTLINE_KAFKA="apache")
    eventually(launched.is_predicting)
    kafka, before = kafka_of(launched), launched.pids()
    assert not kafka.is_embedded
    publisher = Publisher(kafka, role="tests")
    publisher.publish(MARKET_TICK.name, b"{}", key=None, partition=0)
    publisher.flush()

    os.kill(before["broker"], signal.SIGKILL)

    eventually(lambda: launched.runs("broker", n_restarts=1), within_s=HEALED_S)
    eventually(lambda: Administration(kafka).ends(WHERE)[WHERE[0]] == 1, within_s=HEALED_S)
    after = launched.pids()
    assert {name for name in before if before[name] != after[name]} == {"broker"}
    assert launched.notes().count("once") == 1
    assert (launched.directory.logs / "broker.log").stat().st_size > 0

    launched.end()
    launched.start(DRIFTLINE_KAFKA="apache")
    eventually(launched.is_predicting)
    assert Administration(kafka_of(launched)).ends(WHERE) == {WHERE[0]: 1}


def test_foreground_says_how_to_use_it_and_ends_by_ctrl_c(launched):
    output = launched.output
    with output.open("wb") as file:
        running = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "kafka", "--port", "22092"],
            cwd=ROOT,
            env=launched.environment,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: "Ctrl-C ends it" in output.read_text())
        bootstrap = output.read_text().split("KAFKA_BOOTSTRAP_SERVERS=")[1].split()[0]
        assert Administration(KafkaEndpoint(bootstrap_servers=bootstrap, is_embedded=False)).is_ready()
        assert launched.driftline("reset", "--yes").returncode == 2
    finally:
        running.send_signal(signal.SIGINT)
    assert running.wait(60) == 0
    assert output.read_text().splitlines()[-1] == "Apache Kafka has ended"

"""The learner as a process on real brokers, killed with -9 at random moments: the same versions as without."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest

from schemas import codec
from schemas.events import ModelPromoted
from schemas.topics import FEATURES_MARKET, MODELS_EVENT
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Publisher, read_range
from schemas.wire.settings import Endpoints, KafkaEndpoint
from tests.fakes.registries import InMemoryRegistry
from tests.fixtures.feature_rows import INTERVAL, feature_rows
from trainers.models.online.recipes import OnlineLogistic
from trainers.online.operators import LearnerOperator, LearnerOptions
from trainers.online.publishing import Publishing
from trainers.registry.folders import FolderRegistry

N_ROWS = 1_000
EVERY_ROWS = 60
#: After how many versions the process is killed.
KILLS = (3, 8)
DEADLINE_S = 120.0
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def servers(request: pytest.FixtureRequest, endpoints: Endpoints) -> Endpoints:
    """The session's servers, with either broker."""
    if request.param == "embedded":
        return endpoints
    kafka: KafkaEndpoint = request.getfixturevalue("apache")
    return msgspec.structs.replace(endpoints, kafka=kafka)


def publish(kafka: KafkaEndpoint, rows) -> None:
    publisher = Publisher(kafka, role="test")
    for row in rows:
        publisher.publish(
            FEATURES_MARKET.name,
            codec.encode(row),
            key=row.instrument.encode(),
            headers=codec.headers(type(row)),
        )
    publisher.flush(timeout_s=60)


def start(folder: Path, stream: str) -> subprocess.Popen[bytes]:
    """The process, as the launcher starts it."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "DRIFTLINE_DATA_DIR": str(folder),
        "DRIFTLINE_STREAM": stream,
        "DRIFTLINE_ONLINE_MODELS": "online-logistic",
        "DRIFTLINE_ONLINE_TARGETS": "15m:15m",
        "DRIFTLINE_ONLINE_PUBLISH_ROWS": str(EVERY_ROWS),
        "DRIFTLINE_ONLINE_PUBLISH_HOURS": "8000",
    }
    with (folder / "learner.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "trainers", "learn"], env=environment, stdout=log, stderr=log, cwd=folder
        )


def wait_for(has_come: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    clock = SystemClock()
    deadline_s = clock.monotonic_s() + DEADLINE_S
    while not has_come():
        assert process.poll() is None, "the learner ended by itself"
        assert clock.monotonic_s() < deadline_s, "the learner published too little"
        clock.sleep(0.01)


def announced(kafka: KafkaEndpoint, stream: str) -> list[ModelPromoted]:
    events = [
        codec.decode(MODELS_EVENT, record.value, record.headers)
        for record in read_range(kafka, {(MODELS_EVENT.name, 0): 0})
    ]
    return [event for event in events if event.stream == stream]


def undisturbed(rows) -> tuple[list[ModelPromoted], InMemoryRegistry]:
    """What a learner that is never killed says of the same rows."""
    registry = InMemoryRegistry()
    publishing = Publishing(registry, alias="shadow", clock=SystemClock(), code_version="")
    options = LearnerOptions([(INTERVAL, INTERVAL)], [OnlineLogistic()], None, EVERY_ROWS, 10**12)
    operator = LearnerOperator(options, publish=publishing)
    return [output.event for row in rows for output in operator.step(FEATURES_MARKET, row)], registry


def test_a_learner_killed_at_random_moments_publishes_what_one_does_that_is_not(servers, tmp_path):
    stream = f"replay-{uuid4().hex[:12]}"
    rows = feature_rows(N_ROWS, stream=stream)
    expected, reference = undisturbed(rows)
    (tmp_path / "endpoints.json").write_bytes(msgspec.json.encode(servers))
    registry = FolderRegistry(tmp_path / "registry")
    publish(servers.kafka, rows)
    chance = random.Random(stream)
    for n_versions in KILLS:
        process = start(tmp_path, stream)
        wait_for(lambda n=n_versions: len(registry.versions()) >= n, process)
        time.sleep(chance.uniform(0, 0.05))
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(registry.versions()) < len(expected)

    process = start(tmp_path, stream)
    wait_for(lambda: len(announced(servers.kafka, stream)) >= len(expected), process)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 0

    assert announced(servers.kafka, stream) == expected
    found = {manifest.version: registry.load(manifest.version).files for manifest in registry.versions()}
    assert found == {m.version: reference.load(m.version).files for m in reference.versions()}
    assert [line.version for line in registry.ledger()] == [event.model_version for event in expected]

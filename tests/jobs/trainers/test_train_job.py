"""The training command on real servers: features from Postgres, promotions to Kafka."""

import uuid

import msgspec
import pytest
from click.testing import CliRunner

from schemas.arms import CHAMPION
from schemas.codec import decode, null_from_nan
from schemas.events import FeaturesComputed
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, MODELS_EVENT, partition_of
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Reader, read_range
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.tables import StoredWatermark
from schemas.wire.postgres.writing import EventWriter
from tests.fakes.feature_tables import simulated_table
from tests.fakes.histories import description_of
from trainers.commands import commands
from trainers.registry.folders import FolderRegistry
from trainers.registry.models import load_onnx

N_ROWS = 700
UNTIL_MS = N_ROWS * 60_000
INSTRUMENT = "BTC-USDT.SIMULATED"


@pytest.fixture
def stream(endpoints):
    """A stream with its warm-up stored."""
    name = f"simulation-{uuid.uuid4().hex[:12]}"
    pool = PostgresPool(endpoints.database_url)
    pool.open()
    StoredStreams(pool).register_stream(description_of(stream=name, until_ms=UNTIL_MS))
    table = simulated_table(n=N_ROWS, seed=3)
    batch = [
        FeaturesComputed(
            event_time_ms=int(table.as_of_ms[i]),
            known_time_ms=int(table.known_ms[i]),
            source="simulated",
            stream=name,
            instrument=INSTRUMENT,
            interval=Interval.ONE_MINUTE,
            close=float(table.close[i]),
            feature_spec_hash=table.feature_spec_hash,
            is_warm=bool(table.is_warm[i]),
            values=dict(zip(table.names, null_from_nan(table.values[i].tolist()), strict=True)),
        )
        for i in range(N_ROWS)
    ]
    partition = partition_of(INSTRUMENT.encode(), FEATURES_MARKET.n_partitions)
    EventWriter(pool).write(
        batch, [StoredWatermark(name, FEATURES_MARKET.name, partition, UNTIL_MS, "simulated")]
    )
    pool.close()
    return name


def train(stream, endpoints, folder):
    (folder / "endpoints.json").write_bytes(msgspec.json.encode(endpoints))
    environment = {
        "DRIFTLINE_DATA_DIR": str(folder),
        "DRIFTLINE_STREAM": stream,
        "DRIFTLINE_TARGETS": "1m:1m,1h:1h",
    }
    return CliRunner().invoke(commands, ["train"], obj=environment)


def announced(stream, endpoints, *, at_least):
    """The promotions of a stream, read until there are enough or the deadline has passed."""
    reader = Reader(endpoints.kafka, group=f"test-{uuid.uuid4().hex}", topics=[MODELS_EVENT], is_fixed=True)
    reader.open()
    clock = SystemClock()
    deadline = clock.monotonic_s() + 60
    found = []
    while len(found) < at_least and clock.monotonic_s() < deadline:
        for record in reader.poll(max_records=1000, timeout_s=0.2):
            event = decode(MODELS_EVENT, record.value, record.headers)
            if event.stream == stream:
                found.append((record.key, event))
    reader.close()
    return found


def test_stored_features_become_a_champion_that_is_announced_and_loads(stream, endpoints, tmp_path):
    result = train(stream, endpoints, tmp_path)
    assert result.exit_code == 0, result.output
    assert "1h->1h: too little history" in result.output

    ((key, event),) = announced(stream, endpoints, at_least=1)
    assert key == INSTRUMENT.encode()
    assert event.effective_from_ms == UNTIL_MS
    manifest, model = load_onnx(FolderRegistry(tmp_path / "registry"), event.model_version)
    assert model.model_hash == event.model_hash
    assert (manifest.stream, manifest.feature_spec_hash) == (stream, event.feature_spec_hash)


def test_a_second_run_trains_nothing_and_says_nothing_again_that_the_log_has(stream, endpoints, tmp_path):
    """A log that outlives a restart had every champion once per start."""
    train(stream, endpoints, tmp_path)
    result = train(stream, endpoints, tmp_path)
    assert "goes on" in result.output
    events = [
        decode(MODELS_EVENT, record.value, record.headers)
        for record in read_range(endpoints.kafka, {(MODELS_EVENT.name, 0): 0})
    ]
    assert len([event for event in events if event.stream == stream]) == 1
    registry = FolderRegistry(tmp_path / "registry")
    assert [entry.alias for entry in registry.ledger()] == [CHAMPION]
    assert len(registry.versions()) == 1

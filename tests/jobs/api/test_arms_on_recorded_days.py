"""A champion, a challenger and a shadow on recorded days of June: three records, as of three runs of their own.

The jobs run in memory, with their real codec, checkpoints and models, from candles of two coins to outcomes; what
they said is stored in a real Postgres, which keeps the records. The challenger takes vectors, the other two market
features. In the run of all three, scoring and the label join crash again and again.
"""

import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pytest

from api.scoring.jobs import check_promotion, scoring_job
from schemas import codec
from schemas.arms import ALIASES, CHALLENGER, CHAMPION
from schemas.artifacts import ModelManifest
from schemas.companions import Companions
from schemas.events import (
    CandleObserved,
    Event,
    ModelPromoted,
    OutcomeResolved,
    PredictionMade,
    WatermarkAdvanced,
)
from schemas.records import PredictionRecord
from schemas.targets import Target
from schemas.time import Interval
from schemas.topics import (
    FEATURES_MARKET,
    FEATURES_VECTOR,
    MARKET_BAR,
    MARKET_CANDLE,
    MODELS_EVENT,
    OUTCOMES,
    PREDICTIONS,
    PROGRESS_SCORING,
    Topic,
    partition_of,
)
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.postgres.writing import EventWriter
from stream_processors.features.bars import BarTable
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import spec_of
from stream_processors.jobs.market import market_job
from stream_processors.jobs.outcomes import outcomes_job
from stream_processors.jobs.vectors import vectors_job
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.driving import TopologyDriver
from stream_processors.settings import ProcessorSettings
from tests.benchmarks.small_models import publish_small_model
from tests.fixtures.companion_runs import recorded_files
from tests.fixtures.recorded_bars import minutes_of
from tests.fixtures.running_demo import INSTRUMENT
from trainers.models.parity import parity_hash
from trainers.registry.folders import FolderRegistry
from trainers.registry.models import LoadedModels

pytestmark = pytest.mark.recorded
FROM, UNTIL = "2025-06-20T00:00", "2025-06-21T12:00"
COIN = "ETH-USDT.BINANCE"
STREAM = "replay-arms"
M1 = Interval.ONE_MINUTE
#: How many messages of each partition are read between two crashes.
N_BETWEEN_CRASHES = 700


class Said(NamedTuple):
    """What a run said."""

    predictions: list[PredictionMade]
    outcomes: list[OutcomeResolved]


def candle(instrument: str, bars: BarTable, i: int) -> CandleObserved:
    start_ms, end_ms = int(bars.start_ms[i]), int(bars.known_ms[i])
    opened, high, low, close, volume = (float(value) for value in bars.rows[i, :5])
    return CandleObserved(
        event_time_ms=end_ms,
        known_time_ms=end_ms,
        source="binance",
        stream=STREAM,
        instrument=instrument,
        interval=M1,
        start_ms=start_ms,
        open=opened,
        high=high,
        low=low,
        close=close,
        volume=volume,
    )


def carried(source: TopologyDriver, topic: Topic, into: TopologyDriver) -> None:
    for record in source.log.records(topic.name):
        into.send(topic, record.value, key="any", partition=record.partition)


def finished(driver: TopologyDriver, *, n_between_crashes: int | None = None) -> TopologyDriver:
    """Run a job to the end of its inputs, with a crash after every so many messages."""
    while driver.run(max_messages=n_between_crashes):
        driver.clock.sleep(0.6)  # so that some crashes come after a checkpoint, and some long after one
        if n_between_crashes is not None:
            driver.crash()
    return driver


@pytest.fixture(scope="module")
def market(recorded_data: Path) -> TopologyDriver:
    """Bars and features of both coins."""
    files = recorded_files(recorded_data)
    tables = {name: minutes_of(files[name], FROM, UNTIL) for name in (INSTRUMENT, COIN)}
    driver = TopologyDriver(market_job(ProcessorSettings.from_environment({"DRIFTLINE_INTERVALS": "1m"})))
    n = min(len(table.rows) for table in tables.values())
    assert all(np.array_equal(table.start_ms[:n], tables[COIN].start_ms[:n]) for table in tables.values())
    for i in range(n):
        for name, table in tables.items():
            driver.send(MARKET_CANDLE, candle(name, table, i), key=name)
        end_ms = int(tables[COIN].known_ms[i])
        mark = WatermarkAdvanced(event_time_ms=end_ms, known_time_ms=end_ms, source="binance", stream=STREAM)
        for partition in {partition_of(name.encode(), MARKET_CANDLE.n_partitions) for name in tables}:
            driver.send(MARKET_CANDLE, mark, key="binance", partition=partition)
    return finished(driver)


@pytest.fixture(scope="module")
def vectors(market: TopologyDriver) -> TopologyDriver:
    settings = ProcessorSettings.from_environment({"DRIFTLINE_COMPANIONS": f"{INSTRUMENT}:{COIN}"})
    driver = TopologyDriver(vectors_job(settings))
    carried(market, FEATURES_MARKET, driver)
    return finished(driver)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> FolderRegistry:
    return FolderRegistry(tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def versions(registry: FolderRegistry) -> dict[str, ModelManifest]:
    """A version for each arm; the challenger's takes the other coin too."""
    specs = {CHALLENGER: spec_of(Companions(coin=COIN))}
    return {
        arm: publish_small_model(
            registry, instrument=INSTRUMENT, stream=STREAM, spec=specs.get(arm, SPEC), seed=seed
        )
        for seed, arm in enumerate(ALIASES)
    }


def promoted(manifest: ModelManifest, *, arm: str, from_ms: int) -> ModelPromoted:
    return ModelPromoted(
        event_time_ms=from_ms,
        known_time_ms=from_ms,
        source="trainers",
        stream=STREAM,
        instrument=INSTRUMENT,
        interval=M1,
        horizon=M1,
        alias=arm,
        model_version=manifest.version,
        model_hash=manifest.model_hash,
        feature_spec_hash=manifest.feature_spec_hash,
        effective_from_ms=from_ms,
    )


class Recorded(NamedTuple):
    """The inputs of a run of scoring, and where its models are."""

    market: TopologyDriver
    vectors: TopologyDriver
    registry: FolderRegistry

    def run(self, versions: Mapping[str, ModelManifest], *, n_between_crashes: int | None = None) -> Said:
        """Score and judge the versions of these arms beside one another."""
        models = LoadedModels(self.registry)
        job = scoring_job(
            load=models.model, check=partial(check_promotion, models), joined={INSTRUMENT: "binance"}
        )
        scoring = TopologyDriver(job)
        for arm, manifest in versions.items():
            scoring.send(MODELS_EVENT, promoted(manifest, arm=arm, from_ms=0), key=INSTRUMENT)
        carried(self.market, FEATURES_MARKET, scoring)
        carried(self.vectors, FEATURES_VECTOR, scoring)
        finished(scoring, n_between_crashes=n_between_crashes)
        joining = TopologyDriver(self.judging())
        for topic in (PREDICTIONS, PROGRESS_SCORING):
            carried(scoring, topic, joining)
        carried(self.market, MARKET_BAR, joining)
        finished(joining, n_between_crashes=n_between_crashes)
        return Said(decoded(scoring, PREDICTIONS), decoded(joining, OUTCOMES))

    def judging(self) -> Job:
        return outcomes_job([], stream=STREAM)


def decoded(driver: TopologyDriver, topic: Topic) -> list:
    return [codec.decode(topic, value) for value in driver.values(topic)]


def record_of(pool: PostgresPool, said: Said, arm: str) -> PredictionRecord:
    """The record that Postgres keeps of an arm, of what a run said."""
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    events: list[Event] = [*said.predictions, *said.outcomes]
    EventWriter(pool).write([msgspec.structs.replace(event, stream=stream) for event in events])
    return StoredPredictions(pool).record(Target(stream, INSTRUMENT, M1, M1, arm))


def of_arm(said: Said, arm: str) -> Said:
    """What a run said of one arm, as if it were the champion."""
    return Said(
        *([msgspec.structs.replace(one, arm=CHAMPION) for one in events if one.arm == arm] for events in said)
    )


def test_three_arms_leave_the_records_of_three_separate_runs(
    market: TopologyDriver,
    vectors: TopologyDriver,
    registry: FolderRegistry,
    versions: dict[str, ModelManifest],
    pool: PostgresPool,
) -> None:
    recorded = Recorded(market, vectors, registry)
    together = recorded.run(versions, n_between_crashes=N_BETWEEN_CRASHES)
    hashes, records = set(), {}
    for arm, manifest in versions.items():
        alone, beside = recorded.run({CHAMPION: manifest}), of_arm(together, arm)
        assert len(alone.predictions) > 1_500
        assert list(map(codec.encode, beside.predictions)) == list(map(codec.encode, alone.predictions))
        assert sorted(map(codec.encode, beside.outcomes)) == sorted(map(codec.encode, alone.outcomes))
        assert parity_hash(beside.predictions) == parity_hash(alone.predictions)
        hashes.add(parity_hash(alone.predictions))
        records[arm] = record_of(pool, together, arm)
        assert records[arm] == record_of(pool, alone, CHAMPION)
        assert records[arm].n_hits + records[arm].n_misses > 1_000
    assert len(hashes) == len(set(records.values())) == 3

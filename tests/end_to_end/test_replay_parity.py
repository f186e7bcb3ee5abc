"""A replay is what it says: its features and predictions are those of the file, and of any other replay."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from schemas.arms import CHAMPION
from schemas.artifacts import LedgerEntry, ModelTarget
from schemas.codec import null_from_nan
from schemas.events import FeaturesComputed, ModelPromoted, PredictionMade
from schemas.features import FeatureTable
from schemas.targets import Target
from schemas.time import Interval
from schemas.wire.postgres.features import StoredFeatures
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from stream_processors.features.bars import roll_up
from stream_processors.features.batch import compute_table
from tests.fixtures.recorded_bars import minutes_of
from tests.fixtures.running_demo import CANDLES, FROM, INSTRUMENT, UNTIL, Demo, running_demo
from trainers.commands import commands
from trainers.models.decisions import decide
from trainers.models.parity import parity_hash
from trainers.registry.folders import FolderRegistry
from trainers.registry.models import load_onnx

pytestmark = [pytest.mark.recorded, pytest.mark.slow, pytest.mark.timeout(600)]
INTERVALS = (Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES)


class Replayed(NamedTuple):
    """What one replay left behind."""

    predictions: list[PredictionMade]
    features: dict[Interval, FeatureTable]
    champions: list[LedgerEntry]
    registry: FolderRegistry
    stream: str
    backtest: dict[str, Any]


def _replay(folder: Path, candles: Path) -> Replayed:
    with running_demo(folder / "data", candles, log=folder / "demo.log", speed="max") as demo:
        end_ms = int(minutes_of(candles, FROM, UNTIL).rows[-1, 5])
        demo.wait_for_judged(after_ms=end_ms - 3 * 60_000, deadline_s=300)
        return _collected(demo, _backtested(folder, candles))


def _backtested(folder: Path, candles: Path) -> dict[str, Any]:
    """What ``driftline backtest --parity`` finds about the run, beside it."""
    environment = {"DRIFTLINE_DATA_DIR": str(folder / "data")}
    stream = FolderRegistry(folder / "data" / "registry").ledger()[0].stream
    report = folder / "backtest.json"
    arguments = ["backtest", "--model", CHAMPION, "--bars", str(candles), "--parity", stream]
    arguments += ["--json", str(report)]
    CliRunner().invoke(commands, arguments, obj=environment)
    found: dict[str, Any] = json.loads(report.read_bytes())
    return found


def _collected(demo: Demo, report: dict[str, Any]) -> Replayed:
    pool = PostgresPool(demo.database_url())
    pool.open()
    stream = str(demo.status()["state"]["stream"])
    targets = [Target(stream, INSTRUMENT, str(interval), str(interval)) for interval in INTERVALS]
    registry = FolderRegistry(demo.registry())
    found = Replayed(
        predictions=[
            made
            for target in targets
            for made, _ in StoredPredictions(pool).predictions(target, limit=100_000)
        ],
        features={interval: _table(pool, stream, interval) for interval in INTERVALS},
        champions=[entry for entry in registry.ledger() if entry.alias == CHAMPION],
        registry=registry,
        stream=stream,
        backtest=report,
    )
    pool.close()
    return found


def _table(pool: PostgresPool, stream: str, interval: Interval) -> FeatureTable:
    table = StoredFeatures(pool).feature_table(stream, instrument=INSTRUMENT, interval=str(interval))
    assert table is not None
    return table


def _from_file(candles: Path, interval: Interval) -> FeatureTable:
    minutes = minutes_of(candles, FROM, UNTIL)
    if interval is Interval.ONE_MINUTE:
        return compute_table(minutes)
    return compute_table(roll_up(minutes, interval=Interval.ONE_MINUTE, into=interval))


def _predicted_from_file(candles: Path, replayed: Replayed) -> Iterator[PredictionMade]:
    """What each champion says of the features that the batch driver makes of the file."""
    for entry in replayed.champions:
        manifest, model = load_onnx(replayed.registry, entry.version)
        promoted = _promotion(entry, manifest.feature_spec_hash)
        table = _from_file(candles, entry.target.interval)
        for i in range(len(table.as_of_ms)):
            if table.is_warm[i] and table.as_of_ms[i] >= entry.effective_from_ms:
                yield decide(model, _event(table, i, entry.target, replayed.stream), promoted)


def _promotion(entry: LedgerEntry, spec_hash: str) -> ModelPromoted:
    return ModelPromoted(
        event_time_ms=entry.effective_from_ms,
        known_time_ms=entry.effective_from_ms,
        source="binance",
        stream=entry.stream,
        instrument=entry.target.instrument,
        interval=entry.target.interval,
        horizon=entry.target.horizon,
        alias=entry.alias,
        model_version=entry.version,
        model_hash=entry.model_hash,
        feature_spec_hash=spec_hash,
        effective_from_ms=entry.effective_from_ms,
    )


def _event(table: FeatureTable, i: int, target: ModelTarget, stream: str) -> FeaturesComputed:
    return FeaturesComputed(
        event_time_ms=int(table.as_of_ms[i]),
        known_time_ms=int(table.known_ms[i]),
        source="binance",
        stream=stream,
        instrument=target.instrument,
        interval=target.interval,
        close=float(table.close[i]),
        feature_spec_hash=table.feature_spec_hash,
        is_warm=True,
        values=dict(zip(table.names, null_from_nan(table.values[i].tolist()), strict=True)),
    )


@pytest.fixture(scope="module")
def candles(recorded_data: Path) -> Path:
    return recorded_data / CANDLES


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory, candles: Path) -> Replayed:
    return _replay(tmp_path_factory.mktemp("first"), candles)


@pytest.mark.parametrize("interval", INTERVALS)
def test_features_of_a_replay_are_those_of_the_file_to_the_bit(
    replayed: Replayed, candles: Path, interval: Interval
) -> None:
    expected = _from_file(candles, interval)
    found = replayed.features[interval]
    assert found.as_of_ms.tolist() == expected.as_of_ms.tolist()
    assert found.values.tobytes() == expected.values.tobytes()


def test_predictions_of_a_replay_are_those_of_the_file(replayed: Replayed, candles: Path) -> None:
    assert len(replayed.predictions) > 1_000
    assert parity_hash(replayed.predictions) == parity_hash(_predicted_from_file(candles, replayed))


def test_the_backtest_command_finds_the_same_hash_as_the_live_run(replayed: Replayed) -> None:
    parity = replayed.backtest["parity"]
    assert parity["first_difference"] is None
    assert parity["replayed"] == parity["live"]
    assert parity["n_live"] > 1_000


def test_a_second_replay_trains_and_predicts_the_same(
    replayed: Replayed, candles: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    second = _replay(tmp_path_factory.mktemp("second"), candles)
    assert second.stream == replayed.stream
    assert {entry.model_hash for entry in second.champions} == {
        entry.model_hash for entry in replayed.champions
    }
    assert parity_hash(second.predictions) == parity_hash(replayed.predictions)

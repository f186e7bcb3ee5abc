"""One run, backtested over its file, over Postgres and over the topics: the same predictions to the bit."""

import json
import uuid
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from schemas.arms import CHAMPION
from schemas.artifacts import LedgerEntry, ModelTarget
from schemas.codec import decode
from schemas.errors import NotReadyError
from schemas.events import BarClosed, CandleObserved, FeaturesComputed, ModelPromoted
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, MARKET_CANDLE, MODELS_EVENT
from schemas.wire.kafka import read_range
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.tables import StoredWatermark
from schemas.wire.postgres.writing import EventWriter
from stream_processors.operators.market import MarketOperator
from stream_processors.operators.protocols import MOST_OUTPUTS
from tests.fakes.backtests import small_artifact
from tests.fakes.histories import description_of
from tests.fixtures.bar_tables import random_walk
from tests.fixtures.logs import publish
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0
from trainers.commands import commands
from trainers.inputs.materials import from_file
from trainers.models.decisions import decide
from trainers.models.onnx_models import OnnxModel
from trainers.registry.folders import FolderRegistry
from trainers.registry.serving import promotion_of

N = 2_000
UNTIL_MS = T0 + N // 2 * MINUTE
TARGET = ModelTarget(instrument=INSTRUMENT, interval=Interval.ONE_MINUTE, horizon=Interval.FIVE_MINUTES)


class Place(NamedTuple):
    """A data directory with a champion, and a run that it predicted live."""

    folder: Path
    candles: Path
    stream: str
    versions: list[str]


def candles_of(stream, bars):
    return [
        CandleObserved(
            event_time_ms=int(row[5]),
            known_time_ms=int(row[5]),
            source="binance",
            stream=stream,
            instrument=INSTRUMENT,
            interval=Interval.ONE_MINUTE,
            start_ms=int(row[5]) - MINUTE,
            open=float(row[0]),
            high=float(row[1]),
            low=float(row[2]),
            close=float(row[3]),
            volume=float(row[4]),
        )
        for row in bars.rows
    ]


def write_file(path, bars):
    columns = {"timestamp": pa.array(bars.start_ms.astype("datetime64[ms]"))}
    for number, name in enumerate(("open", "high", "low", "close", "volume")):
        columns[name] = bars.rows[:, number]
    parquet.write_table(pa.table(columns), path)


def live_run(stream, bars, promoted, model):
    """What the market processor and scoring make of the candles."""
    operator = MarketOperator(intervals=[])
    for candle in candles_of(stream, bars):
        for output in operator.step(MARKET_CANDLE, candle):
            event = output.event
            if isinstance(event, BarClosed | FeaturesComputed):
                yield event
            if (
                isinstance(event, FeaturesComputed)
                and event.is_warm
                and event.event_time_ms >= promoted.effective_from_ms
            ):
                yield decide(model, event, promoted)


@pytest.fixture(scope="module")
def place(endpoints, tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    (folder / "endpoints.json").write_bytes(msgspec.json.encode(endpoints))
    stream, bars = f"replay-{uuid.uuid4().hex[:12]}", random_walk(N, seed=11)
    candles = folder / "btcusdt_binance_spot_1m.parquet"
    write_file(candles, bars)

    registry = FolderRegistry(folder / "registry")
    table = from_file(candles, TARGET, instrument=None, begin_ms=None).table
    made = [
        small_artifact(table, until_ms=UNTIL_MS, target=TARGET, stream=stream, n_rounds=n_rounds)
        for n_rounds in (10, 12)
    ]
    for manifest, files in made:
        registry.publish(manifest, files)
    manifest, files = made[0]
    entry = LedgerEntry(
        alias=CHAMPION,
        target=TARGET,
        version=manifest.version,
        model_hash=manifest.model_hash,
        stream=stream,
        effective_from_ms=UNTIL_MS,
        recorded_ms=1,
        reason="the first",
    )
    registry.promote(entry)

    # The log holds more of other runs than one step of the operator takes: nothing of this run may be left out.
    publish(
        endpoints.kafka, MARKET_CANDLE, candles_of(f"{stream}-other", random_walk(2 * MOST_OUTPUTS, seed=12))
    )
    publish(endpoints.kafka, MARKET_CANDLE, candles_of(stream, bars))
    pool = PostgresPool(endpoints.database_url)
    pool.open()
    description = description_of(stream=stream, until_ms=UNTIL_MS, instruments=(INSTRUMENT,))
    StoredStreams(pool).register_stream(msgspec.structs.replace(description, origin_ms=T0))
    model = OnnxModel.from_bytes(files["model.onnx"])
    events = list(live_run(stream, bars, promotion_of(entry, manifest), model))
    EventWriter(pool).write(
        events, [StoredWatermark(stream, FEATURES_MARKET.name, 0, T0 + N * MINUTE, "binance")]
    )
    pool.close()
    return Place(folder, candles, stream, [manifest.version for manifest, _ in made])


def run(place, *arguments):
    return CliRunner().invoke(commands, list(arguments), obj={"DRIFTLINE_DATA_DIR": str(place.folder)})


def backtest(place, tmp_path, *arguments):
    json_path = tmp_path / "out.json"
    result = run(place, "backtest", "--model", CHAMPION, "--json", str(json_path), *arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return json.loads(json_path.read_bytes()), result


def over(place):
    return {
        "file": ("--bars", str(place.candles)),
        "postgres": ("--over", "postgres", "--stream", place.stream),
        "topics": ("--over", "topics", "--stream", place.stream),
    }


@pytest.mark.parametrize("where", ["file", "postgres", "topics"])
def test_the_replay_says_what_was_said_live(place, tmp_path, where):
    report, result = backtest(place, tmp_path, *over(place)[where], "--parity", place.stream)
    parity = report["parity"]
    assert parity["first_difference"] is None
    assert parity["replayed"] == parity["live"]
    assert parity["n_replayed"] == parity["n_live"] == N // 2 + 1
    assert result.exit_code == 0
    assert "equal" in result.output


def test_money_over_the_three_is_the_same(place, tmp_path):
    results = [backtest(place, tmp_path, *arguments)[0]["results"] for arguments in over(place).values()]
    assert results[0] == results[1] == results[2]


def test_another_model_is_named_as_the_first_difference_and_the_command_fails(place, tmp_path):
    arguments = ("--bars", str(place.candles), "--parity", place.stream, "--from", "2025-06-02")
    json_path = tmp_path / "out.json"
    result = run(place, "backtest", "--model", place.versions[1], "--json", str(json_path), *arguments)
    assert result.exit_code == 1
    parity = json.loads(json_path.read_bytes())["parity"]
    assert parity["replayed"] != parity["live"]
    assert place.versions[1] in parity["first_difference"]


def test_a_stream_that_is_not_there_is_said_to_be_so(place):
    for arguments in (
        ("--bars", str(place.candles), "--parity", "replay-none", "--stream", place.stream),
        ("--over", "postgres", "--stream", "replay-none"),
        ("--over", "topics", "--stream", "replay-none"),
    ):
        error = run(place, "backtest", "--model", place.versions[0], *arguments).exception
        assert isinstance(error, NotReadyError)
        assert "replay-none" in str(error)


def test_a_promotion_and_a_rollback_are_announced_from_the_streams_next_bar_on(place, endpoints):
    """Last, since they change what the champion is."""
    promoted = run(place, "models", "promote", place.versions[1], "--reason", "better")
    assert promoted.exit_code == 0, repr(promoted.exception)
    rolled_back = run(place, "models", "rollback", "--reason", "it was not")
    assert rolled_back.exit_code == 0, repr(rolled_back.exception)
    events = [
        decode(MODELS_EVENT, record.value, record.headers)
        for record in read_range(endpoints.kafka, {(MODELS_EVENT.name, 0): 0})
    ]
    ours = [event for event in events if isinstance(event, ModelPromoted) and event.stream == place.stream]
    assert [event.model_version for event in ours] == [place.versions[1], place.versions[0]]
    assert {event.effective_from_ms for event in ours} == {T0 + (N + 1) * MINUTE}

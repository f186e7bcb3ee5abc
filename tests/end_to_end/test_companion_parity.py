"""Two coins side by side, joined live: vectors and predictions are those of the files, to the bit."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from schemas.companions import Companions
from schemas.features import FeatureTable
from schemas.time import Interval
from schemas.wire.postgres import History
from stream_processors.features.batch import compute_table
from stream_processors.features.vector_declarations import spec_of
from stream_processors.features.vectors import with_companions
from tests.fixtures.recorded_bars import minutes_of
from tests.fixtures.running_demo import CANDLES, INSTRUMENT, Demo, running_demo
from trainers.commands import commands
from trainers.registry.folders import FolderRegistry

pytestmark = [pytest.mark.recorded, pytest.mark.slow, pytest.mark.timeout(600)]
COIN = "ETH-USDT.BINANCE"
ETHER = CANDLES.with_name(CANDLES.name.replace("btc", "eth"))
COMPANIONS = Companions(coin=COIN)
FROM, UNTIL = "2025-06-20T00:00", "2025-06-22T00:00"
OVER = ("file", "postgres", "topics")


class Replayed(NamedTuple):
    """What the replay left behind: stored vectors, promoted sets, and what backtests found, by where from."""

    vectors: FeatureTable
    promoted: set[tuple[str, str]]
    backtests: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def files(recorded_data: Path) -> dict[str, Path]:
    return {INSTRUMENT: recorded_data / CANDLES, COIN: recorded_data / ETHER}


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory, files: dict[str, Path]) -> Replayed:
    folder = tmp_path_factory.mktemp("companions")
    with running_demo(
        folder / "data",
        files[INSTRUMENT],
        beside=[files[COIN]],
        log=folder / "demo.log",
        speed="max",
        stretch=(FROM, UNTIL),
    ) as demo:
        end_ms = int(minutes_of(files[INSTRUMENT], FROM, UNTIL).rows[-1, 5])
        demo.wait_for_judged(after_ms=end_ms - 3 * 60_000, deadline_s=180)
        registry = FolderRegistry(demo.registry())
        stream = registry.ledger()[0].stream
        return Replayed(
            vectors=_stored(demo, stream),
            promoted={
                (entry.target.instrument, registry.load(entry.version).manifest.feature_spec_hash)
                for entry in registry.ledger()
            },
            backtests={over: _backtested(folder, over, stream, files) for over in OVER},
        )


def _stored(demo: Demo, stream: str) -> FeatureTable:
    history = History(demo.database_url())
    history.open()
    table = history.feature_table(
        stream, instrument=INSTRUMENT, interval="1m", spec_hash=spec_of(COMPANIONS).hash
    )
    history.close()
    assert table is not None
    return table


def _backtested(folder: Path, over: str, stream: str, files: dict[str, Path]) -> dict[str, Any]:
    report = folder / f"{over}.json"
    arguments = ["backtest", "--model", "champion", "--parity", stream, "--json", str(report)]
    if over == "file":
        arguments += ["--bars", str(files[INSTRUMENT]), "--bars-eth", str(files[COIN])]
    else:
        arguments += ["--over", over, "--stream", stream]
    CliRunner().invoke(commands, arguments, obj={"DRIFTLINE_DATA_DIR": str(folder / "data")})
    found: dict[str, Any] = json.loads(report.read_bytes())
    return found


def test_stored_vectors_are_those_of_the_files_to_the_bit(replayed: Replayed, files: dict[str, Path]) -> None:
    tables = {name: compute_table(minutes_of(path, FROM, UNTIL)) for name, path in files.items()}
    expected = with_companions(tables[INSTRUMENT], tables, COMPANIONS, interval=Interval.ONE_MINUTE)
    assert replayed.vectors.as_of_ms.tolist() == expected.as_of_ms.tolist()
    assert replayed.vectors.known_ms.tolist() == expected.known_ms.tolist()
    assert replayed.vectors.values.tobytes() == expected.values.tobytes()


def test_models_are_trained_on_vectors_of_the_first_coin_alone(replayed: Replayed) -> None:
    assert replayed.promoted == {(INSTRUMENT, spec_of(COMPANIONS).hash)}


@pytest.mark.parametrize("over", OVER)
def test_backtest_finds_the_hash_of_the_live_predictions(replayed: Replayed, over: str) -> None:
    parity = replayed.backtests[over]["parity"]
    assert parity["first_difference"] is None
    assert parity["replayed"] == parity["live"]
    assert parity["n_live"] > 500

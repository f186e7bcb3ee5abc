"""Prices and news side by side: vectors and predictions have both, and are those of the files, to the bit."""

import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner

from schemas.companions import CREDIBILITY_VARIABLE, Companions, NewsCompanion
from schemas.features import FeatureTable
from schemas.time import Interval
from schemas.wire.postgres.features import StoredFeatures
from schemas.wire.postgres.pools import PostgresPool
from stream_processors.features.batch import compute_table
from stream_processors.features.declarations import SPEC
from stream_processors.features.vector_declarations import spec_of
from stream_processors.features.vectors import with_companions
from stream_processors.sentiment.opening import open_scorers
from tests.fixtures.recorded_bars import minutes_of
from tests.fixtures.running_demo import CANDLES, INSTRUMENT, Demo, running_demo
from trainers.commands import commands
from trainers.inputs.news_scores import NewsFile, scored_news
from trainers.registry.folders import FolderRegistry

pytestmark = [pytest.mark.recorded, pytest.mark.slow, pytest.mark.timeout(1_200)]

NEWS = Path("news") / "crypto_news_2025-05_2025-08.csv.gz"
#: ``make parity-news`` plays another stretch, such as all of June.
FROM = os.environ.get("DRIFTLINE_TEST_NEWS_FROM", "2025-06-20T00:00")
UNTIL = os.environ.get("DRIFTLINE_TEST_NEWS_UNTIL", "2025-06-22T00:00")
CREDIBILITY = {CREDIBILITY_VARIABLE: "coinotag.com:0.5"}
OVER = ("file", "postgres", "topics")


class Replayed(NamedTuple):
    """What a replay left behind: stored vectors, promoted sets, and what backtests found, by where from."""

    vectors: FeatureTable
    promoted: set[str]
    backtests: dict[str, dict[str, Any]]


def companions() -> Companions:
    ids = tuple(scorer.id for scorer in open_scorers({}).scorers)
    return Companions(news=NewsCompanion(ids, (("coinotag.com", 0.5),)))


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory, recorded_data: Path) -> Replayed:
    folder = tmp_path_factory.mktemp("news")
    setting = {"DRIFTLINE_COMPANIONS": f"{INSTRUMENT}:{companions().news}"} | CREDIBILITY
    with running_demo(
        folder / "data",
        recorded_data / CANDLES,
        log=folder / "demo.log",
        speed="max",
        stretch=(FROM, UNTIL),
        options=["--news", str(recorded_data / NEWS)],
        environment=setting,
        deadline_s=600,
    ) as demo:
        end_ms = int(minutes_of(recorded_data / CANDLES, FROM, UNTIL).rows[-1, 5])
        demo.wait_for_judged(after_ms=end_ms - 3 * 60_000, deadline_s=600)
        registry = FolderRegistry(demo.registry())
        stream = registry.ledger()[0].stream
        return Replayed(
            vectors=stored(demo, stream, until_ms=end_ms),
            promoted={registry.load(entry.version).manifest.feature_spec_hash for entry in registry.ledger()},
            backtests={over: backtested(folder, over, stream, recorded_data) for over in OVER},
        )


def stored(demo: Demo, stream: str, *, until_ms: int) -> FeatureTable:
    """The vectors, once that of the last bar is stored: the sink may lag behind the outcomes."""
    deadline_s = time.monotonic() + 120
    with PostgresPool(demo.database_url()) as pool:
        while True:
            table = StoredFeatures(pool).feature_table(
                stream, instrument=INSTRUMENT, interval="1m", spec_hash=spec_of(companions()).hash
            )
            if table is not None and table.as_of_ms[-1] == until_ms:
                return table
            assert time.monotonic() < deadline_s, "the vector of the last bar was not stored"
            time.sleep(0.2)


def backtested(folder: Path, over: str, stream: str, recorded_data: Path) -> dict[str, Any]:
    report = folder / f"{over}.json"
    arguments = ["backtest", "--model", "champion", "--parity", stream, "--json", str(report)]
    if over == "file":
        arguments += ["--bars", str(recorded_data / CANDLES), "--news", str(recorded_data / NEWS)]
    else:
        arguments += ["--over", over, "--stream", stream]
    environment = {"DRIFTLINE_DATA_DIR": str(folder / "data")} | CREDIBILITY
    result = CliRunner().invoke(commands, arguments, obj=environment)
    assert report.is_file(), result.output + repr(result.exception)
    found: dict[str, Any] = json.loads(report.read_bytes())
    return found


def test_stored_vectors_are_those_of_the_files_to_the_bit(replayed: Replayed, recorded_data: Path) -> None:
    table = compute_table(minutes_of(recorded_data / CANDLES, FROM, UNTIL))
    news = scored_news(NewsFile(recorded_data / NEWS, environment=CREDIBILITY), "BTC")
    assert news.companion == companions().news
    expected = with_companions(
        table, {}, companions(), interval=Interval.ONE_MINUTE, news=news.features(table.as_of_ms)
    )
    assert replayed.vectors.as_of_ms.tolist() == expected.as_of_ms.tolist()
    assert replayed.vectors.known_ms.tolist() == expected.known_ms.tolist()
    differing = {
        name
        for column, name in enumerate(expected.names)
        if replayed.vectors.values[1:, column].tobytes() != expected.values[1:, column].tobytes()
    }
    assert differing == set()
    n_defined = np.isfinite(replayed.vectors.values[1:, len(SPEC.names) :]).mean()
    assert n_defined > 0.8  # a quarter of an hour may have no article


def test_models_are_trained_on_vectors_with_news(replayed: Replayed) -> None:
    assert replayed.promoted == {spec_of(companions()).hash}


@pytest.mark.parametrize("over", OVER)
def test_backtest_finds_the_hash_of_the_live_predictions(replayed: Replayed, over: str) -> None:
    parity = replayed.backtests[over]["parity"]
    assert parity["first_difference"] is None
    assert parity["replayed"] == parity["live"]
    assert parity["n_live"] > 500

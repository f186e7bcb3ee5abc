"""Real starts that used to wait for ever: ``driftline up`` on files whose warm-up ends in a hole or is empty."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest

from schemas.time import text_of_time
from tests.fakes.candle_files import FIRST_MS, HOUR_MS, simulated_candles, written
from tests.integration.deploy.conftest import Launched, eventually

ROOT = Path(__file__).resolve().parents[3]
MINUTE_MS = 60_000
#: Compiling the kernel into a fresh data directory takes a minute on a busy machine.
STARTED_S = 240.0
pytestmark = pytest.mark.slow


class RealStart(Launched):
    """``driftline up`` in a data directory of its own."""

    def start(self, *arguments, **variables):
        with self.output.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "up", *map(str, arguments)],
                cwd=ROOT,
                env=self.environment | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def lines(self):
        return self.output.read_text().splitlines()

    def get(self, path):
        """The answer of the API, or None while it does not answer."""
        try:
            url = json.loads(self.directory.endpoints.read_text())["api_url"]
            return httpx.get(f"{url}{path}", timeout=10.0)
        except (OSError, ValueError, httpx.HTTPError):
            return None


@pytest.fixture(scope="module")
def kernels(tmp_path_factory):
    """The compiled kernels, which the starts of this module share."""
    return tmp_path_factory.mktemp("numba")


@pytest.fixture
def started(tmp_path, kernels):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "numba").symlink_to(kernels)
    launched = RealStart(tmp_path / "data", {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]})
    yield launched
    launched.end()


def capture_of(path, *, from_ms, n_minutes):
    """A capture of five trades a second, none at a whole one, whose local clock is 1.27 s behind the venue's."""
    lines = []
    for number, at_ms in enumerate(range(from_ms + 60, from_ms + n_minutes * MINUTE_MS, 200)):
        trade = {
            "e": "trade",
            "E": at_ms,
            "s": "BTCUSDT",
            "t": number,
            "p": f"{60_000 + number % 7}",
            "q": "0.01",
        }
        message = {"stream": "btcusdt@trade", "data": trade | {"T": at_ms, "m": number % 2 == 0, "M": True}}
        lines.append(b"%d %s\n" % ((at_ms - 1_270) * 1_000_000, msgspec.json.encode(message)))
    path.write_bytes(gzip.compress(b"".join(lines), 1))
    return path


def test_candles_whose_split_lies_in_a_hole_reach_a_prediction(started, tmp_path):
    """70 % of the span lay in a missing stretch, up to which no features were ever stored."""
    table = simulated_candles(n=1500, seed=3)
    hours = (table["timestamp"].to_numpy().astype("datetime64[ms]").astype(np.int64) - FIRST_MS) // HOUR_MS
    path = tmp_path / "btcusdt_binance_spot_1h.csv"
    written(table.filter((hours < 1000) | (hours >= 1100)), path)

    started.start("--data", path, "--speed", "max", DRIFTLINE_TARGETS="1h:1h")

    eventually(started.directory.start.exists, within_s=STARTED_S)
    assert json.loads(started.directory.start.read_text())["target"] == "1h:1h"
    assert any("(BTC-USDT.BINANCE)" in line for line in started.lines())
    eventually(lambda: phase_of(started) == "finished", within_s=STARTED_S)
    started.end()

    started.start("--data", path, "--speed", "30", DRIFTLINE_TARGETS="1h:1h")

    eventually(
        lambda: any("of an earlier start are served" in line for line in started.lines()),
        within_s=STARTED_S,
    )
    eventually(lambda: phase_of(started) == "finished", within_s=STARTED_S)
    assert started.get("/v1/stream").json()["speed"] == 30.0
    assert not started.directory.start.exists()


def phase_of(started):
    """The phase of the run as the API states it; None while it does not answer."""
    answer = started.get("/v1/stream")
    return answer.json().get("phase") if answer else None


def test_a_capture_without_history_shows_bars_and_says_what_is_missing(started, tmp_path):
    """Nothing preceded the capture, and training waited for its features for ever."""
    begin_ms = FIRST_MS + 30_000
    path = capture_of(tmp_path / "trades.gz", from_ms=begin_ms, n_minutes=5)

    started.start("--data", path, "--speed", "60")

    answer = eventually(
        lambda: (found := started.get("/v1/bars/BTC?interval=1m")) and found.json().get("bars") and found,
        within_s=STARTED_S,
    )
    first = answer.json()["bars"][0]
    assert (first["start_ms"], first["n_trades"]) == (FIRST_MS + MINUTE_MS, 300)
    said = eventually(
        lambda: [line for line in started.lines() if "for the first prediction" in line], within_s=STARTED_S
    )
    assert re.search(
        r"need 65 bars of 1m without a hole, \d are there, \d+ are missing; HISTORY=FILE", said[0]
    )
    assert [line for line in started.lines() if "no history precedes" in line and "HISTORY=FILE" in line]
    assert "need 65 bars" in started.get("/v1/predictions/BTC").json()["detail"]


def test_a_capture_without_history_is_predicted_by_a_champion_of_the_registry(started, tmp_path):
    candles = simulated_candles(n=1000, seed=5, step_ms=MINUTE_MS)
    history = written(candles, tmp_path / "btcusdt_binance_spot_1m.parquet")
    begin_ms = FIRST_MS + 900 * MINUTE_MS
    path = capture_of(tmp_path / "trades.gz", from_ms=begin_ms - 30_000, n_minutes=90)
    targets = {"DRIFTLINE_TARGETS": "1m:1m"}
    started.start("--data", path, "--history", history, "--speed", "max", **targets)
    eventually(started.directory.start.exists, within_s=STARTED_S)
    started.end()
    started.directory.start.unlink()

    started.start("--data", path, "--speed", "max", **targets)
    eventually(started.directory.start.exists, within_s=STARTED_S)

    made = started.get("/v1/predictions/BTC?interval=1m&horizon=1m").json()
    assert made["features_as_of_ms"] >= begin_ms + 65 * MINUTE_MS, text_of_time(made["features_as_of_ms"])
    (line,) = [line for line in started.lines() if "predicts here" in line]
    assert made["model_version"] in line

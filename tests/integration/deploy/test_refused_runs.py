"""A run whose files do not hold what is asked for is refused once, before anything is started for it."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from tests.fakes.candle_files import simulated_candles, written

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow

BTC, ETH = "btcusdt_binance_spot_1h.parquet", "ethusdt_binance_spot_1h.parquet"


@pytest.fixture
def folder(tmp_path):
    """Files of every kind that somebody may try."""
    candles = simulated_candles(n=200, seed=1)
    written(candles, tmp_path / BTC)
    written(candles.slice(0, 50), tmp_path / ETH)
    written(candles.drop_columns(["volume"]), tmp_path / "btcusdt_binance_spot_short.csv")
    written(
        candles.set_column(4, "close", pa.array([[1.0]] * 200)),
        tmp_path / "btcusdt_binance_spot_nested.parquet",
    )
    written(candles.slice(0, 0), tmp_path / "btcusdt_binance_spot_empty.parquet")
    (tmp_path / "btcusdt_binance_spot_text.parquet").write_text("a text")
    (tmp_path / "btcusdt_binance_spot_bytes.csv").write_bytes(bytes(range(256)))
    (tmp_path / "notes.txt").write_text("a text")
    (tmp_path / "broken.gz").write_bytes(b"not compressed")
    (tmp_path / "silent.gz").write_bytes(gzip.compress(b'1 {"stream":"x","data":{}}\n'))
    return tmp_path


def up(folder, *arguments, **variables):
    """``driftline up`` in a data directory that is not there yet."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", "up", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DRIFTLINE_DATA_DIR": str(folder / "data")}
        | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--data", BTC, "--from", "2031-01-01"), "FROM and TO must hold a candle of"),
        (("--data", BTC, "--to", "2011-01-01"), "FROM and TO must hold a candle of"),
        (("--data", BTC, "--from", "2021-01-05", "--to", "2021-01-02"), "FROM and TO must hold a candle of"),
        (("--data", BTC, "--from", "tomorrow"), "FROM must be an ISO time"),
        (("--from", "2021-01-05"), "FROM and TO choose a stretch of a candle file"),
        (("--data", BTC, "--data", ETH, "--from", "2021-01-05"), f"{ETH} holds no candle from"),
        (("--data", BTC, "--data", BTC), "each file of a run must be of an instrument of its own"),
        (("--data", "btcusdt_binance_spot_short.csv"), "missing: volume"),
        (("--data", "btcusdt_binance_spot_nested.parquet"), ""),
        (("--data", "btcusdt_binance_spot_empty.parquet"), "has no rows"),
        (("--data", "btcusdt_binance_spot_text.parquet"), "seems to be text"),
        (("--data", "btcusdt_binance_spot_bytes.csv"), ""),
        (("--data", "notes.txt"), "seems to be text"),
        (("--data", "nowhere.parquet"), "DATA must be an existing file"),
        (("--data", "broken.gz"), "seems to be text"),
        (("--data", "silent.gz"), "silent.gz seems to be text"),
        (("--data", BTC, "--history", ETH), "HISTORY is the warm-up of a WebSocket capture"),
        (("--data", "silent.gz", "--history", "notes.txt"), ""),
    ],
)
def test_a_run_that_its_files_do_not_hold_is_one_line_and_leaves_nothing(folder, arguments, reason):
    """Servers were started, and two processes failed twice each, before it was said."""
    done = up(folder, *arguments)

    lines = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 2
    assert len(lines) == 1, lines
    assert lines[0].startswith("ConfigurationError: ")
    assert reason in lines[0]
    assert "Traceback" not in lines[0]
    assert not (folder / "data").exists()


def test_companions_that_the_run_does_not_hold_are_refused(folder):
    done = up(folder, "--data", BTC, DRIFTLINE_COMPANIONS="BTC-USDT.BINANCE:ETH-USDT.BINANCE")

    assert done.returncode == 2
    assert "ETH-USDT.BINANCE" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (folder / "data").exists()


def test_history_that_does_not_reach_a_capture_is_refused(folder):
    trades = [
        b'%d {"stream":"btcusdt@trade","data":{"e":"trade","E":%d,"s":"BTCUSDT","t":%d,"p":"1","q":"1","T":%d,"m":true,"M":true}}\n'
        % (at * 1_000_000, at, n, at)
        for n, at in enumerate(range(1_700_000_000_000, 1_700_000_180_000, 500))
    ]
    (folder / "trades.gz").write_bytes(gzip.compress(b"".join(trades)))

    done = up(folder, "--data", "trades.gz", "--history", BTC)

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert BTC in done.stderr
    assert not (folder / "data").exists()


def test_a_bound_outside_the_data_is_told_and_the_rest_is_played(folder):
    environment = {"PATH": os.environ["PATH"], "DRIFTLINE_DATA": str(folder / BTC)}
    done = subprocess.run(
        [sys.executable, "-m", "producers", "check"],
        cwd=ROOT,
        env=environment | {"DRIFTLINE_FROM": "2020-01-01", "DRIFTLINE_TO": "2021-01-05"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.splitlines() == [
        "FROM 2020-01-01 00:00:00 is outside the data: played from 2021-01-01 00:00:00",
        "no model is trained of 15m:15m, 1m:1m: the candles are of 1h, and these targets need shorter bars",
    ]

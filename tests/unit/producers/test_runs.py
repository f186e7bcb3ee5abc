import os
import sys
from pathlib import Path
from subprocess import run

import pytest

from producers.jobs.runs import RunRequest, run_environment
from schemas.errors import ConfigurationError
from tests.fakes.trade_files import capture_lines, trades, written


@pytest.fixture
def minutes(tmp_path: Path) -> Path:
    path = tmp_path / "btcusdt_binance_spot_1m.parquet"
    path.write_bytes(b"PAR1 content")
    return path


def test_nothing_asked_for_is_the_simulated_market():
    environment = run_environment(RunRequest())

    assert environment["DRIFTLINE_STREAM"].startswith("simulation-")
    assert environment["DRIFTLINE_REFERENCE_INSTRUMENT"] == "BTC-USDT.SIMULATED"
    assert set(environment) == {"DRIFTLINE_STREAM", "DRIFTLINE_REFERENCE_INSTRUMENT"}


def test_what_is_asked_for_is_stated_with_absolute_paths(minutes, monkeypatch):
    monkeypatch.chdir(minutes.parent)

    environment = run_environment(RunRequest(data=Path(minutes.name), from_text="2025-06-02", speed=60.0))

    assert environment["DRIFTLINE_DATA"] == str(minutes.resolve())
    assert environment["DRIFTLINE_FROM"] == "2025-06-02"
    assert environment["DRIFTLINE_SPEED"] == "60"
    assert environment["DRIFTLINE_REFERENCE_INSTRUMENT"] == "BTC-USDT.BINANCE"


def test_the_same_data_and_range_are_the_same_stream_at_any_speed_and_place(minutes, tmp_path):
    copy = tmp_path / "elsewhere" / minutes.name
    copy.parent.mkdir()
    copy.write_bytes(minutes.read_bytes())

    one = run_environment(RunRequest(data=minutes, speed=1.0))
    other = run_environment(RunRequest(data=copy, speed=0.0))

    assert one["DRIFTLINE_STREAM"] == other["DRIFTLINE_STREAM"]
    assert other["DRIFTLINE_SPEED"] == "max"


def files(tmp_path: Path, *names: str) -> tuple[Path, ...]:
    paths = tuple(tmp_path / f"{name}_1m.parquet" for name in names)
    for path in paths:
        path.write_bytes(b"PAR1" + path.name.encode())
    return paths


def test_several_files_are_a_run_of_their_own_with_companions_for_the_first(tmp_path):
    first, *beside = files(tmp_path, "btcusdt_binance_spot", "ethusdt_binance_spot", "btcusdt_binance_perp")

    environment = run_environment(RunRequest(data=first, beside=tuple(beside)))

    assert environment["DRIFTLINE_DATA_BESIDE"] == os.pathsep.join(str(path) for path in beside)
    assert environment["DRIFTLINE_COMPANIONS"] == "BTC-USDT.BINANCE:ETH-USDT.BINANCE,BTC-USDT-PERP.BINANCE"
    assert environment["DRIFTLINE_REFERENCE_INSTRUMENT"] == "BTC-USDT.BINANCE,ETH-USDT.BINANCE"
    alone = run_environment(RunRequest(data=first))
    assert "DRIFTLINE_COMPANIONS" not in alone
    assert alone["DRIFTLINE_STREAM"] != environment["DRIFTLINE_STREAM"]


@pytest.mark.parametrize(
    ("stated", "meant"),
    [
        ("none", "none"),
        ("ETH-USDT.BINANCE:BTC-USDT.BINANCE", "ETH-USDT.BINANCE:BTC-USDT.BINANCE"),
        ("SOL-USDT.BINANCE:BTC-USDT.BINANCE", "none"),
    ],
)
def test_companions_that_are_set_win_where_the_run_holds_their_target(tmp_path, stated, meant):
    first, other = files(tmp_path, "btcusdt_binance_spot", "ethusdt_binance_spot")

    environment = run_environment(RunRequest(data=first, beside=(other,)), {"DRIFTLINE_COMPANIONS": stated})

    assert environment["DRIFTLINE_COMPANIONS"] == meant


def test_companion_that_the_run_does_not_hold_is_refused(minutes):
    stated = {"DRIFTLINE_COMPANIONS": "BTC-USDT.BINANCE:ETH-USDT.BINANCE"}
    with pytest.raises(ConfigurationError, match="which the run does not hold"):
        run_environment(RunRequest(data=minutes), stated)


def test_two_files_of_one_instrument_are_refused(tmp_path):
    first, other = files(tmp_path, "btcusdt_binance_spot", "btcusdt_binance_spot")
    with pytest.raises(ConfigurationError, match="an instrument of its own"):
        run_environment(RunRequest(data=first, beside=(other,)))


def test_capture_is_played_alone(tmp_path, minutes):
    capture = tmp_path / "capture.gz"
    written(capture, capture_lines(trades()))
    with pytest.raises(ConfigurationError, match="captures are played alone"):
        run_environment(RunRequest(data=minutes, beside=(capture,)))
    with pytest.raises(ConfigurationError, match="existing file"):
        run_environment(RunRequest(data=minutes, beside=(tmp_path / "nowhere.parquet",)))


@pytest.mark.parametrize(
    "request_", [RunRequest(seed=8), RunRequest(seed=7), RunRequest()], ids=["seed 8", "seed 7", "default"]
)
def test_the_seed_decides_the_simulated_stream(request_):
    same = (
        run_environment(request_)["DRIFTLINE_STREAM"]
        == run_environment(RunRequest(seed=7))["DRIFTLINE_STREAM"]
    )

    assert same == (request_.seed != 8)


def test_what_is_planted_makes_another_stream():
    plain = run_environment(RunRequest())
    planted = run_environment(RunRequest(), {"DRIFTLINE_SIMULATED_EDGE": "0"})

    assert plain["DRIFTLINE_STREAM"] != planted["DRIFTLINE_STREAM"]


def test_other_content_is_another_stream(minutes):
    before = run_environment(RunRequest(data=minutes))
    minutes.write_bytes(b"PAR1 other content")

    assert run_environment(RunRequest(data=minutes))["DRIFTLINE_STREAM"] != before["DRIFTLINE_STREAM"]


def test_a_missing_file_stops_the_start():
    with pytest.raises(ConfigurationError, match="DATA must be an existing file"):
        run_environment(RunRequest(data=Path("nowhere.parquet")))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"from_text": "yesterday"}, "FROM must be an ISO time"),
        ({"to_text": "2025-13-01"}, "TO must be an ISO time"),
    ],
)
def test_a_time_that_is_none_stops_the_start(minutes, fields, expected):
    with pytest.raises(ConfigurationError, match=expected):
        run_environment(RunRequest(data=minutes, **fields))


def test_history_for_a_candle_file_stops_the_start(minutes):
    with pytest.raises(ConfigurationError, match="HISTORY is the warm-up of a WebSocket capture"):
        run_environment(RunRequest(data=minutes, history=minutes))


def test_a_range_of_the_simulated_market_stops_the_start():
    with pytest.raises(ConfigurationError, match="FROM and TO choose a stretch of a candle file"):
        run_environment(RunRequest(from_text="2025-06-01"))


def test_a_file_that_does_not_tell_its_instrument_asks_for_it(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("time,open,high,low,close,volume\n2025-06-01,1,1,1,1,1\n2025-06-02,1,1,1,1,1\n")

    with pytest.raises(ConfigurationError, match="DRIFTLINE_INSTRUMENT"):
        run_environment(RunRequest(data=path))
    named = run_environment(RunRequest(data=path), {"DRIFTLINE_INSTRUMENT": "ETH-USDT.BINANCE"})
    assert named["DRIFTLINE_REFERENCE_INSTRUMENT"] == "ETH-USDT.BINANCE"


def test_what_the_launcher_imports_is_light():
    program = (
        "import sys, producers.jobs.runs, producers.commands;"
        "print([m for m in ('pandas', 'numpy', 'pyarrow', 'pandera', 'numba') if m in sys.modules])"
    )

    done = run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"

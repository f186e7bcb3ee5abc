"""No bar is invented where the rows are of another length, or where the bars are shorter than a minute."""

import numpy as np
import pyarrow as pa
import pytest

from tests.fakes.candle_files import FIRST_MS, read_file, simulated_candles, written

LENGTH = "timestamp is of a bar as long as most bars"
MINUTE_MS = 60_000


def _at(times, path):
    table = simulated_candles(n=len(times), seed=2)
    return written(table.set_column(0, "timestamp", pa.array(np.array(times), pa.timestamp("ms"))), path)


@pytest.mark.parametrize("step_ms", [1, 10, 1000, 15_000])
@pytest.mark.parametrize("known", [{}, {"longest_pause_ms": 3_600_000}])
def test_bars_shorter_than_a_minute_are_never_added(step_ms, known, tmp_path):
    times = FIRST_MS + np.concatenate([np.arange(300), 3000 + np.arange(200)]) * step_ms
    path = _at(times, tmp_path / "a.parquet")
    found = read_file(path, instrument="BTC-USD.KRAKEN", **known)
    assert len(found) == 500
    assert not any("without a trade were added" in warning for warning in found.report.warnings)


def test_minutes_of_a_venue_that_leaves_them_out_are_added(tmp_path):
    times = FIRST_MS + np.concatenate([np.arange(300), 310 + np.arange(200)]) * MINUTE_MS
    assert len(read_file(_at(times, tmp_path / "a.parquet"), instrument="BTC-USD.KRAKEN")) == 510


@pytest.mark.parametrize("instrument", ["BTC-USD.KRAKEN", "BTC-USDT.BINANCE", None])
@pytest.mark.parametrize(("other", "first"), [(5, True), (5, False), (15, True), (60, False)])
def test_bars_of_another_length_are_set_aside(instrument, other, first, tmp_path):
    n, m = 300, 80
    long = np.arange(m) * other
    minutes = (
        np.concatenate([long, long[-1] + other + np.arange(n)])
        if first
        else np.concatenate([np.arange(n), n + long])
    )
    found = read_file(_at(FIRST_MS + minutes * MINUTE_MS, tmp_path / "a.parquet"), instrument=instrument)
    assert found.report.interval == "1m"
    assert n - 1 <= len(found) <= n
    assert m <= found.report.rejected[LENGTH].count <= m + 1
    assert any(
        f"are {'1h' if other == 60 else f'{other}m'} apart" in warning for warning in found.report.warnings
    )


def test_minutes_between_longer_bars_are_set_aside(tmp_path):
    minutes = np.concatenate([np.arange(200) * 5, 1000 + np.arange(100), 1100 + np.arange(100) * 5])
    found = read_file(_at(FIRST_MS + minutes * MINUTE_MS, tmp_path / "a.parquet"))
    assert found.report.interval == "5m"
    assert len(found) in (299, 300)


def test_a_few_longer_steps_are_holes(tmp_path):
    minutes = np.concatenate([np.arange(200), 200 + np.arange(10) * 5, 250 + np.arange(100)])
    found = read_file(_at(FIRST_MS + minutes * MINUTE_MS, tmp_path / "a.parquet"))
    assert (len(found), found.report.rejected) == (310, {})

"""Rows without a header that stand newest first have the same candles as rows in order, however times are written."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from tests.fakes.candle_files import read_file, simulated_candles

N = 120
PRICES = ("open", "high", "low", "close")
WAYS = {
    "iso": "{0:%Y-%m-%d %H:%M:%S}",
    "iso with T": "{0:%Y-%m-%dT%H:%M:%SZ}",
    "day.month.year": "{0:%d.%m.%Y %H:%M}",
    "month/day/year": "{0:%m/%d/%Y %H:%M}",
    "day/month/year": "{0:%d/%m/%Y %H:%M}",
    "half days": "{0:%Y-%m-%d %I-%p}",
    "name": "{0:%b %d %Y %H:%M}",
    "compact": "{0:%Y%m%d %H%M%S}",
    "date and clock": "{0:%Y.%m.%d},{0:%H:%M}",
    "seconds": "{1}",
    "seconds and date": "{1},{0:%Y-%m-%d %H:%M:%S}",
    "date and seconds": "{0:%Y-%m-%d},{1}",
}


@pytest.fixture(scope="module")
def candles():
    table = simulated_candles(n=N, seed=3)
    return {name: np.array(table[name].to_pylist()) for name in (*PRICES, "volume")} | {
        "seconds": np.array([int(time.timestamp()) for time in _utc(table["timestamp"])])
    }


def _utc(times):
    return [time.replace(tzinfo=UTC) for time in times.to_pylist()]


def _lines(candles, way):
    for i in range(N):
        seconds = int(candles["seconds"][i])
        time = WAYS[way].format(datetime.fromtimestamp(seconds, UTC), seconds)
        yield ",".join([time, *(repr(float(candles[name][i])) for name in (*PRICES, "volume"))])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("step", [1, -1])
def test_text_without_a_header(candles, way, step, tmp_path):
    path = tmp_path / "candles.csv"
    path.write_text("\n".join(list(_lines(candles, way))[::step]) + "\n")
    _check(candles, path)


@pytest.mark.parametrize("way", ["iso", "iso with T", "day/month/year", "seconds"])
def test_arrays_of_json(candles, way, tmp_path):
    path = tmp_path / "candles.json"
    rows = [line.split(",") for line in list(_lines(candles, way))[::-1]]
    path.write_text(json.dumps([[row[0], *map(float, row[1:])] for row in rows]))
    _check(candles, path)


def _check(candles, path):
    found = read_file(path).columns
    assert len(found["close"]) == N
    for name in PRICES:
        np.testing.assert_allclose(found[name], candles[name], err_msg=name)

"""A volume that does not count coins is told by the quote volume beside it."""

import numpy as np
import pyarrow as pa
import pytest

from tests.fakes.candle_files import read_file, simulated_candles, written

N = 100


def _warnings(volume, quote, path):
    table = simulated_candles(n=N, seed=4)
    table = table.set_column(5, "volume", pa.array(volume)).append_column("quote_volume", pa.array(quote))
    found = read_file(written(table, path))
    assert found.report.n_good == N
    return [warning for warning in found.report.warnings if "volume" in warning]


@pytest.fixture
def coins():
    table = simulated_candles(n=N, seed=4)
    return np.array(table["volume"].to_pylist()).round(6), np.array(table["close"].to_pylist())


def test_coins_and_what_was_paid_are_not_doubtful(coins, tmp_path):
    volume, price = coins
    assert _warnings(volume, volume * price, tmp_path / "a.parquet") == []


@pytest.mark.parametrize("empty", [0.0, np.nan])
def test_bars_without_a_trade_or_without_a_quote_volume_tell_nothing(coins, empty, tmp_path):
    volume, price = coins
    quote = np.where(np.arange(N) % 3 > 0, empty, volume * price)
    assert _warnings(volume, quote, tmp_path / "a.parquet") == []
    assert _warnings(volume, np.full(N, empty), tmp_path / "b.parquet") == []


def test_swapped_volumes_are_doubtful(coins, tmp_path):
    volume, price = coins
    (warning,) = _warnings(volume * price, volume, tmp_path / "a.parquet")
    assert "swapped" in warning


@pytest.mark.parametrize("factor", [1000.0, 0.01])
def test_contracts_are_doubtful(coins, factor, tmp_path):
    volume, price = coins
    (warning,) = _warnings(volume * factor, volume * price, tmp_path / "a.parquet")
    assert "contracts" in warning

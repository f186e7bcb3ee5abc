"""A wrong price costs its own row; a price that changes for good is another scale."""

import numpy as np
import pyarrow as pa
import pytest

from schemas.errors import ConfigurationError
from tests.fakes.candle_files import read_file, simulated_candles, written

N = 600
PRICES = ("open", "high", "low", "close")
WRONG = "close is near the prices of the rows around it"
SCALE = "close is on the price scale of most rows"
HIGH, LOW = (f"{name} is near the open or the close" for name in ("high", "low"))
#: The columns that are wrong together, so that each row by itself is a possible one, and by which factor.
CELLS = {
    "close and high": (("close", "high"), 10),
    "open and high": (("open", "high"), 10),
    "close and low": (("close", "low"), 0.1),
    "open and low": (("open", "low"), 0.1),
    "open, close and high": (("open", "close", "high"), 10),
    "all": (PRICES, 1000),
    "all, halved and less": (PRICES, 0.4),
}


def _changed(columns, rows, factor):
    table = simulated_candles(n=N, seed=5)
    for name in columns:
        values = np.array(table[name].to_pylist())
        values[list(rows)] *= factor
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    return table


def _rejected(report):
    return {rule: rows.count for rule, rows in report.rejected.items()}


@pytest.mark.parametrize("cells", CELLS)
@pytest.mark.parametrize(
    "rows",
    [
        [300],
        [0],
        [N - 1],
        [1, 598],
        [100, 102],
        [100, 101, 102],
        [100, 102, 103],
        [100, 101, 103],
        [50, 300, 550],
    ],
)
def test_wrong_cells_cost_their_rows_alone(cells, rows, tmp_path):
    found = read_file(written(_changed(CELLS[cells][0], rows, CELLS[cells][1]), tmp_path / "a.parquet"))
    whole = read_file(written(simulated_candles(n=N, seed=5), tmp_path / "b.parquet"))
    expected = np.delete(whole.columns["close"], rows)
    np.testing.assert_array_equal(found.columns["close"], expected)
    assert sum(_rejected(found.report).values()) == len(rows)
    assert not any("redenominated" in warning for warning in found.report.warnings)


def test_a_column_that_is_wrong_for_long_costs_its_rows_alone(tmp_path):
    rows = list(range(200, 240))
    found = read_file(written(_changed(("close", "high"), rows, 10), tmp_path / "a.parquet"))
    assert _rejected(found.report) == {WRONG: 40}


def test_a_file_whose_every_close_is_wrong_is_refused(tmp_path):
    path = written(_changed(("close", "high"), range(N), 10), tmp_path / "a.parquet")
    with pytest.raises(ConfigurationError, match="has 0 good rows of 600"):
        read_file(path)


def test_a_price_that_changes_for_good_is_another_scale(tmp_path):
    found = read_file(written(_changed(PRICES, range(400, N), 1000), tmp_path / "a.parquet"))
    assert _rejected(found.report) == {SCALE: 200}
    assert any("redenominated" in warning for warning in found.report.warnings)


def test_rows_of_two_scales_in_turn_are_those_of_the_one(tmp_path):
    found = read_file(written(_changed(PRICES, range(0, N, 2), 1000), tmp_path / "a.parquet"))
    assert N // 2 - 2 <= len(found) <= N // 2
    assert np.ptp(np.log(found.columns["close"])) < 1


def test_a_crash_within_a_bar_is_kept(tmp_path):
    table = _changed(PRICES, range(300, N), 0.3)
    closes, lows = (np.array(table[name].to_pylist()) for name in ("close", "low"))
    closes[299] = table["open"][300].as_py()
    lows[299] = min(lows[299], closes[299])
    for name, values in (("close", closes), ("low", lows)):
        table = table.set_column(table.column_names.index(name), name, pa.array(values))
    found = read_file(written(table, tmp_path / "a.parquet"))
    assert (len(found), found.report.rejected) == (N, {})


@pytest.mark.parametrize(
    ("name", "factor", "rule"), [("high", 2.1, HIGH), ("high", 100, HIGH), ("low", 0.4, LOW)]
)
def test_a_wick_farther_than_a_factor_of_two_is_rejected(name, factor, rule, tmp_path):
    found = read_file(written(_changed((name,), [7, 300], factor), tmp_path / "a.parquet"))
    assert _rejected(found.report) == {rule: 2}
    assert len(found) == N - 2


def test_a_wick_within_a_factor_of_two_is_kept(tmp_path):
    found = read_file(written(_changed(("high",), [300], 1.9), tmp_path / "a.parquet"))
    assert len(found) == N


@pytest.mark.parametrize("factor", [1.3, 1.9, 2.2, 2.8, 0.55])
def test_a_small_step_that_lasts_is_another_scale(factor, tmp_path):
    """Steps under 2 were believed, and those from 2 to 2.8 were named and used nevertheless."""
    found = read_file(written(_changed(PRICES, range(400, N), factor), tmp_path / "a.parquet"))
    assert _rejected(found.report) == {SCALE: 200}
    assert any("redenominated" in warning for warning in found.report.warnings)


def test_a_stretch_on_another_scale_is_set_aside_alone(tmp_path):
    found = read_file(written(_changed(PRICES, range(200, 260), 1.9), tmp_path / "a.parquet"))
    assert _rejected(found.report) == {SCALE: 60}


def test_a_bar_that_closes_on_a_wick_is_kept(tmp_path):
    """The next bar opens 40 % higher, where the bar before opened."""
    found = read_file(written(_changed(("close", "low"), [300], 0.6), tmp_path / "a.parquet"))
    assert (len(found), found.report.rejected) == (N, {})


def _with(table, name, row, value):
    values = np.array(table[name].to_pylist())
    values[row] = value
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def _flash_crash(*, volume, next_low):
    table = _changed(("low",), [300], 0.3)
    table = _with(table, "volume", 300, volume)
    return _with(table, "low", 301, next_low * table["low"][301].as_py())


def test_a_flash_crash_that_the_rows_around_it_bear_out_is_kept_and_said(tmp_path):
    """A low of less than half of the open was set aside, however much was traded there."""
    found = read_file(written(_flash_crash(volume=50.0, next_low=0.9), tmp_path / "a.parquet"))
    assert (len(found), found.report.rejected) == (N, {})
    assert any("are kept, because much was traded" in warning for warning in found.report.warnings)


@pytest.mark.parametrize(("volume", "next_low"), [(50.0, 1.0), (0.5, 0.9)])
def test_a_wick_that_only_its_volume_or_only_its_neighbour_bears_out_is_set_aside(volume, next_low, tmp_path):
    found = read_file(written(_flash_crash(volume=volume, next_low=next_low), tmp_path / "a.parquet"))
    assert _rejected(found.report) == {LOW: 1}

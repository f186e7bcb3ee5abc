"""Columns that hold other prices than their names say are refused, in the whole file or in a part of it."""

import pyarrow as pa
import pytest

from schemas.errors import ConfigurationError
from tests.fakes.candle_files import FIRST_MS, HOUR_MS, read_file, simulated_candles, written

N = 300
OPENS = ("timestamp", "open", "high", "low", "close", "volume")


def _renamed(table, names):
    return table.rename_columns(names)


def _lines(table, *, order=OPENS, header=True):
    frame = table.select(list(order)).to_pandas()
    frame["timestamp"] = frame["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S")
    return frame.to_csv(index=False, header=header)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("n", [15, N])
def test_a_file_whose_names_of_open_and_close_are_swapped_is_refused(ending, n, tmp_path):
    """Every rule of a row held, so that a model learned from closes that were opens."""
    names = ["timestamp", "close", "high", "low", "open", "volume"]
    path = written(_renamed(simulated_candles(n=n, seed=3), names), tmp_path / f"a.{ending}")
    with pytest.raises(ConfigurationError, match="open and close seem to be swapped"):
        read_file(path)


@pytest.mark.parametrize("names", ["high open low close", "open low high close", "low high open close"])
def test_a_file_whose_names_of_prices_stand_in_another_order_is_refused(names, tmp_path):
    """The few rows in which the open was also the high were read, and the others set aside."""
    table = _renamed(simulated_candles(n=N, seed=3), ["timestamp", *names.split(), "volume"])
    with pytest.raises(ConfigurationError, match="seem to hold") as refused:
        read_file(written(table, tmp_path / "a.csv"))
    held = str(refused.value).split("seem to hold ")[1].split(" from")[0].split()
    truly = dict(zip(names.split(), ("open", "high", "low", "close"), strict=True))
    assert held == [truly[name] for name in ("open", "high", "low", "close")]


@pytest.mark.parametrize("order", ["tlhocv", "tochlv", "tchlov"])
def test_a_second_file_without_a_heading_and_in_another_order_is_refused(order, tmp_path):
    table = simulated_candles(n=N, seed=3)
    columns = [name for letter in order for name in OPENS if name[0] == letter]
    path = tmp_path / "joined.csv"
    path.write_text(_lines(table[:150]) + _lines(table[150:], order=columns, header=False))
    with pytest.raises(ConfigurationError, match="from 2021-01-07 06:00 on"):
        read_file(path)


def test_a_file_whose_open_is_the_close_before_is_read(tmp_path):
    assert len(read_file(written(simulated_candles(n=N, seed=3), tmp_path / "a.csv"))) == N


def test_prices_that_turn_round_in_each_bar_are_read(tmp_path):
    """Each close is near the open before it, and each open is nearer to the close before it."""
    table = simulated_candles(n=N, seed=3, continuation=0.0)
    assert len(read_file(written(table, tmp_path / "a.csv"))) == N


def _stamped_late(table):
    return table.set_column(
        0, "timestamp", pa.array([time + HOUR_MS for time in table["timestamp"].cast("int64").to_pylist()])
    )


def _plain(table):
    return table.set_column(0, "timestamp", table["timestamp"].cast("int64"))


def test_parts_that_state_opens_and_closes_of_the_same_bars_are_refused(tmp_path):
    table = simulated_candles(n=N, seed=3)
    joined = pa.concat_tables([_plain(table[:160]), _stamped_late(table[150:])])
    with pytest.raises(ConfigurationError, match=r"8 bars at two times that are 1h apart.*--close-stamped"):
        read_file(written(joined, tmp_path / "a.csv"))


def test_a_part_that_states_closes_after_one_that_states_opens_is_warned_of(tmp_path):
    table = simulated_candles(n=N, seed=3)
    joined = pa.concat_tables([_plain(table[:150]), _stamped_late(table[150:])])
    assert _doubt(read_file(written(joined, tmp_path / "a.csv"))) == [FIRST_MS + 151 * HOUR_MS]


def test_a_part_that_states_opens_after_one_that_states_closes_is_warned_of(tmp_path):
    table = simulated_candles(n=N, seed=4)
    joined = pa.concat_tables([_stamped_late(table[:150]), _plain(table[150:])])
    assert _doubt(read_file(written(joined, tmp_path / "a.csv"))) == [FIRST_MS + 150 * HOUR_MS]


def test_a_bar_that_is_missing_is_no_shift(tmp_path):
    table = simulated_candles(n=N, seed=3)
    joined = pa.concat_tables([table[:150], table[151:]])
    assert _doubt(read_file(written(joined, tmp_path / "a.csv"))) == []


def test_a_row_that_contradicts_another_one_is_no_shift(tmp_path):
    table = _plain(simulated_candles(n=N, seed=3))
    other = table[150:151].set_column(5, "volume", pa.array([7.0]))
    joined = pa.concat_tables([table, other])
    assert _doubt(read_file(written(joined, tmp_path / "a.csv"))) == []


def _doubt(found):
    texts = [warning.split(" as if")[0] for warning in found.report.warnings if "goes on at" in warning]
    stamps = [text.removeprefix("The price goes on at ").replace(" ", "T") for text in texts]
    return [int(pa.scalar(stamp).cast(pa.timestamp("ms")).value) for stamp in stamps]

from io import StringIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet
from rich.console import Console

from producers.jobs.reporting import print_report
from producers.sources.files.tables import breach_counts
from schemas.errors import ConfigurationError
from schemas.frames import Fate
from schemas.time import Interval
from tests.fakes.candle_files import read_table

N = 30


def columns(n=N):
    return {
        "timestamp": np.datetime64("2025-06-01T00:00", "ms") + np.arange(n) * np.timedelta64(1, "m"),
        "open": np.full(n, 100.0),
        "high": np.full(n, 101.0),
        "low": np.full(n, 99.0),
        "close": np.full(n, 100.0),
        "volume": np.ones(n),
    }


def stored(tmp_path: Path, table: dict, name="btcusdt_binance_spot_1m.parquet") -> Path:
    path = tmp_path / name
    parquet.write_table(pa.table(table), path)
    return path


def test_a_clean_file_is_read_whole(tmp_path):
    table = read_table(stored(tmp_path, columns()))

    assert (len(table), table.interval, table.breaches) == (N, Interval.ONE_MINUTE, ())


def test_csv_and_parquet_give_the_same_candles(tmp_path):
    csv.write_csv(pa.table(columns()), tmp_path / "btcusdt_binance_spot_1m.csv")

    of_csv = read_table(tmp_path / "btcusdt_binance_spot_1m.csv")
    of_parquet = read_table(stored(tmp_path, columns()))

    assert all((of_csv.columns[name] == of_parquet.columns[name]).all() for name in of_parquet.columns)


def test_what_takers_bought_is_played_where_the_file_says_it(tmp_path):
    """A dump of Binance Vision states it; a cell that is no part of the volume is not believed."""
    base = np.datetime64("2025-06-01T00:00", "ms").astype(int)
    bought = ["0.25", "0", "1.5", "", "1.0"]
    rows = [
        f"{base + n * 60_000},100,101,99,100,1.0,{base + n * 60_000 + 59_999},100.0,7,{cell},25.0,0"
        for n, cell in enumerate(bought)
    ]
    path = tmp_path / "BTCUSDT-1m-2025-06-01.csv"
    path.write_text("\n".join(rows))

    table = read_table(path)

    played = table.candles(0, 2**53, instrument="BTC-USDT.BINANCE", source="binance", stream="replay-1")
    assert [candle.taker_buy_volume for candle in played] == [0.25, 0.0, None, None, 1.0]


def test_what_takers_bought_is_not_stated_where_the_file_does_not_say_it(tmp_path):
    table = read_table(stored(tmp_path, columns(3)))
    played = table.candles(0, 2**53, instrument="BTC-USDT.BINANCE", source="binance", stream="replay-1")
    assert [candle.taker_buy_volume for candle in played] == [None] * 3


def test_other_columns_are_one_clear_error(tmp_path):
    table = columns()
    table["prix"] = table.pop("close")

    with pytest.raises(ConfigurationError, match=r"must have the columns timestamp open .*missing: close"):
        read_table(stored(tmp_path, table))


@pytest.mark.parametrize(
    ("column", "value", "rule"),
    [
        ("open", np.nan, "is a number"),
        ("close", np.inf, "is a number"),
        ("low", -1.0, "is positive"),
        ("high", 98.0, "is not below low"),
        ("close", 150.0, "lies within low and high"),
        ("volume", -2.0, "is not negative"),
        ("timestamp", np.datetime64("2025-06-01T00:07:00.005", "ms"), "starts a bar of 1m"),
        ("timestamp", np.datetime64("NaT", "ms"), "is a time"),
    ],
)
def test_a_bad_row_is_named_and_left_out_and_the_others_kept(tmp_path, column, value, rule):
    table = columns()
    table[column][7] = value

    read = read_table(stored(tmp_path, table))

    found = [(breach.column, breach.row, breach.rule, breach.fate) for breach in read.breaches]
    assert (column, 8, rule, Fate.REJECTED) in found
    assert len(read) == N - 1
    assert [row.breach.row for row in read.rejected] == [8]


def test_a_cell_of_text_in_csv_costs_its_row_and_not_the_file(tmp_path):
    path = tmp_path / "btcusdt_binance_spot_1m.csv"
    lines = ["timestamp,open,high,low,close,volume"]
    lines += [f"2025-06-01 00:0{i}:00,100,101,99,{'oops' if i == 2 else '100'},1" for i in range(6)]
    path.write_text("\n".join(lines))

    read = read_table(path)

    assert (len(read), read.rejected[0].breach.row, read.rejected[0].breach.column) == (5, 3, "close")


def test_an_exact_duplicate_is_dropped_and_counted(tmp_path):
    table = {name: np.concatenate((values, values[4:5])) for name, values in columns().items()}

    read = read_table(stored(tmp_path, table))

    assert len(read) == N
    assert breach_counts(read.breaches)[("timestamp", "comes once", "dropped")] == 1
    assert not read.rejected


def test_rows_of_one_time_with_other_numbers_are_all_rejected(tmp_path):
    table = columns()
    table["timestamp"][5] = table["timestamp"][4]
    table["volume"][5] = 2.0

    read = read_table(stored(tmp_path, table))

    assert len(read) == N - 2
    assert [row.breach.row for row in read.rejected] == [5, 6]


def test_unsorted_rows_are_sorted_and_the_disorder_is_told(tmp_path):
    order = np.arange(N)
    order[[10, 11]] = [11, 10]
    table = {name: values[order] for name, values in columns().items()}

    read = read_table(stored(tmp_path, table))

    assert (np.diff(read.columns["start_ms"]) == 60_000).all()
    assert not read.breaches
    assert read.report.warnings == ("1 row stood after a later row, and all were sorted",)


def test_segments_are_told_by_their_column(tmp_path):
    table = columns() | {"segment": np.repeat([3, 9], N // 2)}

    segments = read_table(stored(tmp_path, table)).segments()

    assert [(end - start) // 60_000 for start, end in segments] == [N // 2, N // 2]


def test_candles_that_make_up_no_interval_of_a_run_are_a_clear_error(tmp_path):
    table = columns()
    table["timestamp"] = np.datetime64("2025-06-01", "ms") + np.arange(N) * np.timedelta64(7, "s")

    with pytest.raises(ConfigurationError, match="holds candles of 7s, which make up none of the intervals"):
        read_table(stored(tmp_path, table))


def test_a_file_without_a_good_row_says_which_rules_were_broken(tmp_path):
    table = columns()
    table["open"][:] = np.nan

    with pytest.raises(
        ConfigurationError, match=f"has 0 good rows of {N}, .* open is a number: broken by {N} rows"
    ):
        read_table(stored(tmp_path, table))


def test_the_report_shows_twenty_rows_and_counts_them_all(tmp_path):
    table = columns()
    table["open"][:25] = np.nan
    shown = StringIO()

    print_report("x.parquet", read_table(stored(tmp_path, table)).breaches, Console(file=shown, width=120))

    assert shown.getvalue().count("is a number") == 21
    assert "25" in shown.getvalue()


@pytest.mark.recorded
def test_the_recorded_minutes_are_clean_and_their_last_segment_is_june_2025(recorded_data):
    table = read_table(recorded_data / "prices" / "btcusdt_binance_spot_1m_segments.parquet")

    start_ms, end_ms = table.segments()[-1]
    assert len(table.segments()) == 14
    assert not table.breaches
    assert np.datetime64(start_ms, "ms") == np.datetime64("2025-06-01T17:20")
    assert np.datetime64(end_ms, "ms") == np.datetime64("2025-07-01T17:31")

"""Candle files of an odd structure: one clear sentence, or the same candles as ever."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from schemas.errors import ConfigurationError
from schemas.wire.candle_files import candle_columns, recognised_interval, times_ms
from tests.fakes.candle_files import simulated_candles, written
from tests.fakes.odd_files import ODD_FILES, PLAIN_TABLES, N, odd_file


def read(path):
    columns = candle_columns(path, is_parquet=path.suffix == ".parquet")
    return columns, recognised_interval(columns["timestamp"], path)


@pytest.mark.parametrize("name", ODD_FILES)
def test_a_file_of_an_odd_structure_is_refused_in_one_sentence(name, tmp_path):
    """A struct for a price, or two columns of one name, ended in a traceback of pyarrow's."""
    path = odd_file(name, tmp_path)
    with pytest.raises(ConfigurationError, match=ODD_FILES[name][2]) as refused:
        read(path)
    assert str(refused.value).isprintable()
    assert path.name in str(refused.value)


@pytest.mark.parametrize("name", PLAIN_TABLES)
def test_a_table_that_says_the_same_in_other_types_is_read_the_same(name, tmp_path):
    expected = candle_columns(
        written(simulated_candles(n=N, seed=1), tmp_path / "a.parquet"), is_parquet=True
    )
    parquet.write_table(PLAIN_TABLES[name], tmp_path / "b.parquet")
    found = candle_columns(tmp_path / "b.parquet", is_parquet=True)
    assert all(np.array_equal(found[column], expected[column]) for column in expected)


def test_a_mark_of_byte_order_is_read_over(tmp_path):
    plain = written(simulated_candles(n=N, seed=1), tmp_path / "a.csv")
    marked = tmp_path / "b.csv"
    marked.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes())
    one, other = (candle_columns(path, is_parquet=False) for path in (plain, marked))
    assert all(np.array_equal(one[column], other[column]) for column in one)


def test_articles_with_doubled_times_are_refused(tmp_path):
    path = tmp_path / "news.parquet"
    parquet.write_table(pa.table([pa.array([1]), pa.array([1])], names=["timestamp", "Timestamp"]), path)
    with pytest.raises(ConfigurationError, match="must have one column timestamp, has 2"):
        times_ms(path, is_parquet=True)

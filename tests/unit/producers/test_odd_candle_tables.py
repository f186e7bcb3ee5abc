"""Candle files of an odd structure: one clear sentence, or the same candles as ever."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from producers.sources.files.article_times import article_times
from schemas.errors import ConfigurationError
from tests.fakes.candle_files import read_file, simulated_candles, written
from tests.fakes.odd_files import ODD_FILES, PLAIN_TABLES, READ_FILES, N, odd_file, readable_file


@pytest.mark.parametrize("name", ODD_FILES)
def test_a_file_of_an_odd_structure_is_refused_in_one_sentence(name, tmp_path):
    """A struct for a price, or two columns of one name, ended in a traceback of pyarrow's."""
    path = odd_file(name, tmp_path)
    with pytest.raises(ConfigurationError, match=ODD_FILES[name][2]) as refused:
        read_file(path)
    assert str(refused.value).isprintable()
    assert path.name in str(refused.value)


@pytest.mark.parametrize("name", READ_FILES)
def test_a_file_that_says_the_same_in_other_bytes_is_read_the_same(name, tmp_path):
    expected = read_file(written(simulated_candles(n=N, seed=1), tmp_path / "a.parquet"))
    found = read_file(readable_file(name, tmp_path))
    assert same_candles(found, expected)


@pytest.mark.parametrize("name", PLAIN_TABLES)
def test_a_table_that_says_the_same_in_other_types_is_read_the_same(name, tmp_path):
    expected = read_file(written(simulated_candles(n=N, seed=1), tmp_path / "a.parquet"))
    parquet.write_table(PLAIN_TABLES[name], tmp_path / "b.parquet")
    assert same_candles(read_file(tmp_path / "b.parquet"), expected)


def same_candles(found, expected):
    return found.report.interval == expected.report.interval and all(
        np.array_equal(found.columns[name], expected.columns[name]) for name in expected.columns
    )


def test_articles_with_doubled_times_are_refused(tmp_path):
    path = tmp_path / "news.parquet"
    parquet.write_table(pa.table([pa.array([1]), pa.array([1])], names=["timestamp", "Timestamp"]), path)
    with pytest.raises(ConfigurationError, match="must have one column timestamp"):
        article_times(path)

"""Files that were joined: each part is read by its own heading."""

import numpy as np
import pytest

from schemas.errors import ConfigurationError
from tests.fakes.candle_files import FIRST_MS, HOUR_MS, read_file, simulated_candles

N = 300
CUT = 150
TABLE = simulated_candles(n=N, seed=3).to_pandas()
OPENS = ("timestamp", "open", "high", "low", "close", "volume")
HEADINGS = {
    "Coinbase's order": ("timestamp", "low", "high", "open", "close", "volume"),
    "open and close in turn": ("timestamp", "close", "high", "low", "open", "volume"),
    "the volume first": ("timestamp", "volume", "open", "high", "low", "close"),
}


def lines(table, names=OPENS, *, separator=",", header=True):
    return table[list(names)].to_csv(index=False, header=header, sep=separator)


def joined(tmp_path, *texts, encoding="utf-8"):
    path = tmp_path / "joined.csv"
    path.write_bytes("".join(texts).encode(encoding))
    return path


def assert_whole(found):
    starts = FIRST_MS + np.arange(N) * HOUR_MS
    np.testing.assert_array_equal(found.columns["start_ms"], starts)
    for name in OPENS[1:]:
        np.testing.assert_allclose(found.columns[name], TABLE[name], rtol=1e-12)
    assert found.report.n_rows == N + 1
    assert {rule: (rows.count, rows.first_row) for rule, rows in found.report.rejected.items()} == {
        "line is a row and no heading": (1, CUT + 1)
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("order", HEADINGS)
def test_each_part_of_a_joined_file_is_read_by_its_own_heading(order, encoding, tmp_path):
    """The second part was read by the first one's heading."""
    path = joined(tmp_path, lines(TABLE[:CUT]), lines(TABLE[CUT:], HEADINGS[order]), encoding=encoding)
    assert_whole(read_file(path))


def test_parts_with_other_separators_are_read(tmp_path):
    path = joined(
        tmp_path, lines(TABLE[:CUT]), lines(TABLE[CUT:], HEADINGS["Coinbase's order"], separator=";")
    )
    assert_whole(read_file(path))


def test_a_part_without_a_heading_may_stand_before_one_that_has_one(tmp_path):
    first = TABLE[:CUT].assign(timestamp=TABLE.timestamp[:CUT].astype("int64"))
    second = TABLE[CUT:].assign(timestamp=TABLE.timestamp[CUT:].astype("int64"))
    order = HEADINGS["Coinbase's order"]
    assert_whole(read_file(joined(tmp_path, lines(first, header=False), lines(second, order))))


def test_a_column_that_only_one_part_has_is_empty_in_the_other(tmp_path):
    more = TABLE[CUT:].assign(trades=7)
    path = joined(tmp_path, lines(TABLE[:CUT]), lines(more, (*OPENS, "trades")))
    found = read_file(path)
    assert_whole(found)
    assert np.isnan(found.columns["n_trades"][:CUT]).all()
    assert set(found.columns["n_trades"][CUT:]) == {7.0}


def test_parts_that_name_opens_and_closes_are_refused(tmp_path):
    late = TABLE[CUT:].rename(columns={"timestamp": "close_time"})
    path = joined(tmp_path, lines(TABLE[:CUT]), lines(late, ("close_time", *OPENS[1:])))
    with pytest.raises(ConfigurationError, match="columns of times differ"):
        read_file(path)


def test_a_second_part_without_all_columns_is_refused(tmp_path):
    path = joined(tmp_path, lines(TABLE[:CUT]), lines(TABLE[CUT:].assign(x=1), (*OPENS[:-1], "x")))
    with pytest.raises(ConfigurationError, match="missing: volume"):
        read_file(path)


def test_a_joined_file_whose_rows_begin_with_words_is_read(tmp_path):
    large = simulated_candles(n=1_500, seed=3).to_pandas().assign(symbol="BTC/USDT")
    names = ("symbol", *OPENS)
    order = ("symbol", *HEADINGS["Coinbase's order"])
    found = read_file(joined(tmp_path, lines(large[:1_200], names), lines(large[1_200:], order)))
    np.testing.assert_allclose(found.columns["open"], large.open, rtol=1e-12)

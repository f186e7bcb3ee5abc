"""Rows that stand twice, a little apart, are no shorter bars."""

import numpy as np
import pyarrow as pa
import pytest

from tests.fakes.candle_files import HOUR_MS, read_file, simulated_candles, written

N = 200
MINUTE_MS = 60_000


def doubled(table, shift_ms, rows):
    plain = table.set_column(0, "timestamp", table["timestamp"].cast("int64"))
    other = plain.take(rows)
    late = pa.array([time + shift_ms for time in other["timestamp"].to_pylist()])
    return pa.concat_tables([plain, other.set_column(0, "timestamp", late)])


@pytest.mark.parametrize("shift_ms", [1, -1, 500, 1000, 7000])
@pytest.mark.parametrize(("step_ms", "length"), [(MINUTE_MS, "1m"), (HOUR_MS, "1h")])
@pytest.mark.parametrize("share", [1.0, 0.7, 0.2])
def test_rows_that_stand_twice_are_set_aside(shift_ms, step_ms, length, share, tmp_path):
    """Minutes whose rows stood twice, a millisecond apart, were read as bars of a millisecond."""
    rows = np.flatnonzero(np.random.default_rng(1).random(N) < share)
    table = doubled(simulated_candles(n=N, seed=3, step_ms=step_ms), shift_ms, rows)
    found = read_file(written(table, tmp_path / "a.csv"))
    assert (found.report.interval, len(found)) == (length, N)
    assert {rule: rows.count for rule, rows in found.report.rejected.items()} == {
        f"timestamp starts a bar of {length}": len(rows)
    }


@pytest.mark.parametrize("step_ms", [1000, MINUTE_MS])
def test_bars_of_which_many_are_missing_keep_their_length(step_ms, tmp_path):
    rows = np.flatnonzero(np.random.default_rng(2).random(N) < 0.4)
    table = simulated_candles(n=N, seed=3, step_ms=step_ms).take(rows)
    assert read_file(written(table, tmp_path / "a.csv")).length.milliseconds == step_ms

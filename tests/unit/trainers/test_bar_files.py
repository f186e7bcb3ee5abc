"""Bars of files, as evaluations see them."""

import numpy as np
import pytest

from producers.sources.files.forms import ReadRequest
from schemas.errors import ConfigurationError
from schemas.time import Interval
from tests.fakes.candle_files import READ_MS, simulated_candles, written
from trainers.inputs.bar_files import read_bars

MINUTE_MS = 60_000


@pytest.fixture
def holed(tmp_path):
    """Two thousand minutes of which every fortieth is missing."""
    table = simulated_candles(n=2_000, seed=1, step_ms=MINUTE_MS)
    return written(table.filter(np.arange(2_000) % 40 != 7), tmp_path / "btcusdt_binance_spot_1m.parquet")


def test_bars_whose_holes_leave_no_stretch_for_features_are_refused_by_name(holed):
    """An evaluation ended with a sentence about the year 1970."""
    with pytest.raises(ConfigurationError, match=r"no stretch of \d+ bars of 1m without a hole"):
        read_bars(holed).rolled_up(Interval.ONE_MINUTE)


def test_holes_without_a_trade_are_filled_where_the_user_says_so(holed):
    bars = read_bars(holed, ReadRequest(READ_MS, longest_pause_ms=60 * MINUTE_MS))
    assert len(bars.rolled_up(Interval.ONE_MINUTE).start_ms) == 2_000
    assert bars.n_missing == 0


def test_bars_of_a_length_of_their_own_are_rolled_up(tmp_path):
    table = simulated_candles(n=400, seed=1, step_ms=2 * 3_600_000)
    bars = read_bars(written(table, tmp_path / "btcusdt_binance_spot_2h.parquet"))
    assert len(bars.rolled_up(Interval.FOUR_HOURS).start_ms) == 200
    assert str(bars.interval) == "2h"

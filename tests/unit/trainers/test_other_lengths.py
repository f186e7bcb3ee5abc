"""Evaluations of files whose bars have a length that no run has: weeks, three days, 45 minutes."""

import json

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from schemas.errors import ConfigurationError
from schemas.time import Interval, length_named
from tests.fakes.candle_files import HOUR_MS, simulated_candles, written
from trainers.commands import commands
from trainers.inputs.bar_files import read_bars
from trainers.inputs.dataset_files import load

MINUTE_MS, DAY_MS = HOUR_MS // 60, 24 * HOUR_MS
#: The first bar: a Monday.
BEGIN_MS = int(np.datetime64("2010-01-04", "ms").astype(np.int64))


def candles(length_ms, *, n, path, begin_ms=BEGIN_MS):
    table = simulated_candles(n=n, seed=5, step_ms=length_ms)
    times = pa.array(begin_ms + np.arange(n) * length_ms, pa.timestamp("ms"))
    return written(table.set_column(0, "timestamp", times), path)


def evaluated(path, *words):
    result = CliRunner().invoke(commands, ["evaluate", "--bars", str(path), "--quick", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize(
    ("length", "length_ms", "n", "horizon", "train_until"),
    [
        ("1w", 7 * DAY_MS, 800, "1w", "2019-01-01"),
        ("3d", 3 * DAY_MS, 900, "6d", "2015-01-01"),
        ("45m", 45 * MINUTE_MS, 1_600, "45m", "2010-02-01"),
        ("8h", 8 * HOUR_MS, 900, "1d", "2010-08-01"),
    ],
)
def test_bars_are_evaluated_in_their_own_length(tmp_path, length, length_ms, n, horizon, train_until):
    path = candles(length_ms, n=n, path=tmp_path / "btcusdt_binance_spot.csv")
    words = ("--interval", length, "--horizon", horizon, "--train-until", train_until)
    evaluated(path, *words, "--json", tmp_path / "figures.json", "--save-dataset", tmp_path / "sets")

    figures = json.loads((tmp_path / "figures.json").read_text())
    steps = length_named(horizon).milliseconds // length_ms
    ends = BEGIN_MS + length_ms * np.arange(1, n + 1)
    tested = (ends >= np.datetime64(train_until, "ms").astype(np.int64)) & (np.arange(n) < n - steps)
    assert figures["n"] + figures["n_ties"] == tested.sum()
    assert (figures["interval"], figures["horizon"], figures["bars"]["n"]) == (length, horizon, n)
    (manifest,) = (tmp_path / "sets").glob("*.json")
    assert str(load(manifest).interval) == length


def test_too_few_bars_are_refused_with_the_number_that_is_wanted(tmp_path):
    path = candles(7 * DAY_MS, n=300, path=tmp_path / "btcusdt_binance_spot_1w.csv")
    words = ("--interval", "1w", "--horizon", "1w", "--train-until", "2015-01-01")
    with pytest.raises(
        ConfigurationError, match=r"labelled rows .* with 19\d: at least 315 bars of 1w must lie before it"
    ):
        evaluated(path, *words)


def test_a_file_without_a_complete_row_is_refused_with_the_number_that_is_wanted(tmp_path):
    """The sentence was about the year 1970."""
    path = candles(7 * DAY_MS, n=60, path=tmp_path / "btcusdt_binance_spot_1w.csv")
    with pytest.raises(ConfigurationError, match=r"65 bars of 1w without a hole: at least 315 bars of 1w"):
        evaluated(path, "--interval", "1w", "--horizon", "1w", "--train-until", "2011-01-01")


def test_315_bars_before_the_date_are_enough(tmp_path):
    path = candles(7 * DAY_MS, n=400, path=tmp_path / "btcusdt_binance_spot_1w.csv")
    until_ms = BEGIN_MS + 315 * 7 * DAY_MS
    until = str(np.datetime64(until_ms, "ms"))
    words = ("--interval", "1w", "--horizon", "1w", "--train-until")
    assert evaluated(path, *words, until).exit_code == 0
    with pytest.raises(ConfigurationError, match="with 249"):
        evaluated(path, *words, str(np.datetime64(until_ms - 7 * DAY_MS, "ms")))


def test_weeks_are_not_made_of_days(tmp_path):
    path = candles(DAY_MS, n=400, path=tmp_path / "btcusdt_binance_spot_1d.csv")
    with pytest.raises(ConfigurationError, match="give a file with bars of 1w"):
        read_bars(path).rolled_up(length_named("1w"))


def test_bars_of_45_minutes_are_made_of_15(tmp_path):
    path = candles(15 * MINUTE_MS, n=900, path=tmp_path / "btcusdt_binance_spot_15m.csv")
    assert len(read_bars(path).rolled_up(length_named("45m")).start_ms) == 300


def test_bars_that_begin_at_half_past_are_not_rolled_up(tmp_path):
    """The bars of another zone gave no row, and a sentence about the year 1970."""
    begin_ms = BEGIN_MS + 30 * MINUTE_MS
    path = candles(HOUR_MS, n=400, path=tmp_path / "btcusdt_binance_spot_1h.csv", begin_ms=begin_ms)
    bars = read_bars(path)
    assert len(bars.rolled_up(Interval.ONE_HOUR).start_ms) == 400
    with pytest.raises(ConfigurationError, match="begin at 00:30; the interval 1h takes them as they are"):
        bars.rolled_up(Interval.FOUR_HOURS)


def test_a_length_of_no_form_is_refused_by_its_option(tmp_path):
    path = candles(HOUR_MS, n=100, path=tmp_path / "btcusdt_binance_spot_1h.csv")
    with pytest.raises(ConfigurationError, match=r"--interval must be one of 1m, .* or a length such as 45m"):
        evaluated(path, "--interval", "fortnight", "--horizon", "1h", "--train-until", "2010-02-01")


def test_features_on_bars_of_their_own_length_are_audited(tmp_path):
    path = candles(7 * DAY_MS, n=500, path=tmp_path / "btcusdt_binance_spot_1w.csv")
    result = CliRunner().invoke(commands, ["audit", "--bars", str(path), "--feature", "log_return_1"])
    assert result.exit_code == 0, result.exception

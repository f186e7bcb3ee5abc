"""``driftline evaluate`` on files: what it promises to write, and what it says of files that do not do."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from click.testing import CliRunner

from schemas.errors import ConfigurationError
from tests.fakes.candle_files import simulated_candles, written
from trainers.commands import commands

PROMISED = {
    "n",
    "n_ties",
    "accuracy",
    "accuracy_interval",
    "brier",
    "log_loss",
    "selective",
    "baselines",
    "model",
    "configurations_tried",
    "seconds",
}
HOURLY = ["--interval", "1h", "--horizon", "1h", "--train-until", "2021-05-20", "--model", "logistic"]


def run(*words):
    result = CliRunner().invoke(commands, ["evaluate", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def figures_of(tmp_path, *words):
    output = tmp_path / "out" / "figures.json"
    run(*words, "--json", output)
    return json.loads(output.read_text())


@pytest.fixture
def hourly(tmp_path):
    return written(simulated_candles(n=5_000, seed=1), tmp_path / "unknown_name.parquet")


def test_what_is_promised_is_written(tmp_path, hourly):
    figures = figures_of(tmp_path, "--bars", hourly, *HOURLY)
    assert set(figures) >= PROMISED | {"by_year", "by_quarter", "lags"}
    assert [item["wanted_accuracy"] for item in figures["wanted_accuracy"]] == [0.55, 0.6, 0.65]
    assert figures["conformal"]["miscoverage"] == 0.1
    assert figures["conformal"]["coverage_interval"][0] <= figures["conformal"]["coverage"]
    assert [item["target_coverage"] for item in figures["selective"]] == [0.2, 0.1, 0.05, 0.03, 0.01]
    for item in figures["selective"]:
        assert set(item) == {"target_coverage", "coverage", "n", "accuracy", "interval"}
    low, high = figures["accuracy_interval"]
    assert low <= figures["accuracy"] <= high
    assert set(figures["baselines"]) >= {"always_up", "majority_class", "persistence", "random_walk"}
    assert set(figures["lags"]) == {"60m"}
    assert figures["seconds"] > 0


def test_the_test_is_what_lies_after_the_date(tmp_path, hourly):
    """Hours that end from the date on, but for the last, whose outcome is not there."""
    figures = figures_of(tmp_path, "--bars", hourly, *HOURLY)
    n_before = (np.datetime64("2021-05-20") - np.datetime64("2021-01-01")) // np.timedelta64(1, "h")
    assert figures["n"] + figures["n_ties"] == 5_000 - n_before


def test_a_text_file_says_the_same_as_a_binary_one(tmp_path):
    table = simulated_candles(n=4_200, seed=2)
    one = figures_of(tmp_path, "--bars", written(table, tmp_path / "a.parquet"), *HOURLY)
    two = figures_of(tmp_path, "--bars", written(table, tmp_path / "b.csv"), *HOURLY)
    assert {**one, "seconds": 0} == {**two, "seconds": 0}


def test_disorder_and_repeats_change_nothing_but_their_count(tmp_path):
    table = simulated_candles(n=4_200, seed=3)
    order = np.random.default_rng(3).permutation(len(table))
    messy = pa.concat_tables([table.take(order), table.slice(10, 5)])
    one = figures_of(tmp_path, "--bars", written(table, tmp_path / "a.parquet"), *HOURLY)
    two = figures_of(tmp_path, "--bars", written(messy, tmp_path / "b.parquet"), *HOURLY)
    assert two["bars"]["n_left_out"] == 5
    assert (one["accuracy"], one["selective"]) == (two["accuracy"], two["selective"])


def test_shorter_bars_are_rolled_up_and_give_lags_and_short_horizons(tmp_path):
    """Decide at the hour mark on five-minute bars, half an hour ahead."""
    table = simulated_candles(n=12 * 4_000, seed=4, step_ms=300_000)
    figures = figures_of(
        tmp_path,
        *("--bars", written(table, tmp_path / "five.parquet"), "--interval", "1h", "--horizon", "30m"),
        *("--train-until", "2021-05-20", "--quick"),
    )
    assert set(figures["lags"]) == {"5m", "60m"}
    assert figures["n"] > 500


def test_other_files_add_columns(tmp_path, hourly):
    other = written(simulated_candles(n=4_900, seed=5), tmp_path / "eth.parquet")
    stamps = simulated_candles(n=4_000, seed=5).column("timestamp").to_pylist()
    table = {
        "timestamp": [f"{at:%Y-%m-%dT%H:%M:%S}Z" for at in stamps],
        "headline": [f"Bitcoin {'soars' if number % 2 else 'crashes'}" for number in range(4_000)],
        "url": [f"https://example.com/article-number-{number}-of-many" for number in range(4_000)],
    }
    news = written(pa.table(table), tmp_path / "news.csv")
    figures = figures_of(
        tmp_path, "--bars", hourly, *HOURLY, "--bars-eth", other, "--perp", other, "--news", news
    )
    assert {"coin_log_return_1", "basis", "news_log_count_1h", "news_vader_mean_4h"} <= set(
        figures["features"]
    )


def test_features_of_other_intervals_stand_beside(tmp_path):
    table = simulated_candles(n=12 * 2_500, seed=4, step_ms=300_000)
    bars = written(table, tmp_path / "five.parquet")
    figures = figures_of(
        tmp_path,
        *("--bars", bars, "--interval", "1h", "--also", "5m,4h", "--horizon", "1h"),
        *("--train-until", "2021-04-01", "--model", "logistic"),
    )
    assert {"log_return_1", "5m_log_return_1", "4h_close_location"} <= set(figures["features"])
    assert "5m_is_weekend" not in figures["features"]
    assert figures["also"] == ["5m", "4h"]


def test_overlapping_labels_can_share_their_weight(tmp_path, hourly):
    question = [*HOURLY[:2], "--horizon", "4h", *HOURLY[4:]]
    plain = figures_of(tmp_path, "--bars", hourly, *question)
    weighted = figures_of(tmp_path, "--bars", hourly, *question, "--uniqueness-weights")
    assert (plain["uniqueness_weights"], weighted["uniqueness_weights"]) == (False, True)
    assert plain["n"] == weighted["n"]
    assert plain["brier"] != weighted["brier"]


def test_one_model_for_the_whole_test(tmp_path, hourly):
    figures = figures_of(tmp_path, "--bars", hourly, *HOURLY, "--refit", "never")
    assert figures["n_fits"] == 2  # one for the thresholds' half year, one for the test
    assert figures["selective"][0]["n"] > 0


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--train-until", "2035-01-01"], "must lie before the file's last row"),
        (["--train-until", "2021-01-03"], "at least 250 labelled rows"),
        (["--train-until", "soon"], "must be an ISO time"),
        (["--interval", "5m"], "must be at least the file's"),
        (["--interval", "fortnight"], "--interval must be one of"),
        (["--interval", "1w"], "give a file with bars of 1w"),
        (["--interval", "90m"], "must be at least the file's"),
        (["--horizon", "30m"], "must be a multiple of the bars"),
        (["--refit", "daily"], "--refit must be one of"),
        (["--model", "oracle"], "--model must be one of"),
        (["--thresholds", "daily"], "--thresholds must be one of weekly, quarterly"),
        (["--also", "1h"], "--also must name other intervals"),
        (["--also", "5m"], "must be at least the file's"),
        (["--also", "3h"], "--also must be one of"),
        (["--quick"], "--quick has a model of its own"),
    ],
)
def test_a_wrong_word_is_told_with_what_is_allowed(hourly, words, complaint):
    with pytest.raises(ConfigurationError, match=complaint):
        run("--bars", hourly, *HOURLY, *words)


def test_outcomes_of_another_market_are_refused(tmp_path, hourly):
    other = simulated_candles(n=4_900, seed=5)
    doubled = {name: pc.multiply(other.column(name), 2.0) for name in ("open", "high", "low", "close")}
    for name, column in doubled.items():
        other = other.set_column(other.column_names.index(name), name, column)
    path = written(other, tmp_path / "other.parquet")
    with pytest.raises(ConfigurationError, match="must be bars of the same instrument"):
        run("--bars", hourly, *HOURLY, "--outcomes", path)


def test_a_file_that_says_nothing_at_these_times_is_refused(tmp_path, hourly):
    candles = simulated_candles(n=500, seed=5)
    years_before = candles.column("timestamp").to_numpy() - np.timedelta64(3_650, "D")
    early = candles.set_column(candles.column_names.index("timestamp"), "timestamp", pa.array(years_before))
    path = written(early, tmp_path / "eth.parquet")
    with pytest.raises(ConfigurationError, match="must say something at the times of --bars"):
        run("--bars", hourly, *HOURLY, "--bars-eth", path)


def test_the_same_file_is_no_other_coin(hourly):
    with pytest.raises(ConfigurationError, match="must be another instrument's candles"):
        run("--bars", hourly, *HOURLY, "--bars-eth", hourly)


def test_a_file_without_the_columns_is_told(tmp_path):
    path = written(
        pa.table({"time": [1], "open": [2.0], "high": [2.0], "low": [2.0], "colour": [2.0]}),
        tmp_path / "a.csv",
    )
    with pytest.raises(ConfigurationError, match="must have the columns"):
        run("--bars", path, *HOURLY)


def test_a_model_that_learns_online_is_judged_before_it_learns(tmp_path, hourly):
    words = [*HOURLY[:-1], "online-logistic"]
    figures = figures_of(tmp_path, "--bars", hourly, *words)
    assert set(figures) >= PROMISED
    assert (figures["model"], figures["refit"], figures["n_fits"]) == ("online-logistic", "every row", 1)

"""``driftline features`` on a file of candles."""

import json

import pytest
from click.testing import CliRunner
from pyarrow import parquet

from schemas.errors import ConfigurationError
from stream_processors.features.declarations import SPEC
from tests.fakes.candle_files import simulated_candles, written
from trainers.commands import commands


def run(*words):
    result = CliRunner().invoke(commands, ["features", *map(str, words)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def continuing(tmp_path):
    """A market whose next bar mostly goes on in the direction of the last one."""
    return written(simulated_candles(n=3_000, seed=2, continuation=0.6), tmp_path / "bars.parquet")


def test_every_registered_feature_has_a_row_and_the_planted_one_is_shown(tmp_path, continuing):
    output = tmp_path / "f.json"
    run("--bars", continuing, "--horizons", "1h,4h", "--json", output)
    rows = json.loads(output.read_text())["features"]
    assert {row["feature"] for row in rows} == set(SPEC.names)
    (planted,) = (row for row in rows if (row["feature"], row["horizon"]) == ("log_return_1", "1h"))
    assert planted["is_more_than_chance"]
    assert planted["low"] > 0.05


def test_horizons_that_do_not_fit_the_bars_are_refused(continuing):
    with pytest.raises(ConfigurationError, match="horizon"):
        run("--bars", continuing, "--horizons", "90m")


def test_features_of_articles_stand_beside_those_of_the_bars(tmp_path, continuing):
    """The command ended with an AttributeError for every file of articles."""
    begin_s = int(parquet.read_table(continuing).column("timestamp")[500].as_py().timestamp())
    articles = [
        f"{begin_s + 2_000 * n},Bitcoin {('rallies', 'crashes')[n % 2]} {n},https://a.com/{n}"
        for n in range(2_000)
    ]
    news, output = tmp_path / "articles.csv", tmp_path / "f.json"
    news.write_text("\n".join(["timestamp,headline,url", *articles, ""]))
    run("--bars", continuing, "--news", news, "--news-delay", "0", "--horizons", "1h", "--json", output)
    found = {row["feature"]: row["n"] for row in json.loads(output.read_text())["features"]}
    assert found["news_vader_mean_1d"] > 900
    assert set(SPEC.names) < set(found)

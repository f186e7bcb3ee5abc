"""Comparing models: ranks, noise, the declared rule, and a page that stands alone."""

import json
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner

from schemas.errors import ConfigurationError
from schemas.time import Interval
from tests.fakes.candle_files import simulated_candles, written
from trainers.commands import commands
from trainers.datasets.decisions import DecisionSet, Move
from trainers.selection.drawings import Line, picture
from trainers.selection.ranking import ranked

HOUR_MS = 3_600_000


def decisions_of(log_return):
    n = len(log_return)
    as_of = (1 + np.arange(n, dtype=np.int64)) * HOUR_MS
    return DecisionSet(
        names=("a",),
        feature_spec_hash="spec",
        interval=Interval.ONE_HOUR,
        horizon=Interval.ONE_HOUR,
        as_of_ms=as_of,
        rows=np.zeros((n, 1), dtype=np.float32),
        moves={1: Move(log_return=log_return, known_ms=as_of + HOUR_MS)},
        late={},
        trailing_log_return=np.zeros(n),
    )


@pytest.fixture
def truth():
    return np.random.default_rng(1).normal(size=6_000)


def knowing(truth, strength, seed):
    noise = np.random.default_rng(seed).normal(size=len(truth))
    return 1 / (1 + np.exp(-(strength * np.sign(truth) * 0.2 + 0.05 * noise)))


def test_a_better_model_is_chosen_though_it_is_named_last(truth):
    ranking = ranked(
        decisions_of(truth),
        {"blind": np.full(len(truth), 0.5), "seeing": knowing(truth, 1.0, 2)},
        from_ms=0,
    )
    assert ranking.order == ("seeing", "blind")
    assert ranking.chosen == "seeing"
    assert not ranking.pairs[0].is_noise


def test_between_equals_the_one_named_first_is_chosen_and_the_difference_called_noise(truth):
    one, other = (0.5 + 0.01 * np.random.default_rng(seed).normal(size=len(truth)) for seed in (3, 4))
    for names in (("one", "other"), ("other", "one")):
        given = {"one": one, "other": other}
        ranking = ranked(decisions_of(truth), {name: given[name] for name in names}, from_ms=0)
        assert ranking.chosen == names[0]
        assert ranking.pairs[0].is_noise


def test_only_rows_that_all_have_predicted_are_compared(truth):
    partly = np.full(len(truth), np.nan)
    partly[-500:] = 0.6
    ranking = ranked(decisions_of(truth), {"partly": partly, "all": np.full(len(truth), 0.5)}, from_ms=0)
    assert ranking.n == 500
    with pytest.raises(ValueError, match="predicted some rows together"):
        ranked(decisions_of(truth), {"a": partly, "b": partly}, from_ms=2**60)


def test_a_picture_is_well_formed_and_escapes_its_words():
    drawn = picture("a < b", [Line("x & y", [0, 1], [2, 3]), Line("none", [], [])], x_label="x", y_label="y")
    assert ET.fromstring(drawn).get("aria-label") == "a < b"  # noqa: S314  (it is our own)
    assert picture("empty", [], x_label="x", y_label="y") == ""


def test_the_command_writes_a_page_and_figures(tmp_path):
    bars = written(simulated_candles(n=4_500, seed=1, continuation=0.6), tmp_path / "a.parquet")
    words = ["compare", "--bars", bars, "--interval", "1h", "--horizon", "1h", "--train-until", "2021-05-20"]
    outputs = ["--html", tmp_path / "page.html", "--json", tmp_path / "figures.json"]
    result = CliRunner().invoke(
        commands, [str(word) for word in [*words, "--models", "logistic,xgboost", *outputs]]
    )
    assert result.exit_code == 0, result.output
    page = (tmp_path / "page.html").read_text()
    assert page.count("<svg") == 4
    assert "http://www.w3.org/2000/svg" in page
    assert "src=" not in page
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert figures["chosen"] in {"logistic", "xgboost"}
    assert figures["pairs"][0]["is_noise"] in {True, False}


def test_one_model_alone_is_no_comparison(tmp_path):
    bars = written(simulated_candles(n=1_000, seed=1), tmp_path / "a.parquet")
    words = ["--bars", str(bars), "--interval", "1h", "--horizon", "1h", "--train-until", "2021-02-01"]
    result = CliRunner().invoke(commands, ["compare", *words, "--models", "logistic"])
    assert isinstance(result.exception, ConfigurationError)

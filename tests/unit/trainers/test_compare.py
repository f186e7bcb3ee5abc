"""Comparing models: ranks, noise, the declared rule, and a page that stands alone."""

import json
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from schemas.errors import ConfigurationError
from schemas.time import Interval
from tests.fakes.candle_files import simulated_candles, written
from trainers.commands import commands
from trainers.datasets.decisions import DecisionSet
from trainers.datasets.prices import ForwardReturn
from trainers.evaluation.news_effects import news_effect
from trainers.evaluation.pictures import period_curves
from trainers.selection.pages import verdict
from trainers.selection.ranking import ranked
from trainers.training.offered import CONFIGURATIONS_TRIED

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
        forward_returns={1: ForwardReturn(log_return=log_return, known_ms=as_of + HOUR_MS)},
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
    with pytest.raises(ValueError, match="must have predicted some of the same rows"):
        ranked(decisions_of(truth), {"a": partly, "b": partly}, from_ms=2**60)


def test_the_verdict_says_who_is_before_whom_and_what_is_noise(truth):
    blind, seeing = np.full(len(truth), 0.5), knowing(truth, 1.0, 2)
    ranking = ranked(decisions_of(truth), {"blind": blind, "seeing": seeing}, from_ms=0)
    assert verdict(ranking) == (
        "Chosen: seeing. On 6,000 decisions 1 of 1 pairs differ by more than noise: seeing before blind."
    )
    alike = ranked(decisions_of(truth), {"blind": blind, "as blind": blind}, from_ms=0)
    assert verdict(alike) == "Chosen: blind. On 6,000 decisions no two of them differ by more than noise."


# The command


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self):
        super().__init__()
        self.tags, self.foreign, self.named, self.ids = [], [], [], []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append(tag)
        self.foreign += [given[name] for name in ("src", "href", "xlink:href") if name in given]
        if tag == "svg":
            self.named.append(given["aria-label"])
            self.ids.append(given["id"])


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compared")
    bars = written(simulated_candles(n=5_500, seed=1, continuation=0.6), folder / "a.parquet")
    words = ["compare", "--bars", bars, "--interval", "1h", "--horizon", "1h", "--train-until", "2021-05-20"]
    outputs = ["--html", folder / "page.html", "--json", folder / "figures.json"]
    result = CliRunner().invoke(
        commands, [str(word) for word in [*words, "--models", "logistic,random-forest", *outputs]]
    )
    assert result.exit_code == 0, result.output
    return (folder / "page.html").read_text(), json.loads((folder / "figures.json").read_text())


def test_the_page_stands_alone_and_every_picture_has_a_name_of_its_own(compared):
    page = Page()
    page.feed(compared[0])
    assert page.foreign == []
    assert "script" not in page.tags
    assert len(page.named) == len(set(page.named)) == len(set(page.ids)) == 12
    for part in (
        "Reliability",
        "coverage",
        "Equity",
        "Drawdown",
        "fees",
        "volatility",
        "session",
        "shuffled",
    ):
        assert any(part in name for name in page.named), part
    assert "prefers-color-scheme: dark" in compared[0]
    assert "a taker pays to enter and leave" in compared[0]


def test_the_figures_have_edges_regimes_and_importance_for_every_candidate(compared):
    figures = compared[1]
    assert figures["chosen"] in {"logistic", "random-forest"}
    assert figures["pairs"][0]["is_noise"] in {True, False}
    assert figures["configurations_tried"] == CONFIGURATIONS_TRIED + 2
    for one in figures["candidates"].values():
        assert [edge["target_coverage"] for edge in one["edges"]] == [1.0, 0.1, 0.05]
        assert set(one["regimes"]) == {"volatility", "trend", "session", "day"}
        for names in one["regimes"].values():
            assert sum(found["n"] for found in names.values()) <= one["n"]
        assert {found["family"] for found in one["importance"]} >= {"returns", "bar shape", "calendar"}


def test_the_candidates_of_searches_are_ranked_with_their_trials_counted(tmp_path):
    bars = written(simulated_candles(n=4_500, seed=1, continuation=0.6), tmp_path / "a.parquet")
    question = ["--bars", bars, "--interval", "1h", "--horizon", "1h", "--train-until", "2021-05-20"]
    search = ["search", *question, "--model", "logistic", "--trials", "3", "--json", tmp_path / "found.json"]
    twice = ["--parameters", tmp_path / "found.json"] * 2
    compare = ["compare", *question, "--models", "logistic", *twice]
    for words in (search, [*compare, "--json", tmp_path / "figures.json"]):
        result = CliRunner().invoke(commands, [str(word) for word in words])
        assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert set(figures["candidates"]) == {"logistic", "logistic searched", "logistic searched 2"}
    assert figures["configurations_tried"] == CONFIGURATIONS_TRIED + 3 + 2 * 3


def test_one_model_alone_is_no_comparison(tmp_path):
    bars = written(simulated_candles(n=1_000, seed=1), tmp_path / "a.parquet")
    words = ["--bars", str(bars), "--interval", "1h", "--horizon", "1h", "--train-until", "2021-02-01"]
    result = CliRunner().invoke(commands, ["compare", *words, "--models", "logistic"])
    assert isinstance(result.exception, ConfigurationError)


@pytest.mark.parametrize("n", [1, 8, 20])
def test_every_period_has_one_label(n):
    periods = [f"{2015 + i // 4}-Q{1 + i % 4}" for i in range(n)]
    picture = period_curves("by quarter", {"a": dict.fromkeys(periods, 50.0), "b": {periods[-1]: 51.0}})
    assert [picture.count(f">{period}</text>") for period in periods] == [1] * n


# News


def test_news_that_tells_the_outcome_helps_and_noise_does_not(truth):
    decisions = decisions_of(truth)
    is_up = decisions.own.log_return > 0
    without = np.full(len(decisions), 0.5)
    chance = np.random.default_rng(1)
    arguments = {"without": without, "from_ms": int(decisions.as_of_ms[0]), "seed": 0}
    better = news_effect("m", decisions, with_news=np.where(is_up, 0.6, 0.4), **arguments)
    assert better.verdict == "news helps"
    assert better.brier_difference == pytest.approx(better.brier_high, abs=1e-9)
    assert better.brier_high < 0
    assert better.accuracy_low > 0
    worse = news_effect("m", decisions, with_news=np.where(is_up, 0.4, 0.6), **arguments)
    assert worse.verdict == "news hurts"
    same = news_effect("m", decisions, with_news=without, **arguments)
    assert (same.brier_difference, same.accuracy_difference) == (0.0, 0.0)
    noise = 0.5 + 0.01 * chance.choice([-1.0, 1.0], len(decisions))
    assert news_effect("m", decisions, with_news=noise, **arguments).verdict != "news helps"
    with pytest.raises(ValueError, match="with news and without"):
        news_effect("m", decisions, with_news=np.full(len(decisions), np.nan), **arguments)


def test_comparison_with_news_judges_each_model_without_it_first(tmp_path):
    table = simulated_candles(n=4_200, seed=1)
    stamps = table.column("timestamp").to_pylist()
    articles = {
        "timestamp": [f"{at:%Y-%m-%dT%H:%M:%S}Z" for at in stamps],
        "headline": [f"Bitcoin {'soars' if number % 3 else 'crashes'}" for number in range(len(stamps))],
        "url": [f"https://example.com/article-number-{number}-of-many" for number in range(len(stamps))],
    }
    words = [
        "compare", "--bars", written(table, tmp_path / "a.parquet"), "--interval", "1h", "--horizon", "1h",
        "--train-until", "2021-05-20", "--models", "logistic", "--json", tmp_path / "figures.json",
        "--news", written(pa.table(articles), tmp_path / "news.csv"), "--news-delay", "60",
    ]  # fmt: skip
    result = CliRunner().invoke(commands, [str(word) for word in words], obj={"DRIFTLINE_SCORERS": "vader"})
    assert result.exit_code == 0, result.output + repr(result.exception)
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert list(figures["candidates"]) == ["logistic without news", "logistic"]
    (effect,) = figures["news"]
    assert effect["model"] == "logistic"
    assert effect["brier_low"] <= effect["brier_high"]
    families = [
        {one["family"] for one in figures["candidates"][name]["importance"]} for name in figures["candidates"]
    ]
    assert ["news" in each for each in families] == [False, True]
    if effect["verdict"] != "news helps":
        assert figures["chosen"] == "logistic without news"

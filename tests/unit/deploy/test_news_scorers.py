"""Names of scorers among the companions: the launcher turns them into ids."""

import pytest

from deploy.local.news_scorers import with_scorer_ids
from deploy.local.runs import run_of
from schemas.companions import VARIABLE, parse_companions
from schemas.errors import ConfigurationError
from stream_processors.sentiment.opening import open_named

BTC = "BTC-USDT.BINANCE"
VADER, TEXTBLOB = (str(scorer.id) for scorer in open_named(["vader", "textblob"], {}).scorers)


@pytest.mark.parametrize(
    ("stated", "resolved"),
    [
        (f"{BTC}:news/vader", f"{BTC}:news/{VADER}"),
        (f"{BTC}:news/textblob/vader", f"{BTC}:news/{TEXTBLOB}/{VADER}"),
        (f"{BTC}: ETH-USDT.BINANCE, news/vader", f"{BTC}: ETH-USDT.BINANCE,news/{VADER}"),
        (f"{BTC}:news/{VADER}/textblob", f"{BTC}:news/{VADER}/{TEXTBLOB}"),
        (f"{BTC}:news/vader;ETH-USDT.BINANCE:news/textblob",
         f"{BTC}:news/{VADER};ETH-USDT.BINANCE:news/{TEXTBLOB}"),
        (f"{BTC}:ETH-USDT.BINANCE", f"{BTC}:ETH-USDT.BINANCE"),
        ("none", "none"),
        (f"{BTC}:news", f"{BTC}:news"),
    ],
)  # fmt: skip
def test_names_become_the_ids_of_the_scorers_that_run_here(stated, resolved):
    assert with_scorer_ids({VARIABLE: stated})[VARIABLE] == resolved


@pytest.mark.parametrize(
    ("stated", "scorers", "words"),
    [
        ("news/vadder", None, "'vadder' does not run here.*vader, textblob"),
        ("news/vader", "textblob", "'vader' does not run here.*DRIFTLINE_SCORERS.*textblob"),
        ("news/finbert", "vader,finbert", "DRIFTLINE_SCORER_FINBERT must name the folder"),
        ("news/vader@0123456789abcdef", None, f"runs here is {VADER}.*write vader alone"),
        ("news/", None, "'' does not run here"),
    ],
)
def test_scorer_that_makes_no_scores_in_this_run_is_refused(stated, scorers, words):
    environment = {VARIABLE: f"{BTC}:{stated}"} | ({"DRIFTLINE_SCORERS": scorers} if scorers else {})
    with pytest.raises(ConfigurationError, match=words):
        with_scorer_ids(environment)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DRIFTLINE_SCORERS", "FOO"),
        ("DRIFTLINE_SCORERS", "foo"),
        ("DRIFTLINE_NEWS_CREDIBILITY", "coindesk:2"),
    ],
)
def test_settings_of_another_form_are_refused_before_anything_starts(variable, value):
    with pytest.raises(ConfigurationError, match=f"{variable} must .*{value}"):
        run_of({variable: value})


def test_environment_of_a_run_holds_the_ids(tmp_path):
    candles, articles = tmp_path / "btcusdt_binance_spot_1m.csv", tmp_path / "articles.csv"
    candles.write_text(
        "timestamp,open,high,low,close,volume\n2025-06-01,1,1,1,1,1\n2025-06-01 00:01,1,1,1,1,1\n"
    )
    articles.write_text("timestamp,headline,url\n")
    stated = {VARIABLE: f"{BTC}:news/vader/textblob"}
    run = run_of(stated, data=(candles,), news=articles)
    assert run.environment[VARIABLE] == f"{BTC}:news/{VADER}/{TEXTBLOB}"
    assert parse_companions(run.environment[VARIABLE])[BTC].news is not None

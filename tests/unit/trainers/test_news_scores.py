"""The news features of a file are those of a run that plays it: scored by the same functions, to the bit."""

import random
from pathlib import Path

import numpy as np
import pytest

from schemas.codec import nan_from_null
from schemas.errors import ConfigurationError
from schemas.events import ArticlePublished, NewsFeaturesComputed
from schemas.topics import NEWS_SENTIMENT
from stream_processors.operators.news import NewsOperator
from stream_processors.operators.news_runs import NewsSet
from stream_processors.sentiment.article_scores import article_scores
from stream_processors.sentiment.opening import open_scorers
from tests.unit.producers.test_news_plans import BEGIN_MS, MINUTE_MS, articles_file, plan, row
from trainers.inputs.news_scores import NewsFile, scored_news

WORDS = ("Bitcoin", "soars", "crashes", "hack", "record", "gains", "Ethereum", "fear", "bulls", "ban", "ETF")
CREDIBILITY = {"DRIFTLINE_NEWS_CREDIBILITY": "coindesk:0.5"}


def rows_of_a_fortnight() -> list[dict[str, str]]:
    """Articles from before the run to its end; some addresses come again, with other content or the same."""
    chance, rows = random.Random(3), list[dict[str, str]]()
    for number in range(150):
        day, hour, minute = (
            chance.choice([(24, 5), (29, 5), (31, 5), (1, 6)]),
            chance.randrange(3),
            chance.randrange(60),
        )
        headline = " ".join(["Bitcoin", *chance.choices(WORDS, k=5)])
        time = f"{day[1]:02d}-{day[0]:02d}T{hour:02d}:{minute:02d}:{chance.randrange(60):02d}"
        site = chance.choice(["coindesk.com", "example.org"])
        url = f"https://{site}/markets/2025/06/01/article-{chance.choice([number, number // 3])}"
        rows.append(
            row(time, number, headline, domain=site, url=url, summary=" ".join(chance.choices(WORDS, k=12)))
        )
    return rows


def test_run_of_a_file_and_the_file_itself_give_the_same_features_to_the_bit(tmp_path: Path) -> None:
    path = articles_file(tmp_path, rows_of_a_fortnight())
    news = scored_news(NewsFile(path, delay=0, environment=CREDIBILITY), "BTC")
    scorers = open_scorers({}).scorers
    made = NewsSet(asset="BTC", scorers=news.companion.scorers, credibility=dict(news.companion.credibility))
    operator, found = NewsOperator([made]), dict[int, list[float | None]]()
    for record in plan(path, minutes=180).records(after_ms=None, until_ms=None):
        event = record.event
        inputs = article_scores([event], scorers) if isinstance(event, ArticlePublished) else [event]
        for each in inputs:
            for output in operator.step(NEWS_SENTIMENT, each):
                if isinstance(output.event, NewsFeaturesComputed):
                    found[output.event.event_time_ms] = list(output.event.values.values())
    times = np.array(sorted(found), dtype=np.int64)
    assert len(times) > 150
    table = news.features(times)
    assert table.as_of_ms.tolist() == times.tolist()
    live = np.array([nan_from_null(found[at]) for at in times.tolist()])
    assert table.values.tobytes() == live.tobytes()
    assert np.isfinite(live).mean() > 0.5


def test_pause_of_a_file_has_no_rows_in_a_run_and_in_the_file_itself(tmp_path: Path) -> None:
    rows = [row(time, n) for n, time in enumerate(("06-01T00:01:10", "06-01T00:03:10", "06-09T00:01:00"))]
    path = articles_file(tmp_path, rows)
    news = scored_news(NewsFile(path, delay=0), "BTC")
    made = NewsSet(asset="BTC", scorers=news.companion.scorers, credibility={})
    operator, scorers, live = NewsOperator([made]), open_scorers({}).scorers, dict[int, list[float | None]]()
    for record in plan(path, minutes=10 * 24 * 60).records(after_ms=None, until_ms=None):
        event = record.event
        inputs = article_scores([event], scorers) if isinstance(event, ArticlePublished) else [event]
        for each in inputs:
            for output in operator.step(NEWS_SENTIMENT, each):
                if isinstance(output.event, NewsFeaturesComputed):
                    live[output.event.event_time_ms] = list(output.event.values.values())
    table = news.features(BEGIN_MS + MINUTE_MS * np.arange(10 * 24 * 60, dtype=np.int64))
    assert ((table.as_of_ms - BEGIN_MS) // MINUTE_MS).tolist() == [2, 3, 4, 8 * 1_440 + 2]
    assert table.as_of_ms.tolist() == sorted(live)
    assert table.values.tobytes() == np.array([nan_from_null(live[at]) for at in sorted(live)]).tobytes()


def test_times_outside_of_the_file_have_no_row_but_for_the_last(tmp_path: Path) -> None:
    news = scored_news(NewsFile(articles_file(tmp_path, [row("06-01T00:05:30", 1)]), delay=0), "BTC")
    times = BEGIN_MS + MINUTE_MS * np.arange(0, 20, 4, dtype=np.int64)
    assert ((news.features(times).as_of_ms - BEGIN_MS) // MINUTE_MS).tolist() == [6]
    assert len(news.features(times[:1]).as_of_ms) == 0


def test_file_without_articles_about_the_asset_and_scorers_that_cannot_run_are_refused(
    tmp_path: Path,
) -> None:
    path = articles_file(tmp_path, [row("06-01T00:05:30", 1)])
    with pytest.raises(ConfigurationError, match="articles about SOL"):
        scored_news(NewsFile(path), "SOL")
    with pytest.raises(ConfigurationError, match="DRIFTLINE_SCORER_FINBERT"):
        scored_news(NewsFile(path, environment={"DRIFTLINE_SCORERS": "finbert"}), "BTC")

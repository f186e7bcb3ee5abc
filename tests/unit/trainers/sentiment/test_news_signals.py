"""What scores of news tell of returns: by when they were known, and never by what came later."""

import numpy as np
import pytest

from schemas.errors import StoreUnavailableError
from schemas.scorers import ScorerId
from stream_processors.sentiment.ports import Label, Scored
from trainers.datasets.prices import PricePath
from trainers.sentiment.kept_scores import KeptScores, Text
from trainers.sentiment.news_files import read_articles
from trainers.sentiment.news_signals import HOUR_MS, MINUTE_MS, hourly_means, signal_findings, signals_of

FROM_MS = 1_746_057_600_000  # 2025-05-01


def hourly_prices(returns):
    n = len(returns)
    end_ms = FROM_MS + HOUR_MS * np.arange(n, dtype=np.int64)
    return PricePath(
        end_ms=end_ms, known_ms=end_ms, close=100 * np.exp(np.cumsum(returns)), interval_ms=HOUR_MS
    )


def test_an_hour_has_the_mean_of_what_was_known_in_it():
    """hour 0: 0.2 and 0.4 | hour 1: nothing | hour 2: -1, and an article known exactly at its start."""
    at = np.array([1, 59, 120, 130]) * MINUTE_MS
    means = hourly_means(at, np.array([0.2, 0.4, -1.0, 0.0]))
    assert means.end_ms.tolist() == [HOUR_MS, 3 * HOUR_MS]
    assert means.mean == pytest.approx([0.3, -0.5])


def test_a_refused_article_counts_for_nothing():
    means = hourly_means(np.array([1, 2]) * MINUTE_MS, np.array([np.nan, 0.5]))
    assert means.mean.tolist() == [0.5]


def test_an_edge_is_found_at_the_horizon_and_delay_where_it_was_planted():
    """The score of an hour is half of the return of the next hour, which is over for who knows it an hour later."""
    generator = np.random.default_rng(2)
    returns = generator.normal(size=3_000) * 0.01
    scores = np.append(0.5 * returns[1:] / 0.01, 0.0) + generator.normal(size=3_000)
    # The article of hour k is published within the hour that ends at the close number k.
    published = FROM_MS + HOUR_MS * (np.arange(3_000) - 1) + 20 * MINUTE_MS
    found = signals_of(published, {"planted@0": scores}, hourly_prices(returns), seed=0)
    shown = {(signal.horizon, signal.delay_minutes) for signal in found if signal.is_shown}
    assert {("1h", 0), ("1h", 5)} <= shown
    assert ("1h", 60) not in shown
    assert "planted" in signal_findings(found)[0]


def test_scores_of_chance_show_no_edge():
    generator = np.random.default_rng(6)
    returns, scores = generator.normal(size=(2, 2_000)) * 0.01
    published = FROM_MS + HOUR_MS * np.arange(2_000) + 20 * MINUTE_MS
    found = signals_of(published, {"chance@0": scores}, hourly_prices(returns), seed=0)
    assert not any(signal.is_shown for signal in found)
    assert signal_findings(found)[0].startswith("No edge is shown")


class CountingScorer:
    """Scores a text by its length, and counts how many it scored."""

    def __init__(self):
        self.id = ScorerId("counting", "0123456789abcdef")
        self.n_scored = 0

    def score(self, texts):
        self.n_scored += len(texts)
        return [Scored(min(1.0, len(text.title) / 100)) for text in texts]

    def label(self, scored):
        return Label.NEUTRAL


def test_a_score_is_made_once(tmp_path):
    scorer, store = CountingScorer(), KeptScores(tmp_path / "kept" / "s.sqlite3", "BTC")
    texts = [
        Text("Bitcoin rises today", None),
        Text("Bitcoin falls today", "It fell."),
        Text("Bitcoin rises today", None),
    ]
    first = store.of(scorer, texts)
    assert scorer.n_scored == 2
    assert (store.of(scorer, texts) == first).all()
    assert (KeptScores(tmp_path / "kept" / "s.sqlite3", "BTC").of(scorer, texts[1:]) == first[1:]).all()
    assert scorer.n_scored == 2


def test_another_version_or_asset_is_scored_anew(tmp_path):
    scorer, path = CountingScorer(), tmp_path / "s.sqlite3"
    KeptScores(path, "BTC").of(scorer, [Text("Bitcoin rises today", None)])
    KeptScores(path, "ETH").of(scorer, [Text("Bitcoin rises today", None)])
    scorer.id = ScorerId("counting", "f" * 16)
    KeptScores(path, "BTC").of(scorer, [Text("Bitcoin rises today", None)])
    assert scorer.n_scored == 3


def test_a_refusal_is_kept_too(tmp_path):
    scorer, store = CountingScorer(), KeptScores(tmp_path / "s.sqlite3", "BTC")
    for _ in range(2):
        assert np.isnan(store.of(scorer, [Text("", None)])).all()
    assert scorer.n_scored == 0


def test_a_file_that_is_no_store_is_refused(tmp_path):
    (tmp_path / "s.sqlite3").write_bytes(b"something else" * 1_000)
    with pytest.raises(StoreUnavailableError):
        KeptScores(tmp_path / "s.sqlite3", "BTC").of(CountingScorer(), [Text("Bitcoin", None)])


def test_articles_are_read_oldest_first_and_those_without_time_or_title_are_left_out(tmp_path):
    path = tmp_path / "news.csv"
    path.write_text(
        "timestamp,headline,summary\n"
        '2025-05-02T00:00:00Z,Second,"It has, two lines\nof text"\n'
        "2025-05-01T00:00:00Z,First,\n"
        ",No time,\n"
        "2025-05-03T00:00:00Z,,No title\n"
    )
    articles = read_articles(path)
    assert [text.title for text in articles.texts] == ["First", "Second"]
    assert articles.texts[1].body == "It has, two lines\nof text"
    assert articles.n_left_out == 2


@pytest.mark.recorded
def test_the_recorded_articles_are_all_read(recorded_data):
    articles = read_articles(recorded_data / "news" / "crypto_news_2025-05_2025-08.csv.gz")
    assert (len(articles.texts), articles.n_left_out) == (29_769, 0)

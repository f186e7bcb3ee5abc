"""The news of a file, scored by the scorers, and the news features that follow: those of a run that plays the file.

A file does not say when its articles were first seen, so their known times are the published times and an assumed delay.
Scores are made by the functions of the agent, and features by the kernel of the live job.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from producers.normalise.news.articles import events_of
from producers.sources.files.articles import read_articles
from schemas.companions import CREDIBILITY_VARIABLE, NewsCompanion, parse_credibility
from schemas.errors import ConfigurationError
from schemas.events import SentimentScored
from schemas.features import NewsFeatureTable
from stream_processors.features.news_tables import news_table
from stream_processors.sentiment.article_scores import article_scores
from stream_processors.sentiment.opening import open_scorers

MINUTE_MS = 60_000
DEFAULT_DELAY = 5
_STREAM = "replay-of-a-file"


class NewsFile(NamedTuple):
    """A file of articles, and how it is read.

    Attributes:
        path: The file.
        delay: The minutes after its published time at which an article counts as first seen.
        environment: The variables that name the scorers and the credibility of sources.
    """

    path: Path
    delay: int = DEFAULT_DELAY
    environment: Mapping[str, str] = {}


class ScoredNews(NamedTuple):
    """The news about one asset, scored.

    Attributes:
        asset: The asset.
        companion: The scorers, and the credibility of sources.
        scores: By known time.
        stretches: Of each stretch without a long pause, the first minute at whose end there is a row, and the last one.
    """

    asset: str
    companion: NewsCompanion
    scores: tuple[SentimentScored, ...]
    stretches: tuple[tuple[int, int], ...]

    def features(self, times_ms: NDArray[np.int64]) -> NewsFeatureTable:
        """Return the rows that a run has at some times, and at the end of each stretch of its news if a time is later.

        Args:
            times_ms: Shape (n,): the ends of bars.
        """
        whole = times_ms[times_ms % MINUTE_MS == 0]
        minutes = np.zeros(0, dtype=np.int64)
        for first_ms, last_ms in self.stretches:
            within = whole[(whole >= first_ms) & (whole <= last_ms)]
            ends = [last_ms] if len(whole) and whole[-1] > last_ms else []
            minutes = np.unique(np.concatenate([minutes, within, np.array(ends, dtype=np.int64)]))
        return news_table(
            self.scores,
            asset=self.asset,
            scorers=self.companion.scorers,
            credibility=dict(self.companion.credibility),
            as_of_ms=minutes,
        )


def scored_news(file: NewsFile, asset: str) -> ScoredNews:
    """Score the articles of a file about one asset.

    Args:
        file: The file.
        asset: The asset.

    Raises:
        ConfigurationError: If the file cannot be read or has no article about the asset, or no scorer can run.
    """
    opened = open_scorers(file.environment)
    if not opened.scorers:
        message = f"--news needs a scorer that can run here: {' '.join(each.sentence for each in opened.unavailable)}"
        raise ConfigurationError(message)
    delay_ms = file.delay * MINUTE_MS
    found = read_articles(file.path, delay_ms=delay_ms)
    articles = [
        replace(event, is_known_time_assumed=True)
        for article in found.articles
        for event in events_of(article, stream=_STREAM)
        if event.asset == asset
    ]
    if not articles:
        message = f"{file.path.name} must have articles about {asset}, has none among {len(found.articles):,}"
        raise ConfigurationError(message)
    credibility = parse_credibility(file.environment.get(CREDIBILITY_VARIABLE))
    stated = tuple(sorted((name, weight) for name, weight in credibility.items() if weight != 1))
    return ScoredNews(
        asset,
        NewsCompanion(tuple(scorer.id for scorer in opened.scorers), stated),
        tuple(article_scores(articles, opened.scorers)),
        tuple(
            (_minute(first_ms + delay_ms) + MINUTE_MS, _minute(last_ms + delay_ms + MINUTE_MS))
            for first_ms, last_ms in found.covered
        ),
    )


def _minute(time_ms: int) -> int:
    return time_ms - time_ms % MINUTE_MS

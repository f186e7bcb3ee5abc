"""The news features of recorded articles with the scores of VADER and TextBlob: live equals batch bit for bit."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from schemas.codec import nan_from_null
from schemas.events import Event, NewsFeaturesComputed, SentimentScored
from schemas.scorers import ScorerId
from schemas.topics import NEWS_SENTIMENT
from stream_processors.features.news_tables import news_table
from stream_processors.operators.news import NewsOperator
from stream_processors.operators.news_runs import NewsSet
from stream_processors.sentiment.opening import open_named
from stream_processors.sentiment.ports import PreparedText, Scorer
from stream_processors.sentiment.preparing import prepare
from stream_processors.sentiment.sketches import sketch
from tests.benchmarks.duplicates.articles import RecordedArticle, recorded_articles
from tests.fixtures.market_events import HOUR, MINUTE, STREAM, T0
from tests.fixtures.news import DAY, passed

pytestmark = pytest.mark.recorded
#: Recorded articles state no first-seen time: it is assumed to be five minutes after publication.
ASSUMED_MS = 5 * MINUTE
FROM_MS, UNTIL_MS = -8 * DAY, 6 * DAY


def scores_of(articles: Sequence[RecordedArticle], scorers: Sequence[Scorer]) -> Iterator[SentimentScored]:
    for each in articles:
        text = prepare(each.title, each.summary or None, "en", "BTC")
        for scorer in scorers:
            score = scorer.score([text])[0].score if isinstance(text, PreparedText) else None
            yield SentimentScored(
                event_time_ms=each.published_ms,
                known_time_ms=each.published_ms + ASSUMED_MS,
                source=each.domain or "unknown",
                stream=STREAM,
                asset="BTC",
                article_id=each.article_id,
                version=0,
                scorer=scorer.id.name,
                scorer_hash=scorer.id.hash,
                negative=None,
                neutral=None,
                positive=None,
                score=score,
                refusal=None if score is not None else "The text cannot be scored.",
                sketch=sketch(f"{each.title} {each.summary}"),
                is_known_time_assumed=True,
            )


def logged(scores: Sequence[SentimentScored]) -> Iterator[Event]:
    """The scores with a watermark an hour; what is published twice comes twice."""
    yield passed(FROM_MS)
    for since_ms, until_ms in pairwise(range(FROM_MS, UNTIL_MS + 1, HOUR)):
        new = [event for event in scores if T0 + since_ms <= event.known_time_ms < T0 + until_ms]
        yield from [*new, *new[::7], passed(until_ms)]


def test_recorded_articles_make_the_same_rows_live_and_in_batch(recorded_data: Path) -> None:
    opened = open_named(["vader", "textblob"], {}).scorers
    ids = tuple(ScorerId(scorer.id.name, scorer.id.hash) for scorer in opened)
    taken = [
        each
        for each in recorded_articles(recorded_data)
        if T0 + FROM_MS <= each.published_ms + ASSUMED_MS < T0 + UNTIL_MS
    ]
    scores = list(scores_of(taken, opened))
    credibility = {"cointelegraph.com": 0.7}
    operator = NewsOperator([NewsSet(asset="BTC", scorers=ids, credibility=credibility)])
    made = [output.event for event in logged(scores) for output in operator.step(NEWS_SENTIMENT, event)]
    rows = [event for event in made if isinstance(event, NewsFeaturesComputed)]
    assert len(rows) == (UNTIL_MS - FROM_MS) // MINUTE + 1
    times = np.array([row.event_time_ms for row in rows], dtype=np.int64)
    batch = news_table(scores, asset="BTC", scorers=ids, credibility=credibility, as_of_ms=times)
    values = np.array([nan_from_null(row.values.values()) for row in rows])
    assert values.tobytes() == batch.values.tobytes()
    assert [row.n_articles for row in rows] == batch.n_articles.tolist()
    full = batch.values[-5 * 1_440 :]
    assert np.isfinite(full).mean() > 0.85
    assert batch.n_articles[-1] > 1_000

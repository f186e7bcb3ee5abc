"""Scores of articles as events: what of an article is read, and what is stated of it.

The agent and the trainers share this module, so that an article has the same scores live and in an evaluation.
"""

import math
from collections.abc import Iterator, Sequence

from schemas.events import ArticlePublished, SentimentScored
from schemas.scorers import ScorerId
from stream_processors.sentiment.ports import PreparedText, Refusal, Scored, Scorer
from stream_processors.sentiment.preparing import prepare
from stream_processors.sentiment.sketches import sketch

_BATCH = 256


def body_of(article: ArticlePublished) -> str | None:
    """Return what is read of an article besides its title: its text if there is one, else its summary."""
    return article.summary if article.text is None else article.text


def sketch_of(article: ArticlePublished, text: PreparedText | Refusal) -> str:
    """Return the sketch of the words that were read, or of the whole article if it was refused."""
    return sketch(
        " ".join((article.title, body_of(article) or "")) if isinstance(text, Refusal) else text.text
    )


def score_event(
    article: ArticlePublished, scorer: ScorerId, scored: Scored | Refusal, words_sketch: str
) -> SentimentScored:
    """Return the event that states a score, or why there is none.

    Args:
        article: The article.
        scorer: The scorer.
        scored: Its score, or why it has none.
        words_sketch: See :func:`sketch_of`.
    """
    is_refused = isinstance(scored, Refusal)
    given = Scored(math.nan) if isinstance(scored, Refusal) else scored
    return SentimentScored(
        event_time_ms=article.event_time_ms,
        known_time_ms=article.known_time_ms,
        source=article.source,
        stream=article.stream,
        asset=article.asset,
        article_id=article.article_id,
        version=article.version,
        scorer=scorer.name,
        scorer_hash=scorer.hash,
        negative=given.negative,
        neutral=given.neutral,
        positive=given.positive,
        score=None if is_refused else given.score,
        refusal=scored.sentence if isinstance(scored, Refusal) else None,
        sketch=words_sketch,
        is_known_time_assumed=article.is_known_time_assumed,
    )


def article_scores(
    articles: Sequence[ArticlePublished], scorers: Sequence[Scorer]
) -> Iterator[SentimentScored]:
    """Yield the scores of articles by every scorer, in the order of the articles.

    Args:
        articles: The articles, each with the asset that its record is about.
        scorers: The scorers.
    """
    for begin in range(0, len(articles), _BATCH):
        part = articles[begin : begin + _BATCH]
        texts = [prepare(each.title, body_of(each), each.language, each.asset) for each in part]
        read = list(dict.fromkeys(text for text in texts if isinstance(text, PreparedText)))
        found = [dict(zip(read, scorer.score(read), strict=True)) if read else {} for scorer in scorers]
        for article, text in zip(part, texts, strict=True):
            words_sketch = sketch_of(article, text)
            for scorer, scores in zip(scorers, found, strict=True):
                scored = text if isinstance(text, Refusal) else scores[text]
                yield score_event(article, scorer.id, scored, words_sketch)

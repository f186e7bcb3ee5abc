"""News features from stored scores: the batch driver of :mod:`.news_kernel`.

A row follows from the scores that were known before it, so nothing that was known later can change it. The rows are those
that the live job made at the same minutes, to the bit, unless a score came after the watermark that had vouched for its
time. The live job makes no rows while news is absent.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from schemas.events import SentimentScored
from schemas.features import NewsFeatureTable
from schemas.scorers import ScorerId
from stream_processors.features.news_declarations import news_spec
from stream_processors.features.news_texts import NewsScore, NewsTexts, news_score

_NEVER_MS = -(2**62)


def news_table(
    scores: Iterable[SentimentScored],
    *,
    asset: str,
    scorers: Sequence[ScorerId],
    credibility: Mapping[str, float],
    as_of_ms: NDArray[np.int64],
) -> NewsFeatureTable:
    """Return the news features of an asset at the ends of minutes.

    Args:
        scores: Scores in any order, repeats included; those of other assets and scorers are left out. A row needs those of
            the seven days before it.
        asset: The asset.
        scorers: The scorers whose features are made, in the order of their columns.
        credibility: The credibility of sources, by name; 1 for a source that is not named.
        as_of_ms: Shape (n,), strictly increasing: the times of the rows, which are the ends of minutes.

    Raises:
        ValueError: If the times do not increase.
    """
    if np.any(np.diff(as_of_ms) <= 0):
        message = "the times of the rows must be strictly increasing"
        raise ValueError(message)
    spec = news_spec(scorers, credibility)
    texts = NewsTexts(scorers, credibility)
    for (_, article_id, version), found in sorted(_by_text(scores, asset).items()):
        texts.put(article_id, version, found)
    n_articles, values = texts.rows(np.ascontiguousarray(as_of_ms, dtype=np.int64))
    return NewsFeatureTable(
        names=spec.names,
        feature_spec_hash=spec.hash,
        as_of_ms=as_of_ms,
        n_articles=n_articles,
        values=values,
    )


def warm_up_news() -> None:
    """Compile the kernel once; numba keeps the compiled code in its cache folder."""
    NewsTexts([ScorerId("none", "0" * 16)], {}).rows(np.zeros(1, dtype=np.int64))


def _by_text(
    scores: Iterable[SentimentScored], asset: str
) -> Mapping[tuple[int, str, int], Sequence[NewsScore]]:
    """The scores of each text, each scorer once, by the known time of the first."""
    found: dict[tuple[str, int], dict[tuple[str, str], NewsScore]] = defaultdict(dict)
    for event in scores:
        if event.asset == asset:
            by_scorer = found[(event.article_id, event.version)]
            by_scorer.setdefault((event.scorer, event.scorer_hash), news_score(event, closed_ms=_NEVER_MS))
    return {
        (min(score.known_ms for score in texts.values()), *text): list(texts.values())
        for text, texts in found.items()
    }

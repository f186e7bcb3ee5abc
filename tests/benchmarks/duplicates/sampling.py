"""Draws the pairs that were judged: 20 of each tenth of a similarity that the operator does not use.

The similarity is the cosine of weighted character n-grams (3 to 5, inside of words) of title and summary together. Pairs are of articles
that were published within 72 hours of each other. Within each tenth all pairs are equally likely.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from tests.benchmarks.duplicates.articles import RecordedArticle

SEED = 20_261_130
WINDOW_MS = 72 * 3_600_000
N_BINS = 10
PER_BIN = 20
_ROWS = 300


class SampledPair(NamedTuple):
    """Two articles, the earlier one first."""

    first: RecordedArticle
    second: RecordedArticle
    cosine: float


def sampled_pairs(articles: Sequence[RecordedArticle]) -> list[SampledPair]:
    """Return the sample, from the least similar tenth to the most similar one.

    Args:
        articles: In the order of their published times.
    """
    texts = [f"{article.title} {article.summary}".lower() for article in articles]
    vectors = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), min_df=2, sublinear_tf=True, dtype=np.float32
    ).fit_transform(texts)
    times = np.array([article.published_ms for article in articles])
    chance = np.random.default_rng(SEED)
    kept: list[list[tuple[float, int, int, float]]] = [[] for _ in range(N_BINS)]
    for begin in range(0, len(articles), _ROWS):
        end = min(begin + _ROWS, len(articles))
        reach = int(np.searchsorted(times, times[end - 1] + WINDOW_MS, "right"))
        cosines = (vectors[begin:end] @ vectors[begin:reach].T).toarray()
        rows, columns = np.nonzero(
            (np.arange(begin, reach)[None, :] > np.arange(begin, end)[:, None])
            & (times[None, begin:reach] - times[begin:end, None] <= WINDOW_MS)
        )
        values = cosines[rows, columns]
        bins = np.clip((values * N_BINS).astype(int), 0, N_BINS - 1)
        priorities = chance.random(len(values))
        for number in range(N_BINS):
            which = np.flatnonzero(bins == number)
            which = which[np.argsort(priorities[which])[:PER_BIN]]
            kept[number] += [
                (float(priorities[i]), begin + int(rows[i]), begin + int(columns[i]), float(values[i]))
                for i in which
            ]
            kept[number] = sorted(kept[number])[:PER_BIN]
    return [SampledPair(articles[i], articles[j], cosine) for each in kept for _, i, j, cosine in each]

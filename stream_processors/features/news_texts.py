"""The texts of one asset as columns for the kernel, sorted by when they were known.

A text is one version of an article, with the scores that scorers gave it. Its times, its source and its sketch are those of the
score that came first; where several came at once, of the first scorer in the order of the columns. So the columns do not
depend on the order in which the scores came. A text whose source has no credibility is left out.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.events import SentimentScored
from schemas.scorers import ScorerId
from stream_processors.features.news_kernel import (
    ARTICLE,
    CREDIBILITY,
    KNOWN,
    NEAREST,
    NEVER_MS,
    REPLACED,
    SCORED,
    SCORES,
    SKETCH,
    UNUSED,
    VISIBLE,
    run_news,
    width_of,
)

_FEW = 16
_SIGN = 1 << 63


class NewsScore(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One score as the features need it.

    Attributes:
        scorer: The name of the scorer.
        scorer_hash: Its version.
        known_ms: When the text was known.
        visible_ms: From when on rows may use it; later than ``known_ms`` if it came late.
        source: The source of the article.
        sketch: The sketch of the text as a signed number of 64 bits.
        score: The score; None if the text was refused.
    """

    scorer: str
    scorer_hash: str
    known_ms: int
    visible_ms: int
    source: str
    sketch: int
    score: float | None


def news_score(event: SentimentScored, *, closed_ms: int) -> NewsScore:
    """Return a score as the features need it.

    Args:
        event: The score.
        closed_ms: All rows up to this time were made before it came, so none of them may use it.
    """
    bits = int(event.sketch, 16)
    return NewsScore(
        scorer=event.scorer,
        scorer_hash=event.scorer_hash,
        known_ms=event.known_time_ms,
        visible_ms=max(event.known_time_ms, closed_ms),
        source=event.source,
        sketch=bits - 2 * _SIGN if bits >= _SIGN else bits,
        score=event.score,
    )


#: The place of a text among the texts: its known time, its article and its version.
_Place = tuple[int, str, int]


class NewsTexts:
    """The texts of one asset.

    Args:
        scorers: The scorers in the order of their columns. Scores of others are left out.
        credibility: The credibility of sources, by name; 1 for a source that is not named.
    """

    def __init__(self, scorers: Sequence[ScorerId], credibility: Mapping[str, float]) -> None:
        self._columns = {(scorer.name, scorer.hash): column for column, scorer in enumerate(scorers)}
        self._credibility = credibility
        self._first = 0
        self._places: list[_Place] = []
        self._versions: dict[str, dict[int, _Place]] = {}
        self._numbers_of: dict[str, int] = {}
        self._n_articles = 0
        self._whole = np.zeros((SCORED + len(scorers), _FEW), dtype=np.int64)
        self._numbers = np.zeros((SCORES + len(scorers), _FEW))

    def __len__(self) -> int:
        """Return the number of texts."""
        return len(self._places)

    def put(self, article_id: str, version: int, scores: Sequence[NewsScore]) -> None:
        """Take a text in, or its further scores.

        Args:
            article_id: The article.
            version: The version of the article.
            scores: All its scores so far, each scorer once.
        """
        found = sorted(self._among(scores))
        if not found:
            return
        first = found[0][2]
        if self._credibility.get(first.source, 1.0) == 0.0:
            return
        place = (first.known_ms, article_id, version)
        before = self._versions.get(article_id, {}).get(version)
        if before != place:
            if before is not None:
                self._remove(before)
            self._insert(place)
        self._write(place, first, {column: score for _, column, score in found})
        self._link(article_id)

    def _among(self, scores: Sequence[NewsScore]) -> Iterator[tuple[int, int, NewsScore]]:
        """Yield the scores of the scorers of the set; no two have the same column."""
        for score in scores:
            column = self._columns.get((score.scorer, score.scorer_hash))
            if column is not None:
                yield score.visible_ms, column, score

    def _insert(self, place: _Place) -> None:
        """Make room for a text among the columns."""
        self._make_room()
        at, last = self._first + bisect_left(self._places, place), self._first + len(self._places)
        for columns in (self._whole, self._numbers):
            columns[:, at + 1 : last + 1] = columns[:, at:last]
        self._places.insert(at - self._first, place)
        known_ms, article_id, version = place
        self._versions.setdefault(article_id, {})[version] = place
        if article_id not in self._numbers_of:
            self._numbers_of[article_id] = self._n_articles
            self._n_articles += 1
        self._whole[:, at] = NEVER_MS
        self._whole[KNOWN, at], self._whole[ARTICLE, at] = known_ms, self._numbers_of[article_id]
        self._whole[NEAREST, at] = UNUSED
        self._numbers[:, at] = np.nan

    def _make_room(self) -> None:
        """Move the columns to the beginning, or into arrays twice as long, if there is no place after the last."""
        last, n = self._first + len(self._places), len(self._places)
        if last < self._whole.shape[1]:
            return
        length = max(_FEW, 2 * n)
        self._whole = _moved(self._whole, self._first, last, length)
        self._numbers = _moved(self._numbers, self._first, last, length)
        self._first = 0

    def _remove(self, place: _Place) -> None:
        """Take a text out of the columns."""
        at, last = self._at(place), self._first + len(self._places)
        for columns in (self._whole, self._numbers):
            columns[:, at : last - 1] = columns[:, at + 1 : last]
        del self._places[at - self._first]
        self._forget(place)

    def _forget(self, place: _Place) -> None:
        _, article_id, version = place
        versions = self._versions[article_id]
        del versions[version]
        if not versions:
            del self._versions[article_id], self._numbers_of[article_id]

    def _at(self, place: _Place) -> int:
        return self._first + bisect_left(self._places, place)

    def _write(self, place: _Place, first: NewsScore, scores: Mapping[int, NewsScore]) -> None:
        at = self._at(place)
        self._whole[VISIBLE, at], self._whole[SKETCH, at] = first.visible_ms, first.sketch
        self._numbers[CREDIBILITY, at] = self._credibility.get(first.source, 1.0)
        for column, score in scores.items():
            self._whole[SCORED + column, at] = score.visible_ms
            self._numbers[SCORES + column, at] = np.nan if score.score is None else score.score

    def _link(self, article_id: str) -> None:
        """Note for each version of an article when a newer one became visible."""
        replaced_ms = NEVER_MS
        by_age = sorted((known_ms, version) for known_ms, _, version in self._versions[article_id].values())
        for known_ms, version in reversed(by_age):
            at = self._at((known_ms, article_id, version))
            self._whole[REPLACED, at] = replaced_ms
            replaced_ms = min(replaced_ms, int(self._whole[VISIBLE, at]))

    def drop_until(self, known_ms: int) -> None:
        """Let go of the texts that were known at a time or before."""
        n_gone = bisect_left(self._places, (known_ms + 1, "", 0))
        for place in self._places[:n_gone]:
            self._forget(place)
        del self._places[:n_gone]
        self._first += n_gone

    def rows(self, times_ms: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the number of articles and the features at the ends of minutes.

        Args:
            times_ms: Shape (n,), strictly increasing, and not before a time of an earlier call.

        Returns:
            Shapes (n,) and (n, k).
        """
        n_articles = np.empty(len(times_ms), dtype=np.int64)
        values = np.empty((len(times_ms), width_of(len(self._columns))))
        last = self._first + len(self._places)
        run_news(times_ms, self._first, last, self._whole, self._numbers, n_articles, values)
        return n_articles, values


def _moved(columns: NDArray[Any], first: int, last: int, length: int) -> NDArray[Any]:
    found = np.zeros((columns.shape[0], length), dtype=columns.dtype)
    found[:, : last - first] = columns[:, first:last]
    return found

"""Reads the newest features of the news about an asset, and what scorers said of the articles of each source."""

from typing import Annotated

from fastapi import Depends

from api.reading.guarded import FoundEvent, GuardedHistory, NewestEvents
from api.reading.parts import part
from schemas.scorers import SourceScores
from schemas.topics import FEATURES_NEWS
from schemas.wire.postgres.news import StoredNews
from schemas.wire.redis import news_key
from stream_processors.features.news_declarations import NEGATIVE_UNTIL


class NewsReader:
    """Reads the news features and the scores of one run.

    Args:
        newest: Reads the newest event of a view.
        history: The history in Postgres.
        stream: The run that is served.
    """

    def __init__(self, newest: NewestEvents, history: GuardedHistory, *, stream: str) -> None:
        self._newest = newest
        self._history = history
        self._news = StoredNews(history.pool)
        self._stream = stream

    def features(self, asset: str) -> FoundEvent | None:
        """Return the newest features of the news about an asset, or None.

        Raises:
            StoreUnavailableError: If Redis has none and Postgres does not answer.
        """
        return self._newest.read(
            news_key(self._stream, asset),
            FEATURES_NEWS,
            lambda: self._news.newest_features(self._stream, asset=asset),
        )

    def by_source(self, *, within_ms: int) -> list[SourceScores]:
        """Return what each scorer said of the articles of each source lately.

        Args:
            within_ms: So long before the newest known time of a score.
        """
        with self._history.asked():
            return self._news.by_source(self._stream, within_ms=within_ms, negative_until=NEGATIVE_UNTIL)


NewsPart = Annotated[NewsReader, Depends(part(NewsReader))]

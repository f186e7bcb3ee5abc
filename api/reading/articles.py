"""Reads the articles of a run, and which of them are copies."""

from collections.abc import Collection
from typing import Annotated, Any

from fastapi import Depends

from api.reading.guarded import GuardedHistory
from api.reading.parts import part
from schemas.events import ArticleLinked, ArticlePublished
from schemas.wire.postgres.articles import StoredArticles


class ArticleReader:
    """Reads the articles of one run.

    Args:
        history: The history in Postgres.
        stream: The run that is served.
    """

    def __init__(self, history: GuardedHistory, *, stream: str) -> None:
        self._history = history
        self._articles = StoredArticles(history.pool)
        self._stream = stream

    def newest(self, *, limit: int, **chosen: Any) -> list[ArticlePublished]:
        """Return the newest version of articles, the one that was published last first.

        Args:
            limit: The largest number of articles that is returned.
            chosen: Which ones, as :meth:`StoredArticles.articles` takes it.
        """
        with self._history.asked():
            return self._articles.articles(self._stream, limit=limit, **chosen)

    def links(self, article_ids: Collection[str]) -> list[ArticleLinked]:
        """Return the links of articles, as copies and as originals."""
        with self._history.asked():
            return self._articles.links(self._stream, article_ids)


ArticlesPart = Annotated[ArticleReader, Depends(part(ArticleReader))]

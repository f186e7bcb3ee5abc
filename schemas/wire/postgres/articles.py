"""The stored articles of runs: what is known already, what was published when, and the newest version of each."""

from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

import msgspec

from schemas.events import ArticleLinked, ArticlePublished
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.tables import TABLES

_COLUMNS = TABLES[ArticlePublished].columns
_IS_NEWEST = (
    "NOT EXISTS (SELECT 1 FROM articles later WHERE later.stream = found.stream "
    "AND later.article_id = found.article_id AND later.version > found.version)"
)


class KnownArticle(NamedTuple):
    """A stored version of an article, with what tells it from other versions.

    Attributes:
        known_time_ms: When this version was first seen.
    """

    article_id: str
    version: int
    content_hash: str
    modified_ms: int | None
    known_time_ms: int
    url: str
    summary: str | None
    source: str


class ArticlePlace(NamedTuple):
    """Where a page of articles ends: the next page begins before it."""

    event_time_ms: int
    article_id: str


class StoredArticles:
    """Reads the articles of runs. Each version is stored once, however many assets it mentions."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def known(
        self, stream: str, *, source: str | None = None, article_ids: Collection[str] | None = None
    ) -> list[KnownArticle]:
        """Return every stored version of articles, by article and version.

        A collector that starts again needs all of them: a cache of the publisher may still give an earlier version, which
        is not a new one.

        Args:
            stream: The run.
            source: Only articles of this source; None for all.
            article_ids: Only these; None for all.
        """
        rows = self._pool.rows(
            f"SELECT {', '.join(KnownArticle._fields)} FROM articles WHERE stream = %s "
            "AND (%s::text IS NULL OR source = %s) AND (%s::text[] IS NULL OR article_id = ANY(%s)) "
            "ORDER BY article_id, version",
            (stream, *[source] * 2, *[None if article_ids is None else list(article_ids)] * 2),
        )
        return [KnownArticle(*row) for row in rows]

    def articles(
        self,
        stream: str,
        *,
        limit: int,
        asset: str | None = None,
        source: str | None = None,
        from_ms: int | None = None,
        until_ms: int | None = None,
        before: ArticlePlace | None = None,
    ) -> list[ArticlePublished]:
        """Return the newest version of articles, the article that was published last first.

        Args:
            stream: The run.
            limit: The most that are returned.
            asset: Only articles that mention it, ``MARKET`` being those that mention no coin; None for all.
            source: Only articles of this source; None for all.
            from_ms: The earliest published time; None for all.
            until_ms: The published time before which all lie; None for all.
            before: Only articles that come after this place in the order of this list; None for the first page.

        Returns:
            Events whose ``asset`` is the one that was asked for, else the first that the article mentions.
        """
        conditions = ["found.stream = %(stream)s", _IS_NEWEST]
        stated = {
            "found.source = %(source)s": source,
            "found.event_time_ms >= %(from_ms)s": from_ms,
            "found.event_time_ms < %(until_ms)s": until_ms,
            "(found.event_time_ms, found.article_id) < (%(before_ms)s, %(before_id)s)": before,
            "found.assets @> ARRAY[%(asset)s]": asset,
        }
        conditions += [condition for condition, value in stated.items() if value is not None]
        before_ms, before_id = before or (None, None)
        rows = self._pool.dicts(
            f"SELECT {_columns('found')} FROM articles found WHERE {' AND '.join(conditions)} "
            "ORDER BY found.event_time_ms DESC, found.article_id DESC LIMIT %(limit)s",
            {
                "stream": stream, "source": source, "from_ms": from_ms, "until_ms": until_ms, "before_ms": before_ms,
                "before_id": before_id, "asset": asset, "limit": limit,
            },
        )  # fmt: skip
        return [_article(row, asset) for row in rows]

    def versions(self, stream: str, article_id: str) -> list[ArticlePublished]:
        """Return every stored version of an article, the first one first."""
        rows = self._pool.dicts(
            f"SELECT {_columns('articles')} FROM articles WHERE stream = %s AND article_id = %s ORDER BY version",
            (stream, article_id),
        )
        return [_article(row, None) for row in rows]

    def links(self, stream: str, article_ids: Collection[str]) -> list[ArticleLinked]:
        """Return the stored links of some articles, as copies and as originals, by article and version."""
        rows = self._pool.dicts(
            "SELECT * FROM article_links WHERE stream = %(stream)s AND (article_id = ANY(%(ids)s) "
            "OR first_article_id = ANY(%(ids)s)) ORDER BY article_id, version",
            {"stream": stream, "ids": list(article_ids)},
        )
        return [msgspec.convert(row, ArticleLinked) for row in rows]

    def published(self, stream: str, *, from_known_ms: int) -> Iterator[ArticlePublished]:
        """Yield the stored versions in the order in which they were first seen, one event for each asset.

        Args:
            stream: The run.
            from_known_ms: The earliest known time.
        """
        query = (
            f"SELECT {', '.join(_COLUMNS)} FROM articles WHERE stream = %s AND known_time_ms >= %s "
            "ORDER BY known_time_ms, article_id, version"
        )
        with self._pool.connection() as connection, connection.cursor("published") as cursor:
            cursor.itersize = 1_000
            cursor.execute(query, (stream, from_known_ms))
            for values in cursor:
                row = dict(zip(_COLUMNS, values, strict=True))
                for asset in row["assets"]:
                    yield _article(row, asset)


def _columns(table: str) -> str:
    return ", ".join(f"{table}.{column}" for column in _COLUMNS)


def _article(row: dict[str, Any], asset: str | None) -> ArticlePublished:
    return msgspec.convert(row | {"asset": row["assets"][0] if asset is None else asset}, ArticlePublished)

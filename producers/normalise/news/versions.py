"""Decides whether a reading of an article is new, a new version, or known already.

Another content of a known article is a new version. A content that the article had before is none: the servers of
publishers hand out old copies for hours, and each flip would make a version. It is one only if the publisher says that
the article was changed later than any version that we know::

    contents   A    B    A    B    A    C    A, changed later than C
    versions   0    1    -    -    -    2    3
"""

from collections.abc import Iterable

import msgspec

from producers.normalise.news.addresses import comparable
from producers.normalise.news.articles import ArticleSeen, Reading, summary_of, version_of
from producers.normalise.news.texts import hash_of_words, title_part


class KnownVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an article that was published.

    Attributes:
        article_id: The article.
        version: Its number.
        content_hash: The hash of its content.
        modified_ms: When the publisher said that it was changed; None if he did not.
        first_seen_ms: When it was first seen.
        url: The canonical address under which it was published.
        summary: The summary with which it was published.
    """

    article_id: str
    version: int
    content_hash: str
    modified_ms: int | None
    first_seen_ms: int
    url: str
    summary: str | None = None


class KnownArticle(msgspec.Struct):
    """What is known of an article over all its versions."""

    article_id: str
    url: str
    first_seen_ms: int
    hashes: set[str] = msgspec.field(default_factory=set)
    summaries: set[str] = msgspec.field(default_factory=set)
    newest_version: int = -1
    newest_modified_ms: int | None = None

    def add(self, version: KnownVersion) -> None:
        """Add a version of it."""
        self.hashes.add(version.content_hash)
        self.summaries.add(hash_of_words(version.summary or ""))
        self.newest_version = max(self.newest_version, version.version)
        self.first_seen_ms = min(self.first_seen_ms, version.first_seen_ms)
        times = [ms for ms in (self.newest_modified_ms, version.modified_ms) if ms is not None]
        self.newest_modified_ms = max(times, default=None)

    def has_title(self, title: str) -> bool:
        """Whether a version of it has this title."""
        part = hash_of_words(title)
        return any(title_part(content) == part for content in self.hashes)

    def has_summary(self, summary: str) -> bool:
        """Whether a version of it has this summary."""
        return hash_of_words(summary_of(summary)) in self.summaries

    def is_new(self, reading: Reading) -> bool:
        """Whether a reading is a version that is not known yet."""
        if reading.content_hash not in self.hashes:
            return True
        newest, stated = self.newest_modified_ms, reading.modified_ms
        is_only_content = len(self.hashes) == 1
        return not is_only_content and newest is not None and stated is not None and stated > newest


class ArticleVersions:
    """The articles that are known, by what their addresses have in common."""

    def __init__(self) -> None:
        self._articles: dict[str, KnownArticle] = {}

    def __len__(self) -> int:
        """Return how many articles are known."""
        return len(self._articles)

    def restore(self, known: Iterable[KnownVersion]) -> None:
        """Take versions that were published before, in any order; a repeated one changes nothing."""
        for version in known:
            key = comparable(version.url)
            article = self._articles.get(key)
            if article is None:
                article = self._articles[key] = KnownArticle(
                    version.article_id, version.url, version.first_seen_ms
                )
            article.add(version)

    def confirm(self, articles: Iterable[ArticleSeen]) -> None:
        """Take versions that are published now."""
        self.restore(
            KnownVersion(
                article_id=each.article_id,
                version=each.version,
                content_hash=each.content_hash,
                modified_ms=each.modified_ms,
                first_seen_ms=each.first_seen_ms,
                url=each.url,
                summary=each.summary,
            )
            for each in articles
        )

    def of(self, url: str) -> KnownArticle | None:
        """Return what is known of the article at an address, or None if it is not known."""
        return self._articles.get(comparable(url))

    def seen(
        self, reading: Reading, *, source: str, now_ms: int, may_pass_on_text: bool
    ) -> ArticleSeen | None:
        """Return the version that a reading is, or None if it is known already.

        A known article keeps the address under which it was published first.

        Args:
            reading: The article, as it was read now.
            source: The source that it was read from.
            now_ms: When it was read.
            may_pass_on_text: Whether the terms of the source let subscribers have the whole text.
        """
        known = self.of(reading.url)
        if known is not None and not known.is_new(reading):
            return None
        return version_of(
            reading,
            source=source,
            article_id=reading.article_id if known is None else known.article_id,
            version=0 if known is None else known.newest_version + 1,
            url=reading.url if known is None else known.url,
            text=reading.text if may_pass_on_text else None,
            first_seen_ms=now_ms,
        )

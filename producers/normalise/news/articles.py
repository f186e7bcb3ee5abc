"""An article as it was read, and the events that it becomes.

What a feed and a page state about one article is a :class:`Reading`. It becomes an :class:`ArticleSeen` once it is known
to be a new article or a new version of one, and that becomes one ``ArticlePublished`` for each asset.
"""

from collections.abc import Iterable

import msgspec

from producers.normalise.news.addresses import article_id_of
from producers.normalise.news.rules import ItemRefusedError, Rule
from producers.normalise.news.texts import (
    LONGEST_AUTHOR,
    LONGEST_SUMMARY,
    LONGEST_TEXT,
    LONGEST_TITLE,
    clean_categories,
    clean_line,
    clean_text,
    content_hash,
    without_ending,
    without_frames,
)
from producers.normalise.news.times import StatedTime, check_published
from schemas.events import ArticlePublished
from schemas.mentions import assets_of

__all__ = ["ArticleSeen", "Reading", "events_of", "reading_of", "summary_of"]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """The content of an article, as it was read once.

    Attributes:
        url: The canonical address.
        title: The title.
        text: The main text, whatever the terms of the source; None if it was not read.
        summary: What the feed says of the article.
        author: The authors, separated by commas.
        categories: The publisher's categories and tags.
        assets: The coins that it mentions, or ``MARKET``.
        language: The language, such as ``en``.
        published: When it was published.
        modified_ms: When it was last changed, as the publisher says.
        content_hash: The hash of the title, and of the text or, without one, of the summary.
    """

    url: str
    title: str
    text: str | None
    summary: str | None
    author: str | None
    categories: tuple[str, ...]
    assets: tuple[str, ...]
    language: str | None
    published: StatedTime
    modified_ms: int | None
    content_hash: str

    @property
    def article_id(self) -> str:
        """The id of the article, which follows from its address."""
        return article_id_of(self.url)


class ArticleSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One version of an article, to be published; the fields are those of ``ArticlePublished``.

    Attributes:
        text: None if the terms of the source do not let us pass it on.
        first_seen_ms: When this version was first seen.
    """

    source: str
    article_id: str
    version: int
    url: str
    title: str
    text: str | None
    summary: str | None
    author: str | None
    categories: tuple[str, ...]
    assets: tuple[str, ...]
    language: str | None
    published_ms: int
    published_zone: str | None
    modified_ms: int | None
    content_hash: str
    first_seen_ms: int


def reading_of(
    *,
    url: str,
    title: str,
    published: StatedTime,
    now_ms: int,
    text: str | None = None,
    summary: str | None = None,
    author: str | None = None,
    categories: Iterable[str] = (),
    language: str | None = None,
    modified: StatedTime | None = None,
) -> Reading:
    """Return a cleaned reading of an article.

    Args:
        url: The canonical address.
        title: The title, as plain text.
        published: When it was published.
        now_ms: When it was read.
        text: The main text, as plain text with a paragraph on each line.
        summary: The summary, as plain text.
        author: The authors.
        categories: The categories and tags.
        language: The language.
        modified: When it was last changed; a time that cannot be true is left out.

    Raises:
        ItemRefusedError: If it has no title, or cannot have been published at that time.
    """
    check_published(published.ms, now_ms=now_ms)
    name = clean_line(title, LONGEST_TITLE)
    if not name:
        message = f"expected the title of an article, found none at {url}"
        raise ItemRefusedError(Rule.TITLE, message)
    body = without_frames(clean_text(text, LONGEST_TEXT)) if text else ""
    brief = summary_of(summary)
    tags = clean_categories(categories)
    return Reading(
        url=url,
        title=name,
        text=body or None,
        summary=brief or None,
        author=clean_line(author, LONGEST_AUTHOR) or None if author else None,
        categories=tags,
        assets=assets_of((name, brief, body, *tags)),
        language=language,
        published=published,
        modified_ms=_believable(modified, published, now_ms),
        content_hash=content_hash(name, body or brief),
    )


def summary_of(text: str | None) -> str:
    """Return the summary that is published: some feeds put the whole article there, so it is cut at 500 characters.

    Args:
        text: The summary of a feed or the description of a page, as plain text.
    """
    lines = (without_ending(line) for line in clean_text(text).splitlines()) if text else ()
    return clean_text(" ".join(line for line in lines if line), LONGEST_SUMMARY)


def _believable(modified: StatedTime | None, published: StatedTime, now_ms: int) -> int | None:
    if modified is None:
        return None
    try:
        check_published(modified.ms, now_ms=now_ms)
    except ItemRefusedError:
        return None
    return modified.ms if modified.ms > published.ms else None


def events_of(article: ArticleSeen, *, stream: str) -> tuple[ArticlePublished, ...]:
    """Return the events of an article: one for each asset, which differ in the asset alone.

    Args:
        article: The version to publish.
        stream: The run, such as ``live``.
    """
    return tuple(
        ArticlePublished(
            event_time_ms=article.published_ms,
            known_time_ms=article.first_seen_ms,
            source=article.source,
            stream=stream,
            asset=asset,
            article_id=article.article_id,
            version=article.version,
            url=article.url,
            title=article.title,
            text=article.text,
            summary=article.summary,
            author=article.author,
            categories=article.categories,
            assets=article.assets,
            language=article.language,
            published_zone=article.published_zone,
            modified_ms=article.modified_ms,
            content_hash=article.content_hash,
        )
        for asset in article.assets
    )


def version_of(
    reading: Reading,
    *,
    source: str,
    article_id: str,
    version: int,
    url: str,
    text: str | None,
    first_seen_ms: int,
) -> ArticleSeen:
    """Return a reading as one version of an article.

    Args:
        reading: What was read.
        source: The source that it was read from.
        article_id: The id of the article.
        version: The number of the version, from 0.
        url: The address under which the article was published first.
        text: The text that may be passed on; None if there is none.
        first_seen_ms: When this version was first seen.
    """
    return ArticleSeen(
        source=source,
        article_id=article_id,
        version=version,
        url=url,
        title=reading.title,
        text=text,
        summary=reading.summary,
        author=reading.author,
        categories=reading.categories,
        assets=reading.assets,
        language=reading.language,
        published_ms=reading.published.ms,
        published_zone=reading.published.zone,
        modified_ms=reading.modified_ms,
        content_hash=reading.content_hash,
        first_seen_ms=first_seen_ms,
    )

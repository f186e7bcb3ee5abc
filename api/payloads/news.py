"""The payloads of articles."""

from collections.abc import Iterable

from pydantic import Field

from api.payloads.shared import Payload
from schemas.events import ArticleLinked, ArticlePublished
from schemas.streams import StreamKind
from schemas.time import text_of_time


class CopyPayload(Payload):
    """Says of which article an article is a copy."""

    article_id: str = Field(description="The article that was seen first.")
    similarity: float = Field(description="The estimated Jaccard similarity of their texts, from 0 to 1.")
    is_exact: bool


class ArticlePayload(Payload):
    """The newest version of an article."""

    article_id: str = Field(examples=["0123456789abcdef01234567"])
    version: int = Field(description="0 for the content that was seen first; each correction counts up.")
    source: str = Field(examples=["coindesk"])
    url: str
    title: str
    summary: str | None
    text: str | None = Field(
        description="Null if the terms of the publisher do not allow it to be passed on."
    )
    author: str | None
    categories: list[str]
    assets: list[str] = Field(
        description="The coins that it mentions, or `MARKET` alone.", examples=[["BTC", "ETH"]]
    )
    language: str | None = Field(examples=["en"])
    published_ms: int
    published: str = Field(examples=["2025-06-01T00:00:00.000Z"])
    published_zone: str | None = Field(
        description="The offset from UTC that the page states; null if it states none, and UTC was assumed.",
    )
    modified_ms: int | None
    known_time_ms: int = Field(description="When this version was first seen.")
    copy_of: CopyPayload | None = Field(description="Null if it is no copy of an earlier article.")


class ArticlesPayload(Payload):
    """A page of articles, the one that was published last first."""

    stream: str
    stream_kind: StreamKind
    items: list[ArticlePayload]
    next: str | None = Field(description="The path of the following, older page; null on the last one.")


def article_payloads(
    articles: Iterable[ArticlePublished], links: Iterable[ArticleLinked]
) -> list[ArticlePayload]:
    """Return the answers for articles.

    Args:
        articles: The articles.
        links: Links of any of their versions; that of the version counts.
    """
    of_copy = {(link.article_id, link.version): link for link in links}
    return [_payload(article, of_copy.get((article.article_id, article.version))) for article in articles]


def _payload(article: ArticlePublished, link: ArticleLinked | None) -> ArticlePayload:
    return ArticlePayload(
        article_id=article.article_id,
        version=article.version,
        source=article.source,
        url=article.url,
        title=article.title,
        summary=article.summary,
        text=article.text,
        author=article.author,
        categories=list(article.categories),
        assets=list(article.assets),
        language=article.language,
        published_ms=article.event_time_ms,
        published=text_of_time(article.event_time_ms, "iso"),
        published_zone=article.published_zone,
        modified_ms=article.modified_ms,
        known_time_ms=article.known_time_ms,
        copy_of=None
        if link is None
        else CopyPayload(
            article_id=link.first_article_id, similarity=link.similarity, is_exact=link.is_exact
        ),
    )

"""News: articles as their publishers wrote them, and which of them are copies of others.

A publisher corrects articles. Each other content is a version of its own, and nothing that was published is
overwritten.
"""

from typing import Annotated

from msgspec import Meta

from schemas.events.facts import Event, Name, Probability, Revision, TimeMs, Url

#: The asset of an article that mentions no coin.
WHOLE_MARKET = "MARKET"
#: The first 24 hexadecimal digits of the SHA-256 of the canonical address.
ArticleId = Annotated[str, Meta(pattern="^[0-9a-f]{24}$")]
Title = Annotated[str, Meta(min_length=1, max_length=1_000)]
#: A message of the log holds at most 1 MB, and a character takes up to 6 bytes of JSON.
Text = Annotated[str, Meta(max_length=100_000)]
Summary = Annotated[str, Meta(max_length=10_000)]
Author = Annotated[str, Meta(min_length=1, max_length=500)]
Categories = Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(max_length=100)]
Assets = Annotated[tuple[Name, ...], Meta(min_length=1, max_length=100)]
Language = Annotated[str, Meta(min_length=2, max_length=35)]
#: An offset from UTC, such as ``+02:00``.
Zone = Annotated[str, Meta(pattern="^[+-][0-9]{2}:[0-9]{2}$")]


class ArticlePublished(Event, frozen=True, kw_only=True, omit_defaults=True, tag="ArticlePublished"):
    """A version of an article; event time is when it was published, known time when this version was first seen.

    There is one record for each asset that the article mentions, which differ in ``asset`` alone.

    Attributes:
        asset: The coin that this record is about, such as ``BTC``; ``MARKET`` if the article names no coin.
        article_id: The first 24 hexadecimal digits of the SHA-256 of ``url``.
        version: 0 for the content that was seen first, and one more for each other content.
        url: The canonical address of the article.
        title: Its title, without the name of the publisher.
        content_hash: The hash of its content: articles with other content have another one.
        assets: The ``asset`` of each of its records: all coins that it mentions, or ``MARKET`` alone.
        text: Its main text, if the terms of the publisher allow it to be passed on; else None.
        summary: What the publisher's feed says of it; None if it says nothing.
        author: Its authors; None if they are not stated.
        categories: The publisher's categories and tags.
        language: Its language, such as ``en``; None if it is not known.
        published_zone: The offset of the published time from UTC, as the page states it, such as ``-05:00``; None if
            the time was stated without an offset and was taken as UTC.
        modified_ms: When the publisher says that it was last changed; None if it says nothing.
    """

    key_fields = ("asset",)
    natural_key = ("stream", "article_id", "version", "asset")

    asset: Name
    article_id: ArticleId
    version: Revision
    url: Url
    title: Title
    content_hash: Name
    assets: Assets
    text: Text | None = None
    summary: Summary | None = None
    author: Author | None = None
    categories: Categories = ()
    language: Language | None = None
    published_zone: Zone | None = None
    modified_ms: TimeMs | None = None


class ArticleLinked(Event, frozen=True, kw_only=True, gc=False, tag="ArticleLinked"):
    """A version of an article is a copy of an article that was seen before; the times are those of the copy.

    Attributes:
        article_id: The article that is the copy.
        version: The version of the copy.
        first_article_id: The article of which it is a copy: the one that was seen first.
        similarity: The estimated Jaccard similarity of their texts, from 0 to 1.
        is_exact: Whether the texts are equal.
    """

    key_fields = ("article_id",)
    natural_key = ("stream", "article_id", "version")

    article_id: ArticleId
    version: Revision
    first_article_id: ArticleId
    similarity: Probability
    is_exact: bool

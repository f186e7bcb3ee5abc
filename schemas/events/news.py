"""News: articles as their publishers wrote them, which of them are copies, their scores, and features made of scores.

A publisher corrects articles. Each other content is a version of its own, and nothing that was published is
overwritten.
"""

from typing import Annotated

from msgspec import Meta

from schemas.events.facts import (
    Count,
    Event,
    FeatureValues,
    Name,
    Probability,
    Revision,
    Sentence,
    TimeMs,
    Url,
)

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
#: The two parts of the id of a scorer, whose forms are those of :mod:`schemas.scorers`.
ScorerName = Annotated[str, Meta(pattern="^[a-z][a-z0-9_]{0,30}$")]
ScorerHash = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]
#: From -1, the most negative, to 1, the most positive.
Score = Annotated[float, Meta(ge=-1, le=1)]
#: A 64-bit simhash in hexadecimal.
Sketch = Annotated[str, Meta(pattern="^[0-9a-f]{16}$")]


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
        is_known_time_assumed: Whether nobody saw when this version came out, because the article is from a file or an
            archive. Its known time is then the published time and an assumed delay.
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
    is_known_time_assumed: bool = False


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


class SentimentScored(Event, frozen=True, kw_only=True, gc=False, omit_defaults=True, tag="SentimentScored"):
    """One scorer's sentiment of one version of an article, about one asset; times and source are those of the article.

    There is one record for each asset of the article and each scorer that was there. Scores are never made again with
    another version of a scorer: another version has another ``scorer_hash``, and its scores are other facts.

    Attributes:
        asset: The coin that this record is about, as in ``ArticlePublished``.
        article_id: The article.
        version: The version of the article.
        scorer: The name of the scorer, such as ``vader``.
        scorer_hash: The version of the scorer: the first 16 hexadecimal digits of the SHA-256 over all that makes its
            scores.
        negative: The probability that the text is negative; None if the scorer gives no probabilities. All three
            are there, or none.
        neutral: The probability that the text is neutral.
        positive: The probability that the text is positive.
        score: From -1, the most negative, to 1, the most positive; None if the text was refused.
        refusal: Why the text has no score, such as a language that the scorer does not know; None if it has one.
        sketch: A 64-bit simhash of the words of the text, in hexadecimal. Two texts are alike if few bits differ.
        is_known_time_assumed: As in ``ArticlePublished``.
    """

    key_fields = ("asset",)
    natural_key = ("stream", "article_id", "version", "asset", "scorer", "scorer_hash")

    asset: Name
    article_id: ArticleId
    version: Revision
    scorer: ScorerName
    scorer_hash: ScorerHash
    negative: Probability | None
    neutral: Probability | None
    positive: Probability | None
    score: Score | None
    refusal: Sentence | None
    sketch: Sketch
    is_known_time_assumed: bool = False


class NewsFeaturesComputed(Event, frozen=True, kw_only=True, tag="NewsFeaturesComputed"):
    """The features of the news about one asset at the end of a minute, which is event time and known time.

    They are made of the scores of articles that were first seen before that time, within seven days.

    Attributes:
        asset: The coin, such as ``BTC``; ``MARKET`` for articles that name no coin.
        feature_spec_hash: Of the declarations of the features, which name the versions of the scorers and the
            credibility of the sources: two rows with the same one mean the same by each name.
        n_articles: The number of articles about the asset within seven days.
        values: By feature name, in the spec's order; None where undefined.
    """

    key_fields = ("asset",)
    natural_key = ("stream", "asset", "event_time_ms", "feature_spec_hash")

    asset: Name
    feature_spec_hash: Name
    n_articles: Count
    values: FeatureValues

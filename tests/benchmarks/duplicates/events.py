"""The recorded articles as events, as the collector would publish them."""

from collections.abc import Iterator, Sequence

from producers.normalise.news.articles import summary_of
from producers.normalise.news.texts import LONGEST_TITLE, clean_line, content_hash
from schemas.events import ArticlePublished
from tests.benchmarks.duplicates.articles import RecordedArticle

STREAM = "replay-duplicates"
_DIGITS = "0123456789abcdef"


def events_of_recorded(
    articles: Sequence[RecordedArticle], *, number: int = 0, length_ms: int = 0
) -> Iterator[ArticlePublished]:
    """Yield an event for each article.

    Args:
        articles: The articles.
        number: The number of the pass: articles of a later one have other ids.
        length_ms: By how much articles of each pass are later than those of the pass before.
    """
    for article in articles:
        summary = summary_of(article.summary)
        title = clean_line(article.title, LONGEST_TITLE) or "untitled"
        at_ms = article.published_ms + number * length_ms
        yield ArticlePublished(
            event_time_ms=at_ms,
            known_time_ms=at_ms,
            source=article.domain,
            stream=STREAM,
            asset="BTC",
            article_id=article.article_id if number == 0 else _DIGITS[number] + article.article_id[1:],
            version=0,
            url=article.url[:2_000],
            title=title,
            summary=summary or None,
            assets=("BTC",),
            content_hash=content_hash(title, summary),
        )

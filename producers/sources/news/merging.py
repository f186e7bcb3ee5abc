"""Makes one reading of what a feed and the page state about an article.

The feed's title counts, because a page has several; a listing shows a title together with other words, so there the
page's counts. Of the published times the first that states its zone counts, and else the first that can be true.
"""

import re

from producers.normalise.news.articles import Reading, reading_of
from producers.normalise.news.rules import ItemRefusedError, Rule
from producers.normalise.news.texts import LONGEST_SUMMARY
from producers.normalise.news.times import StatedTime, check_published, read_time
from producers.sources.news.entries import FeedEntry
from producers.sources.news.languages import language_of
from producers.sources.news.pages import Page

_BY = re.compile(r"^(?:cointelegraph )?by\s+", re.IGNORECASE)


def merged(
    entry: FeedEntry,
    page: Page | None,
    *,
    url: str,
    now_ms: int,
    language: str | None,
    is_title_of_page: bool,
) -> Reading:
    """Return the reading of an article.

    Args:
        entry: What the feed, the listing or the sitemap states.
        page: What the page states; None if it could not be read.
        url: The canonical address.
        now_ms: When it was read.
        language: What the feed declares for all its items.
        is_title_of_page: Whether the title of the page is better than that of the entry.

    Raises:
        ItemRefusedError: If it has no title, or no published time that can be true.
    """
    titles = [entry.title, page.title if page else ""]
    title = next((each for each in (titles[::-1] if is_title_of_page else titles) if each), "")
    text = (page.text if page else "") or entry.content
    summary = entry.summary or (page.summary if page else "")
    if not text and len(summary) > LONGEST_SUMMARY:
        text = summary  # the whole article stands where others have a summary
    declared = entry.language or (page.language if page else None) or language
    return reading_of(
        url=url,
        title=title,
        published=published_of(entry, page, now_ms),
        now_ms=now_ms,
        text=text,
        summary=summary,
        author=_BY.sub("", entry.author or (page.author if page else "")),
        categories=(*entry.categories, *(page.categories if page else ())),
        language=language_of(f"{title}\n{summary}\n{text}", declared),
        modified=_modified(entry, page),
    )


def published_of(entry: FeedEntry, page: Page | None, now_ms: int) -> StatedTime:
    """Return the published time of an article.

    Args:
        entry: What the feed, the listing or the sitemap states.
        page: What the page states; None if it could not be read.
        now_ms: When it was read.

    Raises:
        ItemRefusedError: If none is stated, or none can be true.
    """
    found: list[StatedTime] = []
    refusal: ItemRefusedError | None = None
    for text in (entry.published, page.published if page else None):
        if not text:
            continue
        try:
            stated = read_time(text)
            check_published(stated.ms, now_ms=now_ms)
        except ItemRefusedError as error:
            refusal = refusal or error
        else:
            found.append(stated)
    if found:
        return next((stated for stated in found if stated.zone is not None), found[0])
    raise refusal or ItemRefusedError(Rule.TIME, "expected a published time, found none")


def _modified(entry: FeedEntry, page: Page | None) -> StatedTime | None:
    times: list[StatedTime] = []
    for text in (entry.updated, page.modified if page else None):
        try:
            times += [read_time(text)] if text else []
        except ItemRefusedError:
            continue
    return max(times, default=None, key=lambda stated: stated.ms)

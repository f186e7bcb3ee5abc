"""Finds the articles that a listing page links to, which is the second way when a feed is broken."""

import re
from collections.abc import Iterator, Mapping

from bs4 import BeautifulSoup

from producers.normalise.news.addresses import canonical_address, comparable, is_of_site, site_of
from producers.sources.news.encodings import text_of
from producers.sources.news.entries import FeedEntry
from producers.sources.news.feeds import is_html
from producers.sources.news.markup import plain_line, soup_of
from schemas.errors import DecodeError, InvariantError

_LONGEST_TITLE = 1_000
#: A listing page shows fewer; what stands further below are lists of other sections.
MOST_ARTICLES = 60


def read_listing(
    body: bytes, headers: Mapping[str, str], *, url: str, article: re.Pattern[str]
) -> tuple[FeedEntry, ...]:
    """Return the articles that a listing page links to, in the order of the page, with what it shows of them.

    Args:
        body: The answer.
        headers: Of the answer, with names in lower case.
        url: The address that answered.
        article: What the path of an article looks like.

    Raises:
        DecodeError: If it is no HTML page, or links to no article.
    """
    text = text_of(body, headers)
    if not is_html(text) and "<a" not in text:
        message = f"expected a page that lists articles, was {text.lstrip()[:60]!r}"
        raise DecodeError(message)
    found = list(_entries(soup_of(text), url, article))
    if not found:
        message = f"expected a page that lists articles, found no link to one at {url}"
        raise DecodeError(message)
    return tuple(found[:MOST_ARTICLES])


def _entries(soup: BeautifulSoup, url: str, article: re.Pattern[str]) -> Iterator[FeedEntry]:
    seen: dict[str, str] = {}
    titles: dict[str, str] = {}
    for element in soup.find_all("a", href=True):
        try:
            address = canonical_address(str(element["href"]), base=url)
        except InvariantError:
            continue
        path = address.split("/", 3)[-1]
        if not is_of_site(address, site_of(url)) or not article.search(f"/{path}"):
            continue
        key = comparable(address)
        seen.setdefault(key, address)
        title = plain_line(element.get_text(" "), _LONGEST_TITLE)
        titles[key] = max(titles.get(key, ""), title, key=len)
    yield from (FeedEntry(link=address, title=titles[key]) for key, address in seen.items())

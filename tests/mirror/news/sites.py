"""The sites: which path answers with what."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import urlsplit

from tests.mirror.answers import NOT_FOUND, Answer, Request
from tests.mirror.news import markup
from tests.mirror.news.articles import Article

RSS, HTML, XML = (
    "application/rss+xml; charset=utf-8",
    "text/html; charset=utf-8",
    "application/xml; charset=utf-8",
)
PER_PAGE = 10


class Site:
    """A news site.

    Args:
        name: As it calls itself.
        home: Its address, without a slash at the end.
        articles: What was published by a time, newest first.
        feed: The path of its feed.
        n_feed: How many items the feed has; further pages by ``?paged=N`` where it is made by WordPress.
        listings: Paths that list the newest articles.
        sitemaps: The path of the index, and of the sitemap of articles.
        is_wordpress: Whether the feed has pages.
    """

    def __init__(
        self, name: str, home: str, articles: Callable[[int], Sequence[Article]], *, feed: str, n_feed: int,
        listings: Sequence[str], sitemaps: tuple[str, str], is_wordpress: bool,
    ) -> None:  # fmt: skip
        self._name = name
        self._home = home
        self._articles = articles
        self._feed = feed
        self._n_feed = n_feed
        self._listings = listings
        self._index, self._sitemap = sitemaps
        self._is_wordpress = is_wordpress

    def __call__(self, request: Request) -> Answer:
        """Answer a request; what did not change is answered with 304."""
        found = self._found(request)
        if found is None:
            return NOT_FOUND
        text, kind, newest = found
        answer = Answer(text.encode(), content_type=kind)
        tag = f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"'
        headers = {"etag": tag, "last-modified": format_datetime(newest, usegmt=True)}
        is_known = request.headers.get("if-none-match") == tag
        return answer._replace(headers=headers) if not is_known else Answer(b"", 304, kind, headers)

    def _found(self, request: Request) -> tuple[str, str, datetime] | None:
        articles = self._articles(request.now_ms)
        newest = articles[0].published if articles else datetime.fromtimestamp(0, UTC)
        path = request.path.rstrip("/") or "/"
        if path == "/robots.txt":
            return self._robots(), "text/plain; charset=utf-8", newest
        if path == self._feed:
            text = self._paged(request.number("paged", 1) or 1, articles)
            return None if text is None else (text, RSS, newest)
        if path in (self._index, self._sitemap):
            is_index = path == self._index
            address = [self._home + self._sitemap]
            return (
                markup.sitemap_index(address, articles[0]) if is_index else markup.sitemap(articles),
                XML,
                newest,
            )
        if path in self._listings:
            return markup.listing(self._name, articles[:30]), HTML, newest
        if path.startswith("/sitemap/archive/"):
            year = path.removeprefix("/sitemap/archive/").partition("/")[0]
            return (
                markup.listing(year, [each for each in articles if str(each.published.year) == year]),
                HTML,
                newest,
            )
        return self._page(path, articles)

    def _page(self, path: str, articles: Sequence[Article]) -> tuple[str, str, datetime] | None:
        for article in articles:
            if urlsplit(article.link).path.rstrip("/") == path:
                others = [each for each in articles[:6] if each is not article]
                return markup.page(article, self._name, others), HTML, article.published
        return None

    def _paged(self, number: int, articles: Sequence[Article]) -> str | None:
        first = (number - 1) * self._n_feed if self._is_wordpress else 0
        shown = articles[first : first + self._n_feed]
        if first and not shown:
            return None
        return markup.feed(self._name, self._home, self._home + self._feed, shown)

    def _robots(self) -> str:
        return f"User-agent: *\nDisallow: /wp-admin/\nDisallow: /search\nDisallow: /preview/\n\nSitemap: {self._home}{self._index}\n"

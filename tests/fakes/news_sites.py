"""A news site of which a test states the articles: its feed, pages, listing and sitemaps on a scripted web."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape
from typing import NamedTuple

from tests.fakes.web import Answer, ScriptedWeb

HOME = "https://www.coindesk.com"
FEED = f"{HOME}/arc/outboundfeeds/rss"
LISTING = f"{HOME}/latest-crypto-news"
SITEMAP = f"{HOME}/sitemap.xml"
BEGIN_MS = 1_790_000_000_000
HOUR_MS = 3_600_000


class SiteArticle(NamedTuple):
    """An article of the site."""

    number: int
    title: str = "Bitcoin falls"
    summary: str = "Traders sold their coins."
    text: str = "Bitcoin fell on Friday as traders sold their coins, and so did most of the other coins, which nobody had expected."
    guid: str = ""

    @property
    def url(self) -> str:
        return f"{HOME}/markets/2026/09/21/article-{self.number}"

    @property
    def published_ms(self) -> int:
        return BEGIN_MS + self.number * HOUR_MS

    @property
    def published(self) -> datetime:
        return datetime.fromtimestamp(self.published_ms / 1000, UTC)


class NewsSite:
    """CoinDesk, as a test wants it; a page that is not shown is 404."""

    def __init__(self, web: ScriptedWeb) -> None:
        self.web = web

    def show(self, *articles: SiteArticle, pages: Sequence[SiteArticle] | None = None) -> None:
        """Show these articles in the feed, and their pages unless others are given."""
        self.web.answer(FEED, Answer(body=feed_of(articles)))
        for article in articles if pages is None else pages:
            self.web.answer(article.url, Answer(body=page_of(article)))

    def break_feed(self, answer: Answer) -> None:
        self.web.answer(FEED, answer)
        self.web.answer(f"{FEED}/", answer)

    def list_articles(self, *articles: SiteArticle) -> None:
        links = "".join(f'<a href="{each.url}"><h3>{escape(each.title)}</h3></a>' for each in articles)
        self.web.answer(LISTING, Answer(body=f"<!doctype html><html><body>{links}</body></html>".encode()))
        for article in articles:
            self.web.answer(article.url, Answer(body=page_of(article)))

    def map_articles(self, *articles: SiteArticle) -> None:
        urls = "".join(
            f"<url><loc>{each.url}</loc><lastmod>{each.published.isoformat()}</lastmod></url>"
            for each in articles
        )
        self.web.answer(SITEMAP, Answer(body=_index(f"{HOME}/map-1.xml").encode()))
        self.web.answer(f"{HOME}/map-1.xml", Answer(body=f"<urlset>{urls}</urlset>".encode()))
        for article in articles:
            self.web.answer(article.url, Answer(body=page_of(article)))


def _index(*addresses: str) -> str:
    return (
        "<sitemapindex>"
        + "".join(f"<sitemap><loc>{each}</loc></sitemap>" for each in addresses)
        + "</sitemapindex>"
    )


def feed_of(articles: Sequence[SiteArticle]) -> bytes:
    items = "".join(
        f"<item><title>{escape(each.title)}</title><link>{each.url}?utm_source=rss</link><guid>{each.guid or each.number}</guid>"
        f"<pubDate>{format_datetime(each.published)}</pubDate><description>{escape(each.summary)}</description></item>"
        for each in articles
    )
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>x</title>{items}</channel></rss>'.encode()
    )


def page_of(article: SiteArticle) -> bytes:
    data = {"@type": "NewsArticle", "headline": article.title, "datePublished": article.published.isoformat(),
            "author": "A. One", "articleSection": "Markets"}  # fmt: skip
    return (
        f'<!doctype html><html lang="en"><head><link rel="canonical" href="{article.url}">'
        f'<script type="application/ld+json">{json.dumps(data)}</script></head><body><article><h1>{escape(article.title)}</h1>'
        f"<p>{escape(article.text)}</p></article></body></html>"
    ).encode()

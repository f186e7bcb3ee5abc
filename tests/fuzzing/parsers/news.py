"""The parsers of news, as functions of bytes alone: what else they take, a header or an address, follows from the bytes."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from producers.normalise.news.addresses import canonical_address
from producers.normalise.news.texts import clean_categories, content_hash
from producers.normalise.news.times import read_time
from producers.sources.news.encodings import text_of, unpack
from producers.sources.news.entries import FeedEntry
from producers.sources.news.feeds import read_feed
from producers.sources.news.json_feeds import read_json_feed
from producers.sources.news.listings import read_listing
from producers.sources.news.markup import plain_line, plain_text
from producers.sources.news.merging import merged
from producers.sources.news.pages import read_page
from producers.sources.news.sitemaps import read_sitemap
from schemas.errors import ContractError
from schemas.mentions import assets_of

URL = "https://www.coindesk.com/markets/2025/01/01/bitcoin-more"
NOW_MS = 1_800_000_000_000
_ARTICLE = re.compile(r"/\w+/\d{4}/\d\d/\d\d/.+")
_TYPES = (
    "",
    "text/html; charset=utf-8",
    "application/xml; charset=iso-8859-1",
    "text/xml;charset=none",
    "charset=utf-16",
)


def _headers(payload: bytes) -> Mapping[str, str]:
    return {"content-type": _TYPES[len(payload) % len(_TYPES)]}


def _text(payload: bytes) -> str:
    return payload.decode("utf-8", "replace" if len(payload) % 2 else "ignore")


def _read_articles(payload: bytes) -> Any:
    """Every item of a feed, with all that is made of it: its time, address, language, assets, hash and dead letter."""
    feed = read_feed(payload, _headers(payload))
    return [_article(entry, feed.language) for entry in feed.entries[:20]]


def _article(entry: FeedEntry, language: str | None) -> Any:
    raw = entry.raw()
    try:
        url = canonical_address(entry.link, base=URL)
        return merged(entry, None, url=url, now_ms=NOW_MS, language=language, is_title_of_page=False)
    except ContractError:
        return raw


NEWS_PARSERS: Mapping[str, Callable[[bytes], Any]] = {
    "news feeds": lambda payload: read_feed(payload, _headers(payload)),
    "news articles": _read_articles,
    "news feeds in JSON": lambda payload: read_json_feed(_text(payload)),
    "news pages": lambda payload: read_page(payload, _headers(payload), url=URL),
    "news listings": lambda payload: read_listing(payload, _headers(payload), url=URL, article=_ARTICLE),
    "news sitemaps": lambda payload: read_sitemap(payload, _headers(payload)),
    "news texts": lambda payload: text_of(payload, _headers(payload)),
    "news gzip": unpack,
    "news times": lambda payload: read_time(_text(payload)),
    "news addresses": lambda payload: canonical_address(_text(payload), base=URL),
    "news lines": lambda payload: plain_line(_text(payload), 1_000),
    "news paragraphs": lambda payload: plain_text(_text(payload), 10_000),
    "news assets": lambda payload: assets_of([_text(payload)]),
    "news categories": lambda payload: clean_categories(_text(payload).split(",")),
    "news hashes": lambda payload: content_hash(_text(payload)[:200], _text(payload)),
}

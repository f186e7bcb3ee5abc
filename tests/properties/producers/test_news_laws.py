"""Laws of the parsers of news: whatever the bytes are, they give items or a ContractError."""

import json
import re
from collections.abc import Callable
from functools import partial

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from producers.normalise.news.addresses import canonical_address, comparable
from producers.normalise.news.articles import events_of
from producers.normalise.news.texts import content_hash
from producers.normalise.news.times import read_time
from producers.normalise.news.versions import ArticleVersions
from producers.sources.news.feeds import read_feed
from producers.sources.news.listings import read_listing
from producers.sources.news.merging import merged
from producers.sources.news.pages import read_page
from producers.sources.news.sitemaps import read_sitemap
from schemas import codec
from schemas.errors import ContractError
from schemas.mentions import assets_of
from schemas.topics import NEWS_ARTICLE
from tests.fakes.news_sites import SiteArticle, feed_of, page_of

PARSERS: dict[str, Callable[[bytes, dict[str, str]], object]] = {
    "feed": read_feed,
    "page": partial(read_page, url="https://www.coindesk.com/a"),
    "listing": partial(read_listing, url="https://www.coindesk.com/", article=re.compile(".")),
    "sitemap": read_sitemap,
}
ITEMS = json.dumps(
    [{"title": "T", "link": "https://x.com/a", "published_at": "2026-09-25T14:41:53", "categories": ["a"]}]
)
SEEDS = [
    feed_of([SiteArticle(1), SiteArticle(2)]),
    page_of(SiteArticle(1)),
    ITEMS.encode(),
    b"<urlset><url><loc>https://x.com/a</loc><lastmod>2026-09-25</lastmod></url></urlset>",
    b'<feed xmlns="http://www.w3.org/2005/Atom"><entry><title type="xhtml"><div>x</div></title></entry></feed>',
]


@st.composite
def spoilt(draw: st.DrawFn) -> bytes:
    """A payload with some bytes cut out, doubled or replaced."""
    body = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(body)))
        end = min(len(body), at + draw(st.integers(0, 40)))
        body[at:end] = draw(
            st.sampled_from(
                [
                    b"",
                    bytes(body[at:end]) * 2,
                    b"<",
                    b"&",
                    b"]]>",
                    b"\xff\xfe",
                    b'"',
                    b"\x00",
                    b"{",
                    b"&#xD800;",
                ]
            )
        )
    return bytes(body)


@pytest.mark.parametrize("name", PARSERS)
@given(
    body=st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode), spoilt()),
    content_type=st.text(max_size=30),
)
@example(body=b"<rss><channel><item><link>x</link>" + b"<a>" * 2_000, content_type="")
@example(body=b"[" * 5_000, content_type="")
@example(body=b'<html><script type="application/ld+json">' + b"[" * 5_000, content_type="")
@example(body=b"<html>" + b"<div>" * 3_000 + b"<a href='/x'>y</a>", content_type="text/html; charset=\x00")
def test_any_bytes_give_items_or_a_contract_error(name: str, body: bytes, content_type: str) -> None:
    try:
        PARSERS[name](body, {"content-type": content_type})
    except ContractError:
        return


@given(body=spoilt())
def test_what_is_read_can_be_published(body: bytes) -> None:
    now_ms = 1_800_000_000_000
    try:
        for entry in read_feed(body, {}).entries:
            url = canonical_address(entry.link, base="https://x.com/")
            found = merged(entry, None, url=url, now_ms=now_ms, language="en", is_title_of_page=False)
            article = ArticleVersions().seen(found, source="x", now_ms=now_ms, may_pass_on_text=True)
            assert article is not None
            for event in events_of(article, stream="live"):
                assert codec.decode(NEWS_ARTICLE, codec.encode(event), ()) == event
    except ContractError:
        return


@given(text=st.text(max_size=60))
def test_any_text_is_a_time_or_is_refused(text: str) -> None:
    try:
        read_time(text)
    except ContractError:
        return


@given(text=st.text(max_size=60), base=st.sampled_from([None, "https://x.com/a"]))
def test_canonical_address_is_canonical(text: str, base: str | None) -> None:
    try:
        once = canonical_address(text, base=base)
    except ContractError:
        return
    assert canonical_address(once) == once
    assert comparable(once) == comparable(f"{once}#x")


@given(title=st.text(max_size=80), text=st.text(max_size=200))
def test_hash_and_assets_of_any_text_do_not_depend_on_spaces(title: str, text: str) -> None:
    assert content_hash(title, text) == content_hash(f" {title}  ", f"{text}\n")
    assert assets_of([text]) == assets_of([f"{text}\n"])

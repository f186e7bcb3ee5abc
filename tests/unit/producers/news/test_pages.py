"""Pages of articles, listings and sitemaps."""

import gzip
import json
import re

import pytest

from producers.sources.news.listings import read_listing
from producers.sources.news.pages import Page, read_page
from producers.sources.news.sitemaps import read_sitemap
from schemas.errors import DecodeError

URL = "https://www.coindesk.com/markets/2026/09/25/bitcoin-falls-below-95k"
PARAGRAPHS = [
    f"Bitcoin fell to a low of {n} thousand dollars as traders sold their coins on Friday afternoon."
    for n in (95, 94, 93)
]
ARTICLE = {
    "@type": "NewsArticle", "headline": "Bitcoin falls", "datePublished": "2026-09-25T10:41:53-04:00",
    "dateModified": "2026-09-25T15:00:00Z", "author": [{"@type": "Person", "name": "A. One"}, {"name": "B. Two"}],
    "articleSection": "Markets", "keywords": "Bitcoin,Macro", "inLanguage": "en-US", "url": URL, "description": "A fall.",
}  # fmt: skip
METAS = (
    '<meta property="og:type" content="article"><meta property="og:title" content="Bitcoin falls | CoinDesk">'
    f'<meta property="og:url" content="{URL}"><meta property="article:published_time" content="2026-09-25T10:41:53-04:00">'
    '<meta property="article:modified_time" content="2026-09-25T15:00:00Z"><meta name="author" content="A. One, B. Two">'
    '<meta property="article:section" content="Markets"><meta property="article:tag" content="Bitcoin">'
    '<meta property="article:tag" content="Macro"><meta name="description" content="A fall.">'
)


def script(found: object) -> str:
    text = found if isinstance(found, str) else json.dumps(found)
    return f'<script type="application/ld+json">{text}</script>'


def html(head: str, body: str = "", *, url: str = URL) -> bytes:
    text = "".join(f"<p>{each}</p>" for each in PARAGRAPHS)
    return (
        f'<!DOCTYPE html><html lang="en"><head><title>Bitcoin falls | CoinDesk</title><link rel="canonical" href="{url}">{head}'
        f'</head><body><nav><a href="/">Home</a></nav>{body}<article>{text}</article>'
        '<aside><h2>More for you</h2><ul><li><a href="/x">Another article about other things that happened</a></li></ul></aside>'
        "<footer>All rights reserved</footer></body></html>"
    ).encode()


def read(body: bytes, url: str = f"{URL}?utm_source=rss") -> Page:
    return read_page(body, {}, url=url)


@pytest.mark.parametrize(
    "head",
    [
        script(ARTICLE),
        script([{"@type": "WebSite", "name": "x"}, ARTICLE]),
        script({"@context": "https://schema.org", "@graph": [{"@type": "Organization", "name": "x"}, ARTICLE]}),
        script({"@type": "WebPage", "name": "x"}) + script(ARTICLE),
        script({"@type": "WebPage", "mainEntity": ARTICLE}),
        script(ARTICLE | {"@type": ["Article", "NewsArticle"]}),
        script("{not json}") + script(ARTICLE),
        script(f"<!-- {json.dumps(ARTICLE)} -->"),
        script(f"/*<![CDATA[*/{json.dumps(ARTICLE)}/*]]>*/"),
        script(json.dumps(ARTICLE)[:-1] + ",}"),
        script(json.dumps(ARTICLE).replace("A fall.", "A\nfall.")),
        script({"@graph": [ARTICLE | {"author": [{"@id": "#1"}, {"@id": "#2"}]},
                           {"@id": "#1", "@type": "Person", "name": "A. One"}, {"@id": "#2", "name": "B. Two"}]}),
        script({"@type": "ItemList", "itemListElement": [{"@type": "NewsArticle", "headline": "Other", "datePublished": "2020-01-01"}]})
        + script(ARTICLE),
        METAS,
    ],
)  # fmt: skip
def test_metadata_are_found_wherever_they_stand(head: str) -> None:
    page = read(html(head))
    assert (page.url, page.title, page.published) == (URL, "Bitcoin falls", "2026-09-25T10:41:53-04:00")
    assert (page.author, page.modified, page.summary) == ("A. One, B. Two", "2026-09-25T15:00:00Z", "A fall.")
    assert set(page.categories) == {"Markets", "Bitcoin", "Macro"}
    assert page.language in {"en-US", "en"}


def test_main_text_is_the_article_without_what_surrounds_it() -> None:
    assert read(html(script(ARTICLE))).text == "\n".join(PARAGRAPHS)


def test_text_does_not_change_with_the_links_around_it() -> None:
    body = html(script(ARTICLE))
    assert read(body).text == read(body.replace(b"Another article", b"A newer article")).text


def test_article_body_of_the_linked_data_counts_where_the_page_has_no_text() -> None:
    body = re.sub(
        rb"<article>.*</article>", b"", html(script(ARTICLE | {"articleBody": " ".join(PARAGRAPHS)}))
    )
    assert read(body).text == " ".join(PARAGRAPHS)


@pytest.mark.parametrize(
    "url", ["https://evil.com/a", "https://www.coindesk.com/", "javascript:alert(1)", "", "https://[::1"]
)
def test_canonical_address_of_another_site_or_of_the_front_page_is_not_believed(url: str) -> None:
    assert read(html(script(ARTICLE | {"url": ""}), url=url)).url == URL


@pytest.mark.parametrize(
    "body",
    [
        b"<html><head><title>Just a moment...</title></head><body>Checking your browser</body></html>",
        b"<html><body><h1>We value your privacy</h1></body></html>",
        b"\x00\x01\x02",
        b"{}",
        b"",
    ],
)
def test_page_that_is_no_article_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        read(body)


def test_listing_gives_each_article_of_the_site_once() -> None:
    body = (
        f'<html><body><a href="/">Home</a><a href="{URL}"><img></a><a href="{URL}?utm_source=home">Bitcoin falls</a>'
        '<a href="/policy/2026/09/24/law-passes">Law passes</a><a href="https://evil.com/a/2026/09/24/x">x</a>'
        '<a href="/tag/bitcoin">Bitcoin</a></body></html>'
    ).encode()  # fmt: skip
    entries = read_listing(
        body, {}, url="https://www.coindesk.com/", article=re.compile(r"/\d{4}/\d{2}/\d{2}/")
    )
    assert [(each.link, each.title) for each in entries] == [
        (URL, "Bitcoin falls"),
        ("https://www.coindesk.com/policy/2026/09/24/law-passes", "Law passes"),
    ]


def test_page_without_links_to_articles_is_no_listing() -> None:
    with pytest.raises(DecodeError):
        read_listing(
            b"<html><a href='/'>x</a></html>",
            {},
            url="https://www.coindesk.com/",
            article=re.compile("/2026/"),
        )


def test_sitemaps_of_pages_of_news_and_of_sitemaps_are_read() -> None:
    space = 'xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:news="http://www.google.com/schemas/sitemap-news/0.9"'
    news = (
        f"<urlset {space}><url><loc> {URL} </loc><lastmod>2026-09-25</lastmod><news:news><news:publication><news:language>en"
        "</news:language></news:publication><news:publication_date>2026-09-25T14:41:53Z</news:publication_date>"
        "<news:title>Bitcoin&apos;s fall</news:title></news:news></url><url><loc>https://x.com/b</loc></url></urlset>"
    )
    first, second = read_sitemap(gzip.compress(news.encode()), {})
    assert (first.address, first.published, first.title, first.language) == (
        URL,
        "2026-09-25T14:41:53Z",
        "Bitcoin's fall",
        "en",
    )
    assert (second.address, second.newest_ms, second.is_sitemap) == ("https://x.com/b", None, False)
    (index,) = read_sitemap(
        f"<sitemapindex {space}><sitemap><loc>https://x.com/1.xml</loc></sitemap></sitemapindex>".encode(), {}
    )
    assert index.is_sitemap
    assert len(read_sitemap(b"https://x.com/a\nhttps://x.com/b\n", {})) == 2


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"<rss/>", b"nothing", b"\x1f\x8bx"])
def test_what_is_no_sitemap_is_refused(body: bytes) -> None:
    with pytest.raises(DecodeError):
        read_sitemap(body, {})


@pytest.mark.parametrize("name", ["headline", "author", "keywords", "description", "datePublished"])
@pytest.mark.parametrize("n_deep", [20, 600, 900])
def test_linked_data_that_are_nested_deeply_do_not_stop_the_source(name: str, n_deep: int) -> None:
    """A RecursionError of one page ended the round of its source, in every round."""
    data = {"@type": "NewsArticle", "headline": "Title", "datePublished": "2026-09-25T14:41:53Z"}
    nested = json.dumps({**data, name: "@"}).replace('"@"', "[" * n_deep + '"deep"' + "]" * n_deep)
    page = read_page(
        f'<html><script type="application/ld+json">{nested}</script><body><h1>Title</h1></body></html>'.encode(),
        {},
        url="https://www.coindesk.com/a",
    )
    assert page.title == "Title"

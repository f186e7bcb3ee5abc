"""Feeds, pages, listings and sitemaps as each site writes them."""

import json
from collections.abc import Sequence
from email.utils import format_datetime
from html import escape
from urllib.parse import urlsplit

from tests.mirror.news.articles import Article

NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wfw="http://wellformedweb.org/CommentAPI/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" xmlns:slash="http://purl.org/rss/1.0/modules/slash/" '
    'xmlns:media="http://search.yahoo.com/mrss/"'
)
SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"


def _cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"


def item(article: Article) -> str:
    """Return an item of RSS: as recorded, else as WordPress writes it."""
    if article.verbatim is not None:
        return article.verbatim
    categories = "".join(f"<category>{_cdata(name)}</category>\n" for name in article.categories)
    content = (
        f"<content:encoded>{_cdata(article.content)}</content:encoded>"
        if article.content
        else "<content:encoded/>"
    )
    return (
        f"<item>\n<title>{_cdata(article.title)}</title>\n<link>{escape(article.link)}</link>\n"
        f"<dc:creator>{_cdata(article.author)}</dc:creator>\n<pubDate>{format_datetime(article.published)}</pubDate>\n"
        f'{categories}<guid isPermaLink="false">{escape(article.guid)}</guid>\n'
        f"<description>{_cdata(article.summary)}</description>\n{content}\n</item>"
    )


def feed(title: str, home: str, address: str, articles: Sequence[Article]) -> str:
    """Return a feed of RSS 2.0."""
    built = f"<lastBuildDate>{format_datetime(articles[0].published)}</lastBuildDate>" if articles else ""
    head = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0" {NAMESPACES}>\n<channel>\n<title>{title}</title>\n'
        f'<atom:link href="{address}" rel="self" type="application/rss+xml"/>\n<link>{home}</link>\n'
        f"<description>{title}</description>\n{built}\n<language>en-US</language>\n"
        "<sy:updatePeriod>hourly</sy:updatePeriod>\n<sy:updateFrequency>1</sy:updateFrequency>\n"
    )
    return head + "\n".join(item(each) for each in articles) + "\n</channel>\n</rss>\n"


def _structured(article: Article, site: str) -> str:
    at = article.published.isoformat()
    return json.dumps({
        "@context": "https://schema.org",
        "@graph": [
            {"@type": "WebSite", "name": site},
            {
                "@type": "NewsArticle", "headline": article.title, "url": article.link, "datePublished": at, "dateModified": at,
                "author": [{"@type": "Person", "name": article.author}] if article.author else [],
                "articleSection": article.categories[0] if article.categories else "News", "keywords": list(article.categories),
                "publisher": {"@type": "Organization", "name": site}, "mainEntityOfPage": article.link, "inLanguage": "en-US",
            },
        ],
    }).replace("</", "<\\/")  # fmt: skip


def page(article: Article, site: str, others: Sequence[Article]) -> str:
    """Return the page of an article, with what stands around the text on such pages."""
    metas = {
        "og:type": "article", "og:title": article.title, "og:url": article.link, "og:site_name": site,
        "article:published_time": article.published.isoformat(), "article:author": article.author,
    }  # fmt: skip
    lines = [f'<meta property="{name}" content="{escape(value)}"/>' for name, value in metas.items() if value]
    lines += [f'<meta property="article:tag" content="{escape(name)}"/>' for name in article.categories]
    body = article.content or f"<p>{escape(article.summary)}</p>"
    more = "".join(f'<li><a href="{escape(each.link)}">{escape(each.title)}</a></li>' for each in others[:5])
    return (
        f'<!DOCTYPE html>\n<html lang="en-US"><head><meta charset="utf-8"/><title>{escape(article.title)} | {site}</title>\n'
        f'<link rel="canonical" href="{escape(article.link)}"/>\n' + "\n".join(lines) + "\n"
        f'<script type="application/ld+json">{_structured(article, site)}</script></head>\n<body>'
        '<nav><a href="/">Home</a> <a href="/markets">Markets</a> <a href="/newsletters">Newsletters</a></nav>\n'
        f'<main><article><header><h1>{escape(article.title)}</h1><p class="byline">By <a rel="author">{escape(article.author)}</a> '
        f'<time datetime="{article.published.isoformat()}">{article.published:%b %d, %Y}</time></p></header>\n'
        f'<div class="post-box__content-flow">{body}</div></article></main>\n'
        f"<aside><h2>More for you</h2><ul>{more}</ul><form><label>Sign up for our newsletter</label></form></aside>\n"
        f"<footer>Copyright {site}. All rights reserved. Privacy Policy. Terms of Use.</footer></body></html>\n"
    )


def listing(title: str, articles: Sequence[Article]) -> str:
    """Return a page that lists articles."""
    cards = "\n".join(
        f'<div class="card"><a href="{urlsplit(each.link).path}"><h2>{escape(each.title)}</h2></a>'
        f'<time datetime="{each.published.isoformat()}">{each.published:%b %d, %Y}</time></div>'
        for each in articles
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/><title>{title}</title></head>\n'
        f'<body><nav><a href="/about">About</a> <a href="/tag/bitcoin">Bitcoin</a></nav><main>{cards}</main></body></html>\n'
    )


def sitemap(articles: Sequence[Article]) -> str:
    """Return a sitemap of articles."""
    urls = "".join(
        f"<url><loc>{escape(each.link)}</loc><lastmod>{each.published.isoformat()}</lastmod></url>\n"
        for each in articles
    )
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="{SITEMAP}">\n{urls}</urlset>\n'


def sitemap_index(addresses: Sequence[str], newest: Article | None) -> str:
    """Return an index of sitemaps."""
    changed = f"<lastmod>{newest.published.isoformat()}</lastmod>" if newest else ""
    maps = "".join(f"<sitemap><loc>{address}</loc>{changed}</sitemap>\n" for address in addresses)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<sitemapindex xmlns="{SITEMAP}">\n{maps}</sitemapindex>\n'
    )

"""Reads the page of an article: linked data first, then Open Graph and other metadata, then what stands on the page.

The main text is what trafilatura finds. Where it finds nothing, the text is that of the linked data, or the paragraphs
of the ``article`` element.
"""

import re
from collections.abc import Mapping

import msgspec
import trafilatura
from bs4 import BeautifulSoup, Tag

from producers.normalise.news.addresses import canonical_address, comparable, is_of_site, site_of
from producers.normalise.news.texts import LONGEST_AUTHOR, LONGEST_TEXT, LONGEST_TITLE, clean_text
from producers.sources.news.encodings import text_of
from producers.sources.news.linked_data import Node, article_of, text_in, texts_in
from producers.sources.news.markup import plain_line, plain_text, soup_of
from schemas.errors import DecodeError, InvariantError

__all__ = ["Page", "read_page"]

_PUBLISHED = (
    *(
        "article:published_time",
        "og:article:published_time",
        "datepublished",
        "parsely-pub-date",
        "sailthru.date",
    ),
    *("dc.date.issued", "dcterms.created", "dc.date", "publishdate", "pubdate", "date"),
)
_MODIFIED = ("article:modified_time", "og:updated_time", "datemodified", "dcterms.modified", "last-modified")
_TITLES = ("og:title", "twitter:title", "parsely-title", "dc.title")
_SUMMARIES = ("og:description", "description", "twitter:description", "dc.description")
_AUTHORS = ("author", "article:author", "parsely-author", "dc.creator", "sailthru.author", "twitter:data1")
_CATEGORIES = ("article:section", "article:tag", "parsely-section", "parsely-tags", "news_keywords")
_LOCALES = ("og:locale", "content-language", "language")
_SITE_NAME = re.compile(r"\s+[|\u2013\u2014\u2022\u00b7-]\s+[^|]{2,40}$")
_ADDRESS = re.compile(r"https?://|^@|^/")
_LEAST_TEXT = 120
#: What stands around an article, where trafilatura looks as well if the article itself is short.
_AROUND = ("nav", "aside", "footer", "form", "script", "style", "noscript", "figure", "button", "iframe")


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What the page of an article states, as plain text.

    Attributes:
        url: Its canonical address, if that lies on the site of the page; else the address that answered.
        title: The headline.
        text: The main text; empty if none was found.
        summary: The description.
        author: The authors.
        categories: Section and tags.
        published: The text of the published time; None if none is stated.
        modified: The text of the time of change.
        language: The language that it declares.
    """

    url: str
    title: str
    text: str = ""
    summary: str = ""
    author: str = ""
    categories: tuple[str, ...] = ()
    published: str | None = None
    modified: str | None = None
    language: str | None = None


def read_page(body: bytes, headers: Mapping[str, str], *, url: str) -> Page:
    """Read the page of an article.

    Args:
        body: The answer, of any encoding.
        headers: Of the answer, with names in lower case.
        url: The address that answered, after redirects.

    Raises:
        DecodeError: If it is no page of an article: nothing states that it is one, as on a page that asks for consent.
        InvariantError: If the address that answered is none of the web.
    """
    text = text_of(body, headers)
    soup = _soup(text)
    data, meta = article_of(soup), _Meta(soup)
    title = _title(data, meta, soup)
    published = _published(data, meta, soup)
    if not title or not (data or meta.is_article or published):
        message = f"expected the page of an article, was a page with the title {title!r} at {url}"
        raise DecodeError(message)
    return Page(
        url=_canonical(data, meta, soup, url),
        title=title,
        summary=plain_line(text_in(data.get("description")) or meta.first(_SUMMARIES), LONGEST_TEXT),
        author=_author(data, meta),
        categories=_categories(data, meta),
        published=published,
        modified=text_in(data.get("dateModified")) or meta.first(_MODIFIED) or None,
        language=_language(data, meta, soup),
        text=_main_text(data, soup),
    )


def _soup(text: str) -> BeautifulSoup:
    try:
        return soup_of(text)
    except Exception as error:  # whatever the parser raises at broken HTML
        message = f"expected HTML that can be parsed: {type(error).__name__}: {error}"
        raise DecodeError(message) from error


class _Meta:
    """The ``meta`` elements of a page by name, whatever attribute holds the name."""

    def __init__(self, soup: BeautifulSoup) -> None:
        self._values: dict[str, list[str]] = {}
        for element in soup.find_all("meta"):
            content = element.get("content")
            for attribute in ("property", "name", "itemprop", "http-equiv"):
                name = element.get(attribute)
                if isinstance(name, str) and isinstance(content, str) and content.strip():
                    self._values.setdefault(name.strip().lower(), []).append(content.strip())

    @property
    def is_article(self) -> bool:
        return "article" in self._values.get("og:type", ()) or "article:published_time" in self._values

    def first(self, names: tuple[str, ...]) -> str:
        return next((self._values[name][0] for name in names if name in self._values), "")

    def every(self, names: tuple[str, ...]) -> list[str]:
        return [value for name in names for value in self._values.get(name, ())]


def _attribute(element: object, name: str) -> str:
    value = element.get(name) if isinstance(element, Tag) else None
    return value.strip() if isinstance(value, str) else ""


def _title(data: Node, meta: _Meta, soup: BeautifulSoup) -> str:
    headline = text_in(data.get("headline")) or text_in(data.get("name"))
    if headline:
        return plain_line(headline, LONGEST_TITLE)
    heading = soup.find("h1")
    if isinstance(heading, Tag) and heading.get_text(strip=True):
        return plain_line(heading.get_text(" "), LONGEST_TITLE)
    title = meta.first(_TITLES) or (soup.title.get_text() if soup.title else "")
    return _SITE_NAME.sub("", plain_line(title, LONGEST_TITLE))


def _published(data: Node, meta: _Meta, soup: BeautifulSoup) -> str | None:
    stated = text_in(data.get("datePublished")) or text_in(data.get("dateCreated")) or meta.first(_PUBLISHED)
    if stated:
        return stated
    article = soup.find("article") or soup
    time = article.find("time", datetime=True)
    return _attribute(time, "datetime") or None


def _canonical(data: Node, meta: _Meta, soup: BeautifulSoup, url: str) -> str:
    """Return the canonical address; one of another site is not believed, nor one that is the front page."""
    site = site_of(url)
    link = soup.find("link", rel="canonical")
    stated = (
        _attribute(link, "href"),
        meta.first(("og:url",)),
        text_in(data.get("mainEntityOfPage")),
        text_in(data.get("url")),
    )
    for address in stated:
        try:
            found = canonical_address(address, base=url) if address else ""
        except InvariantError:
            continue
        if found and is_of_site(found, site) and comparable(found) != site:
            return found
    return canonical_address(url)


def _main_text(data: Node, soup: BeautifulSoup) -> str:
    """Return the main text; it changes the soup, so nothing else may be read of it afterwards."""
    links = {" ".join(each.get_text(" ").split()) for each in soup.find_all("a")}
    for element in soup.find_all(_AROUND):
        element.decompose()
    found = (_extracted(soup), plain_text(text_in(data.get("articleBody")), LONGEST_TEXT), _paragraphs(soup))
    texts = (
        "\n".join(line for line in text.splitlines() if line.lstrip("- ") not in links) for text in found
    )
    return next((text for text in texts if len(text) >= _LEAST_TEXT), "")


def _extracted(soup: BeautifulSoup) -> str:
    try:
        found = trafilatura.extract(
            str(soup), include_comments=False, include_tables=False, favor_precision=True
        )
    except Exception:  # noqa: BLE001  (the text can be had in other ways)
        return ""
    return clean_text(found or "", LONGEST_TEXT)


def _paragraphs(soup: BeautifulSoup) -> str:
    article = soup.find("article")
    if not isinstance(article, Tag):
        return ""
    return clean_text("\n".join(each.get_text(" ") for each in article.find_all("p")), LONGEST_TEXT)


def _author(data: Node, meta: _Meta) -> str:
    authors = data.get("author")
    names = texts_in(authors if isinstance(authors, list) else [authors]) or tuple(meta.every(_AUTHORS))
    return plain_line(
        ", ".join(dict.fromkeys(name for name in names if not _ADDRESS.search(name))), LONGEST_AUTHOR
    )


def _categories(data: Node, meta: _Meta) -> tuple[str, ...]:
    stated = [text for name in ("articleSection", "keywords") for text in texts_in(data.get(name))]
    return tuple(
        dict.fromkeys((*stated, *(part for text in meta.every(_CATEGORIES) for part in texts_in(text))))
    )


def _language(data: Node, meta: _Meta, soup: BeautifulSoup) -> str | None:
    return (
        text_in(data.get("inLanguage"))
        or _attribute(soup.find("html"), "lang")
        or meta.first(_LOCALES)
        or None
    )

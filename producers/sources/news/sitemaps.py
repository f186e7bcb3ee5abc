"""Reads sitemaps, among them those of news and the indexes of sitemaps, for articles of before.

They are walked by lxml without entities and without the network. A sitemap of news also states the title and the
published time of each article, the others when a page was last changed at most.
"""

from collections.abc import Iterator, Mapping

import msgspec
from lxml import etree

from producers.normalise.news.times import read_time
from producers.sources.news.encodings import text_of
from producers.sources.news.feeds import is_html, title_of_html
from producers.sources.news.markup import plain_line
from schemas.errors import DecodeError, InvariantError

_LONGEST_TITLE = 1_000


class SitemapEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An address in a sitemap.

    Attributes:
        address: Of a page, or of a further sitemap in an index.
        is_sitemap: Whether it is of a further sitemap.
        published: The text of the published time, in a sitemap of news.
        changed_ms: When the page was last changed; None if it is not stated in a known form.
        title: The title, in a sitemap of news.
        language: The language, in a sitemap of news.
    """

    address: str
    is_sitemap: bool
    published: str | None = None
    changed_ms: int | None = None
    title: str = ""
    language: str | None = None

    @property
    def newest_ms(self) -> int | None:
        """The latest time at which the page can have been published, as far as the sitemap states it."""
        stated = [ms for ms in (_time(self.published), self.changed_ms) if ms is not None]
        return max(stated, default=None)


def read_sitemap(body: bytes, headers: Mapping[str, str]) -> tuple[SitemapEntry, ...]:
    """Read a sitemap, an index of sitemaps, or a list of addresses with one on each line.

    Args:
        body: The answer, packed or not.
        headers: Of the answer, with names in lower case.

    Raises:
        DecodeError: If it is no sitemap.
    """
    text = text_of(body, headers)
    if is_html(text):
        message = f"expected a sitemap, was an HTML page with the title {title_of_html(text)!r}"
        raise DecodeError(message)
    if not text.lstrip().startswith("<"):
        return _plain(text)
    parser = etree.XMLParser(resolve_entities=False, no_network=True, recover=True, huge_tree=False)
    try:
        root = etree.fromstring(text.encode(), parser)
        if root is not None and _name(root) in {"urlset", "sitemapindex"}:
            return tuple(_entries(root))
    except (etree.XMLSyntaxError, ValueError) as error:  # names and characters that are none
        message = f"expected a sitemap: {error}"
        raise DecodeError(message) from error
    message = f"expected a sitemap with urlset or sitemapindex, was {text.lstrip()[:60]!r}"
    raise DecodeError(message)


def _plain(text: str) -> tuple[SitemapEntry, ...]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines or not all(line.startswith(("http://", "https://")) for line in lines):
        message = f"expected a sitemap, was {text.lstrip()[:60]!r}"
        raise DecodeError(message)
    return tuple(SitemapEntry(address=line, is_sitemap=line.endswith((".xml", ".xml.gz"))) for line in lines)


def _name(element: "etree._Element") -> str:
    return etree.QName(element).localname.lower() if isinstance(element.tag, str) else ""


def _entries(root: "etree._Element") -> Iterator[SitemapEntry]:
    for element in root:
        kind = _name(element)
        if kind not in {"url", "sitemap"}:
            continue
        stated = {_name(each): (each.text or "").strip() for each in element.iter() if each.text}
        if stated.get("loc"):
            yield SitemapEntry(
                address=stated["loc"],
                is_sitemap=kind == "sitemap",
                published=stated.get("publication_date") or None,
                changed_ms=_time(stated.get("lastmod")),
                title=plain_line(stated.get("title"), _LONGEST_TITLE) if "publication_date" in stated else "",
                language=stated.get("language"),
            )


def _time(text: str | None) -> int | None:
    if not text:
        return None
    try:
        return read_time(text).ms
    except InvariantError:
        return None

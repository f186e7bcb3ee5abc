"""Reads feeds: RSS 0.9 to 2.0, RDF and Atom by feedparser, JSON by :mod:`producers.sources.news.json_feeds`.

The parser gets text that was decoded already and never the network. Its times are naive, so the text of each
time is kept and read by :mod:`producers.normalise.news.times`. A feed that is broken in its middle gives the items before that.
"""

import io
import re
from collections.abc import Mapping
from typing import Any

import feedparser

from producers.normalise.news.texts import LONGEST_AUTHOR, LONGEST_TEXT, LONGEST_TITLE
from producers.sources.news.encodings import text_of
from producers.sources.news.entries import MOST_ENTRIES, Feed, FeedEntry
from producers.sources.news.json_feeds import read_json_feed
from producers.sources.news.markup import plain_line, plain_text
from schemas.errors import DecodeError

_HTML = re.compile(r"^\s*(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)
_TITLE = re.compile(r"<title[^>]*>(.{0,300}?)</title>", re.IGNORECASE | re.DOTALL)
_TIMES = ("published", "created", "updated")
#: feedparser lets an empty ``dc:description`` replace the description, as the feed of CoinDesk has them both.
_EMPTY = re.compile(
    r"<((?:dc|dcterms|content|atom|itunes):[a-z]+|description|summary|author|category|guid|pubDate)(?:\s[^<>]*)?"
    r"(?:/>|>\s*+(?:<!\[CDATA\[\s*+\]\]>)?\s*+</\1\s*+>)",
    re.IGNORECASE,
)
#: It also takes the caption of a picture for the title or the summary of the article.
_OF_PICTURES = re.compile(
    r"<(media:(?:title|description|text|credit|copyright|keywords)|itunes:(?:summary|subtitle|title))\b[^<>]*(?<!/)>"
    r"[^<]*+(?:<(?!/?(?:media|itunes):)[^<]*+)*+</\1\s*+>",
    re.IGNORECASE,
)
_ENDS = re.compile(r"</(?:[\w-]+:)?(?:item|entry)\s*+>", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://\S+", re.IGNORECASE)


def read_feed(body: bytes, headers: Mapping[str, str]) -> Feed:
    """Read a feed of any form.

    Args:
        body: The answer, of any encoding, packed or not.
        headers: Of the answer, with names in lower case.

    Raises:
        DecodeError: If it is no feed; an HTML page is called one.
    """
    text = text_of(body, headers)
    if text.lstrip()[:1] in {"{", "["}:
        return read_json_feed(text)
    if is_html(text):
        message = f"expected a feed, was an HTML page with the title {title_of_html(text)!r}"
        raise DecodeError(message)
    parsed = _parsed(text)
    if not parsed.get("version") and not parsed.get("entries"):
        message = f"expected a feed of RSS or Atom, was {text.lstrip()[:60]!r}"
        raise DecodeError(message)
    entries = _whole(parsed, text)[:MOST_ENTRIES]
    return Feed(
        form=str(parsed.get("version") or "unknown"),
        entries=tuple(_entry(each) for each in entries),
        language=_text(parsed.get("feed", {}), "language") or None,
        note=_note(parsed),
    )


def is_html(text: str) -> bool:
    """Return whether a text begins as an HTML page does."""
    return _HTML.match(text[:5_000]) is not None


def title_of_html(text: str) -> str:
    """Return the title of an HTML page, for a message."""
    match = _TITLE.search(text[:50_000])
    return plain_line(match[1], 100) if match else ""


def _parsed(text: str) -> dict[str, Any]:
    try:
        parsed: dict[str, Any] = feedparser.parse(
            io.BytesIO(_OF_PICTURES.sub("", _EMPTY.sub("", text)).encode()),
            response_headers={"content-type": "application/xml; charset=utf-8"},
            resolve_relative_uris=False,
            sanitize_html=False,
        )
    except Exception as error:  # whatever the library raises at broken bytes
        message = f"expected a feed that can be parsed: {type(error).__name__}: {error}"
        raise DecodeError(message) from error
    return parsed


def _whole(parsed: Mapping[str, Any], text: str) -> list[Any]:
    """Return the items without the last one if the feed breaks off in it: half a date is another date."""
    entries: list[Any] = parsed["entries"]
    return entries[: len(_ENDS.findall(text))] if parsed.get("bozo") else entries


def _note(parsed: Mapping[str, Any]) -> str | None:
    error = parsed.get("bozo_exception")
    if not parsed.get("bozo") or error is None or type(error).__name__ == "CharacterEncodingOverride":
        return None
    return f"The feed is broken XML ({str(error)[:200]}), and only what could be read of it is used."


def _text(found: Mapping[str, Any], name: str) -> str:
    # The mapping of the library answers "updated" with the published time where the feed has none.
    value = dict.get(found, name) if isinstance(found, dict) else found.get(name)
    return value if isinstance(value, str) else ""


def _entry(found: Mapping[str, Any]) -> FeedEntry:
    contents = [each for each in found.get("content") or () if isinstance(each, Mapping)]
    content = max((_text(each, "value") for each in contents), key=len, default="")
    published = next((_text(found, name) for name in _TIMES if _text(found, name)), None)
    return FeedEntry(
        link=_link(found),
        guid=_text(found, "id") or None,
        title=plain_line(_text(found, "title"), LONGEST_TITLE),
        summary=plain_text(_text(found, "summary"), LONGEST_TEXT),
        content=plain_text(content, LONGEST_TEXT),
        author=plain_line(_author(found), LONGEST_AUTHOR),
        categories=tuple(_text(tag, "term") for tag in found.get("tags") or () if _text(tag, "term")),
        published=published,
        updated=_text(found, "updated") or None,
    )


def _link(found: Mapping[str, Any]) -> str:
    """Return the address of the article: the original one where a distributor put his own before it."""
    links = [
        _text(each, "href")
        for each in found.get("links") or ()
        if each.get("rel", "alternate") == "alternate"
    ]
    for address in (_text(found, "feedburner_origlink"), _text(found, "link"), *links, _text(found, "id")):
        if _ADDRESS.fullmatch(address.strip()) or address.startswith("/"):
            return address.strip()
    return ""


def _author(found: Mapping[str, Any]) -> str:
    names = [_text(each, "name") for each in found.get("authors") or () if isinstance(each, Mapping)]
    return ", ".join(dict.fromkeys(name for name in names if name)) or _text(found, "author")

"""Reads lists of articles in JSON: JSON Feed, WordPress, the data APIs of CoinDesk and CryptoCompare, and recorded items.

They differ in the names of their fields alone, so each field has a list of names, of which the first that is there
counts. Names are compared without regard to capitals.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from producers.normalise.news.texts import LONGEST_AUTHOR, LONGEST_TEXT, LONGEST_TITLE
from producers.sources.news.entries import MOST_ENTRIES, Feed, FeedEntry
from producers.sources.news.markup import plain_line, plain_text
from schemas.errors import DecodeError

_LISTS = ("items", "data", "articles", "posts", "results", "entries", "news", "content", "stories")
_LINK = ("link", "url", "external_url", "canonical_url", "permalink", "websiteurl")
_GUID = ("original_id", "guid", "id", "_id", "uuid")
_TITLE = ("title", "headline", "name")
_SUMMARY = ("summary", "description", "excerpt", "subtitle", "dek", "standfirst")
_CONTENT = ("content_html", "content", "body", "content_text", "text")
_AUTHOR = ("authors", "author", "byline", "creator")
_CATEGORIES = ("categories", "category", "tags", "keywords", "category_data", "section")
_PUBLISHED = (
    *("date_published", "published_at", "publishedat", "published_on", "published", "pubdate", "date_gmt"),
    *(
        "publication_date",
        "publish_date",
        "published_date",
        "published_datetime_utc",
        "pub_date",
        "release_date",
    ),
    *("timestamp", "created_at", "datetime", "date"),
)
_UPDATED = ("date_modified", "updated_at", "updatedat", "updated_on", "updated", "modified_gmt", "modified")
_LANGUAGE = ("language", "lang", "locale")
#: Keys under which a field may be one level deeper: ``title.rendered`` of WordPress, ``author.name``.
#: A larger number is no id and no time.
_LARGEST_NUMBER = 10**18
_INNER = ("rendered", "name", "value", "text", "category", "term", "title", "url")


def read_json_feed(text: str) -> Feed:
    """Read a list of articles in JSON.

    Raises:
        DecodeError: If it is no JSON, or holds no list of articles.
    """
    try:
        found = msgspec.json.decode(text.encode())
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        message = f"expected a list of articles in JSON: {error}"
        raise DecodeError(message) from error
    items = _items(found)
    if items is None:
        message = f"expected JSON with a list of articles, such as 'items', was {text.lstrip()[:60]!r}"
        raise DecodeError(message)
    language = _named(found, _LANGUAGE) if isinstance(found, dict) else None
    articles = [_lowered(item) for item in items[:MOST_ENTRIES] if isinstance(item, dict)]
    return Feed(
        form="json",
        entries=tuple(_entry(item) for item in articles),
        language=language if isinstance(language, str) else None,
    )


def _items(found: object) -> list[Any] | None:
    if isinstance(found, list):
        is_articles = not found or any(
            isinstance(item, dict) and _is_article(_lowered(item)) for item in found
        )
        return found if is_articles else None
    if not isinstance(found, dict):
        return None
    lowered = _lowered(found)
    for name in _LISTS:
        inner = lowered.get(name)
        if isinstance(inner, (list, dict)) and (items := _items(inner)) is not None:
            return items
    return None


def _lowered(item: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name).lower(): value for name, value in item.items()}


def _is_article(item: Mapping[str, Any]) -> bool:
    return _named(item, _TITLE) is not None and _named(item, (*_LINK, *_GUID)) is not None


def _named(item: Mapping[str, Any], names: tuple[str, ...]) -> object | None:
    return next((item[name] for name in names if item.get(name) not in (None, "", [], {})), None)


def _text(value: object) -> str:
    """Return a value as text: a text or a number itself, and of an object the text that it is about."""
    match value:
        case str():
            return value
        case bool() | None:
            return ""
        case int():
            return str(value) if abs(value) < _LARGEST_NUMBER else ""
        case float():
            return str(int(value)) if value.is_integer() and abs(value) < _LARGEST_NUMBER else str(value)
        case dict():
            return _text(_named(_lowered(value), _INNER))
        case _:
            return ""


def _texts(value: object) -> Iterator[str]:
    match value:
        case list():
            yield from (text for each in value if (text := _text(each)))
        case str():
            separator = "|" if "|" in value else ","
            yield from (part.strip() for part in value.split(separator) if part.strip())
        case _:
            yield from (text for text in [_text(value)] if text)


def _entry(item: Mapping[str, Any]) -> FeedEntry:
    authors = _named(item, _AUTHOR)
    link, guid = _text(_named(item, _LINK)), _text(_named(item, _GUID))
    return FeedEntry(
        link=link or (guid if guid.startswith("http") else ""),
        guid=guid or None,
        title=plain_line(_text(_named(item, _TITLE)), LONGEST_TITLE),
        summary=plain_text(_text(_named(item, _SUMMARY)), LONGEST_TEXT),
        content=plain_text(_text(_named(item, _CONTENT)), LONGEST_TEXT),
        author=plain_line(
            authors if isinstance(authors, str) else ", ".join(_texts(authors)), LONGEST_AUTHOR
        ),
        categories=tuple(text for name in _CATEGORIES for text in _texts(item.get(name))),
        published=_text(_named(item, _PUBLISHED)) or None,
        updated=_text(_named(item, _UPDATED)) or None,
        language=_text(_named(item, _LANGUAGE)) or None,
    )

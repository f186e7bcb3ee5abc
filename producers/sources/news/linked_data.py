"""Finds the article in the linked data (JSON-LD) of a page.

A page has several scripts, each with an object, an array, or a graph whose objects name each other by ``@id``. Authors,
sections and images are texts, objects, or lists of either. Scripts of real pages hold comments, line breaks inside
of texts and commas too many; what cannot be read is left out, because the page has other metadata.
"""

import html
import json
import re
from collections.abc import Iterator
from typing import Any, TypeGuard

from bs4 import BeautifulSoup

_ARTICLES = (
    "NewsArticle",
    "ReportageNewsArticle",
    "AnalysisNewsArticle",
    "OpinionNewsArticle",
    "BackgroundNewsArticle",
    "ReviewNewsArticle",
    "LiveBlogPosting",
    "Article",
    "BlogPosting",
    "TechArticle",
    "PressRelease",
    "AdvertiserContentArticle",
)
_COMMENT = re.compile(
    r"^\s*(?:<!--|/\*<!\[CDATA\[\*/|//<!\[CDATA\[|<!\[CDATA\[)|(?:-->|/\*\]\]>\*/|//\]\]>|\]\]>)\s*+;?\s*+$"
)
_SURPLUS_COMMA = re.compile(r",(\s*[}\]])")
_DEEPEST = 12
Node = dict[str, Any]


def article_of(soup: BeautifulSoup) -> Node:
    """Return the object of the article, with its references resolved; empty if the page has none.

    Args:
        soup: The page.
    """
    nodes = [node for found in _scripts(soup) for node in _nodes(found, 0)]
    by_id = {str(node["@id"]): node for node in nodes if "@id" in node and len(node) > 1}
    articles = [node for node in nodes if _rank(node) < len(_ARTICLES)]
    if not articles:
        return {}
    # The richest of the best kind: a list of further articles has little of each.
    best = min(articles, key=lambda node: (_lacks(node), _rank(node)))
    return {name: _resolved(value, by_id) for name, value in best.items()}


def _scripts(soup: BeautifulSoup) -> Iterator[object]:
    for script in soup.find_all("script", type=re.compile(r"application/ld\+json", re.IGNORECASE)):
        text = _COMMENT.sub("", _COMMENT.sub("", script.string or script.get_text()))
        for attempt in (text, _SURPLUS_COMMA.sub(r"\1", text), html.unescape(text)):
            try:
                yield json.loads(attempt, strict=False)
                break
            except (ValueError, RecursionError):
                continue


def _nodes(found: object, depth: int) -> Iterator[Node]:
    if depth > _DEEPEST:
        return
    if isinstance(found, list):
        for each in found:
            yield from _nodes(each, depth + 1)
    elif isinstance(found, dict):
        yield found
        for name, value in found.items():
            # What a list of further articles holds is not the article of the page.
            if isinstance(value, (dict, list)) and name not in {"itemListElement", "hasPart", "isPartOf"}:
                yield from _nodes(value, depth + 1)


def _rank(node: Node) -> int:
    kinds = node.get("@type")
    names = [str(kind).rpartition("/")[2] for kind in (kinds if isinstance(kinds, list) else [kinds])]
    return min((_ARTICLES.index(name) for name in names if name in _ARTICLES), default=len(_ARTICLES))


def _lacks(node: Node) -> int:
    return sum(1 for name in ("headline", "datePublished") if not node.get(name))


def _resolved(value: object, by_id: dict[str, Node]) -> object:
    if _is_reference(value):
        return by_id.get(str(value.get("@id")), value)
    if isinstance(value, list):
        return [by_id.get(str(each.get("@id")), each) if _is_reference(each) else each for each in value]
    return value


def _is_reference(value: object) -> TypeGuard[Node]:
    return isinstance(value, dict) and set(value) <= {"@id", "@type"}


def text_in(value: object, depth: int = 0) -> str:
    """Return the text of a value: the text itself, the name of an object, or the first of a list that has one.

    Args:
        value: What the linked data state.
        depth: How deep the value lies; what lies deeper than any real text is not looked at.
    """
    match value:
        case str():
            return value
        case dict() if depth < _DEEPEST:
            inner = (value.get(name) for name in ("name", "@value", "headline", "@id", "url"))
            return next((text for each in inner if (text := text_in(each, depth + 1))), "")
        case list() if depth < _DEEPEST:
            return next((text for each in value if (text := text_in(each, depth + 1))), "")
        case _:
            return ""


def texts_in(value: object) -> tuple[str, ...]:
    """Return the texts of a value: of a list each one, and of a text its parts between commas."""
    match value:
        case list():
            return tuple(text for each in value if (text := text_in(each)))
        case str():
            return tuple(part.strip() for part in value.split(",") if part.strip())
        case _:
            return tuple(text for text in [text_in(value)] if text)

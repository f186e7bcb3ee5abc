"""HTML as plain text: fragments in feeds, and whole articles in them."""

import html
import re

from bs4 import BeautifulSoup, Tag
from bs4.element import CData, NavigableString

from producers.normalise.news.texts import clean_line, clean_text

_BLOCKS = (
    "p",
    "div",
    "li",
    "ul",
    "ol",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "blockquote",
    "br",
    "tr",
    "section",
    "article",
)
_UNREAD = (
    "script",
    "style",
    "noscript",
    "template",
    "iframe",
    "figure",
    "figcaption",
    "svg",
    "form",
    "button",
    "nav",
    "aside",
)
#: What is no comment, no declaration, and no text of a script.
_TEXTS = (NavigableString, CData)
_LOOKS_LIKE_HTML = re.compile(r"<\s*+(?:/\s*+)?[a-zA-Z!][^<>]*>|&[a-zA-Z#0-9]{2,10};")


def plain_line(text: str | None, longest: int) -> str:
    """Return a title or a name as plain text on one line; HTML and entities are read, also where they come twice.

    Args:
        text: What a feed or a page states.
        longest: How many characters it may have.
    """
    if not text:
        return ""
    read = text
    for _ in range(2):
        if not _LOOKS_LIKE_HTML.search(read):
            break
        read = _text_of_html(read) if "<" in read else html.unescape(read)
    return clean_line(read, longest)


def plain_text(text: str | None, longest: int) -> str:
    """Return HTML as plain text with a paragraph on each line: without pictures, captions, forms and scripts.

    Args:
        text: HTML, or text without any.
        longest: How many characters it may have.
    """
    if not text:
        return ""
    return clean_text(_text_of_html(text) if _LOOKS_LIKE_HTML.search(text) else text, longest)


def soup_of(text: str) -> BeautifulSoup:
    """Return HTML as a tree, without the library's warnings about what looks like an address or like XML.

    Args:
        text: Any text. A processing instruction, which HTML has not, is read as the comment that it is.
    """
    return BeautifulSoup(text.replace("<?", "<!") + "\n", "lxml")


def _text_of_html(text: str) -> str:
    """Return the text, with a line break at each edge of a block.

    The tree is walked once and not changed, because every change searches the neighbours: a page of 4,000 paragraphs took
    five seconds, and one of 40,000 minutes. The line breaks of the source are spaces; those that are put in are not.
    """
    parts: list[str] = []
    opened: list[Tag] = []
    n_unread = 0
    for element in soup_of(text).descendants:
        while opened and opened[-1] is not element.parent:
            n_unread -= _left(opened.pop(), parts)
        if isinstance(element, Tag):
            opened.append(element)
            n_unread += element.name in _UNREAD
            parts += ["\n"] if element.name in _BLOCKS else []
        elif n_unread == 0 and type(element) in _TEXTS:
            parts.append(str(element))
    while opened:
        _left(opened.pop(), parts)
    return "".join(parts)


def _left(element: Tag, parts: list[str]) -> int:
    """End the line of a block that ends, and return how many unread elements ended."""
    parts += ["\n"] if element.name in _BLOCKS else []
    return int(element.name in _UNREAD)

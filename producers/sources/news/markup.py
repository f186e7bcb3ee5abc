"""HTML as plain text: fragments in feeds, and whole articles in them."""

import html
import re

from bs4 import BeautifulSoup

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
_LOOKS_LIKE_HTML = re.compile(r"<\s*/?\s*[a-zA-Z!][^<>]*>|&[a-zA-Z#0-9]{2,10};")


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
    soup = soup_of(text)
    for element in soup(list(_UNREAD)):
        element.decompose()
    for element in soup(list(_BLOCKS)):
        element.insert_before("\n")
        element.insert_after("\n")
    # The line breaks of the source are spaces; those that were put in are not.
    return soup.get_text()

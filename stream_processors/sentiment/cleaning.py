"""Cleans texts of what is no text: remnants of HTML, bytes that were decoded wrongly, links, control characters.

Words, numbers, negations, capitals, punctuation and emoji stay as they are, because scorers read all of them.
"""

import html
import re
import unicodedata

_SCRIPT = re.compile(r"<(script|style)\b[^<>]*>[^<]*</\1\s*>", re.IGNORECASE)
_COMMENT = re.compile(r"<!--[^<>]*-->")
_BREAK = re.compile(r"<(?:br|/p|/div|/li|/h[1-6]|/tr|/blockquote)\b[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-z!][^<>]*>", re.IGNORECASE)
_LINK = re.compile(r"(?:https?://|www\.|pic\.twitter\.com/)\S+", re.IGNORECASE)
_BLANK = re.compile(r"[^\S\n]+")
_LINES = re.compile(r" ?\n[\s]*")
_LONG_WORD = re.compile(r"\S{101,}")
#: The characters of code page 1252 beyond ASCII. UTF-8 that was decoded so has two or more of them in a row.
_BYTE_OF = {
    character: bytes([byte])
    for byte in range(0x80, 0x100)
    for character in (bytes([byte]).decode("cp1252", "ignore") or chr(byte), chr(byte))
}
_MISREAD = re.compile(f"[{re.escape(''.join(_BYTE_OF))}]{{2,}}")
_QUOTES = str.maketrans(
    {
        "\u2018": "'",
        "\u2019": "'",
        "\u201b": "'",
        "\u02bc": "'",
        "\u201c": '"',
        "\u201d": '"',
        "\u201e": '"',
        "\u2028": "\n",
        "\u2029": "\n",
    }
)
#: Bytes of other encodings are mended twice at most, because what is misread three times is not worth a loop.
_MOST_MISREADINGS = 2


def clean(text: str) -> str:
    """Return a text without remnants of markup; its paragraphs stay lines, and other white space becomes one space.

    Example:
        >>> clean("<p>Bitcoin&amp;Ether can\u00e2\u20ac\u2122t&nbsp;fall</p>")
        "Bitcoin&Ether can't fall"
    """
    if not text.isascii():
        text = _mended(text)
    if "&" in text:
        text = html.unescape(html.unescape(text))
    if "<" in text:
        text = _without_markup(text)
    text = _LINK.sub(" ", text)
    if "." in text:
        text = _LINK.sub(" ", text)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_QUOTES))
    if not text.isprintable():
        text = "".join(map(_printed, text))
    return _LINES.sub("\n", _BLANK.sub(" ", _LONG_WORD.sub(" ", text))).strip()


def _without_markup(text: str) -> str:
    text = _COMMENT.sub(" ", _SCRIPT.sub(" ", text))
    if _BREAK.search(text):
        text = text.replace("\n", " ")  # in HTML, tags end lines
    return _TAG.sub(" ", _BREAK.sub("\n", text))


def _mended(text: str) -> str:
    """Return a text whose UTF-8 was decoded as code page 1252 or Latin-1, decoded rightly."""
    for _ in range(_MOST_MISREADINGS):
        mended = _MISREAD.sub(_decoded, text)
        if mended == text:
            break
        text = mended
    return text


def _decoded(match: re.Match[str]) -> str:
    try:
        return b"".join(map(_BYTE_OF.__getitem__, match[0])).decode("utf-8")
    except UnicodeDecodeError:
        return match[0]


def _printed(character: str) -> str:
    """Return a character as it is, a line break for one, and nothing or a space for what cannot be printed."""
    if character in "\n\u200d\ufe0f" or character.isprintable():
        return character
    return "" if unicodedata.category(character) in {"Cf", "Cs"} else " "

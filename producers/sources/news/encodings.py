"""Bytes of a feed or a page as text, whatever their encoding is said to be.

Publishers declare encodings wrongly. Bytes that are valid UTF-8 are UTF-8, because texts of other encodings seldom are. Then
comes what the bytes declare, then the header, then Windows-1252. Gzip that is nobody's transfer encoding
(``sitemap.xml.gz``) is unpacked here, up to a limit.
"""

import codecs
import re
import zlib
from collections.abc import Mapping

from schemas.errors import DecodeError

#: No feed, page or sitemap is longer; a small file that unpacks to more is an attack.
MOST_BYTES = 32_000_000
_GZIP = b"\x1f\x8b"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?\s*([A-Za-z0-9._:-]{2,40})""", re.IGNORECASE)
_IN_HEADER = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._:-]{2,40})", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,200}\?>", re.IGNORECASE)
#: What XML and JSON do not allow; a server that cut a character in two leaves such.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
#: Encodings by the names under which pages of the web declare smaller ones, as browsers read them: the first byte of the
#: larger one made a whole feed of Japanese unreadable.
_LARGER = {
    "iso-8859-1": "windows-1252", "latin-1": "windows-1252", "latin1": "windows-1252", "us-ascii": "windows-1252",
    "ascii": "windows-1252", "iso-8859-9": "windows-1254", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932",
    "gb2312": "gb18030", "gbk": "gb18030", "euc-kr": "cp949", "ks-c-5601-1987": "cp949", "big5": "big5hkscs",
    "tis-620": "cp874",
}  # fmt: skip
_LAST_RESORT = "windows-1252"
#: A text is taken for damaged UTF-8 if at least so many of its characters beyond ASCII are sound.
_SOUND_SHARE = 0.5


def text_of(body: bytes, headers: Mapping[str, str]) -> str:
    """Return the text of an answer, without byte order mark, XML declaration and control characters.

    Args:
        body: The bytes as they were received.
        headers: Of the answer, with names in lower case.

    Raises:
        DecodeError: If it is empty, binary, or damaged gzip.
    """
    unpacked = unpack(body)
    text = _decoded(unpacked, headers.get("content-type", ""))
    text = _FORBIDDEN.sub("", _DECLARATION.sub("", text.removeprefix("\ufeff"), count=1))
    if not text.strip():
        message = f"expected a text, was empty ({len(body)} bytes)"
        raise DecodeError(message)
    return text


def unpack(body: bytes) -> bytes:
    """Return what gzip packed, or the bytes themselves if they are no gzip.

    Raises:
        DecodeError: If the gzip is damaged, or unpacks to more than :data:`MOST_BYTES`.
    """
    for _ in range(2):
        if not body.startswith(_GZIP):
            break
        unpacker = zlib.decompressobj(wbits=31)
        try:
            body = unpacker.decompress(body, MOST_BYTES)
        except zlib.error as error:
            message = f"expected gzip that can be unpacked: {error}"
            raise DecodeError(message) from error
        if unpacker.unconsumed_tail or not unpacker.eof:
            message = f"expected gzip of at most {MOST_BYTES} bytes with its end"
            raise DecodeError(message)
    return body


def _decoded(body: bytes, content_type: str) -> str:
    for mark, name in _BOMS:
        if body.startswith(mark):
            return body[len(mark) :].decode(name, errors="replace")
    wide = _wide(body)
    if wide is not None:
        return body.decode(wide, errors="replace")
    try:
        return body.decode()
    except UnicodeDecodeError:
        pass
    if _is_damaged_utf8(body):
        return body.decode(errors="replace")
    in_body, in_header = _DECLARED.search(body[:2000]), _IN_HEADER.search(content_type)
    declared = in_body[1].decode("ascii") if in_body else ""
    for name in (declared, in_header[1] if in_header else ""):
        text = _decoded_as(body, name)
        if text is not None:
            return text
    return body.decode(_LAST_RESORT, errors="replace")


def _wide(body: bytes) -> str | None:
    """Return the name of UTF-16 or UTF-32 without a mark, which shows in the zeros beside the first bracket."""
    head = body[:4]
    if head[:1] in {b"<", b"{", b"["} and head[1:2] == b"\x00":
        return "utf-32-le" if head[2:4] == b"\x00\x00" else "utf-16-le"
    if head[:2] in {b"\x00<", b"\x00{", b"\x00["}:
        return "utf-16-be"
    return None


def _is_damaged_utf8(body: bytes) -> bool:
    text = body.decode(errors="replace")
    n_beyond = sum(1 for character in text if character > "\x7f")
    return n_beyond > 0 and text.count("\ufffd") <= (1 - _SOUND_SHARE) * n_beyond


def _decoded_as(body: bytes, name: str) -> str | None:
    label = name.lower().replace("_", "-")
    if label in {"", "utf-8", "utf8", "utf-16", "utf-32"}:
        return None  # they were tried
    try:
        return body.decode(_LARGER.get(label, name))
    except (LookupError, UnicodeError, ValueError):
        return None

"""Edits of messages: what corrupts JSON in life, and what breaks parsers.

An edit is data, so that hypothesis can shrink it and atheris can draw it.
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple


class Of(Enum):
    """What an edit counts."""

    BYTES = re.compile(rb"[\s\S]")
    PARTS = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*|true|false|null|[{}\[\]:,]')
    NUMBERS = re.compile(rb"(?<=:)-?\d[\d.eE+-]*")


TOKENS: tuple[bytes, ...] = (
    *(b"", b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b" ", b"\n", b"\0", b"\xff", b"\xef\xbb\xbf"),
    *(b"null", b"true", b"false", b"NaN", b"Infinity", b"-Infinity", b"nan", b"0x1", b"01", b"+1", b".5"),
    *(b"0", b"-0", b"-0.0", b"1", b"-1", b"1e0", b"1.0", b"5e-324", b"1e15", b"1e15000", b"1e-15000"),
    *(b"9007199254740992", b"9007199254740993", b"-9007199254740993", b"9223372036854775807"),
    *(b"9223372036854775808", b"18446744073709551616", b"0.1000000000000000055511151231257827"),
    *(b"123456789012345678", b"1234567890123456789", b"0.1234567890123456", b"0.12345678901234567"),
    *(
        b'""',
        b'"x"',
        b'"\\u0000"',
        b'"\\ud800"',
        b'"\\ud83d\\ude00"',
        b'"\\\\u0000"',
        b'"\\/"',
        b'"\xc3\xa9"',
    ),
    *(b'"1m"', b'"4h"', b'"2h"', b'"up"', b'"void"', b'"live"', b'"' + b"x" * 101 + b'"'),
    *(b'"type":"TickObserved",', b'"type":"WatermarkAdvanced",', b'"price":1.0,', b',"added":{"a":[1]}'),
    *(b"[" * 600, b'{"a":' * 600, b"9" * 400, b"/**/", b"//", b"\xe2\x80\xa8", b"\xed\xa0\x80"),
)


class Edit(NamedTuple):
    """One change.

    Attributes:
        of: What is counted.
        at: Which of them; counted around.
        length: How many of them are replaced; 0 inserts.
        token: What they are replaced by.
    """

    of: Of
    at: int
    length: int
    token: bytes


def number(digits: int, n_decimals: int) -> bytes:
    """A decimal of these digits, the point so far from its end; none for 0."""
    text = str(digits).rjust(n_decimals + 1, "0")
    return (f"{text[:-n_decimals]}.{text[-n_decimals:]}" if n_decimals else text).encode()


def edited(value: bytes, edits: Iterable[Edit]) -> bytes:
    """A message after some edits, one after another."""
    for edit in edits:
        start, end = _span(value, edit)
        value = value[:start] + edit.token + value[end:]
    return value


def _span(value: bytes, edit: Edit) -> tuple[int, int]:
    spans = [found.span() for found in edit.of.value.finditer(value)]
    if not spans:
        return 0, 0
    first = edit.at % len(spans)
    if edit.length == 0:
        return spans[first][0], spans[first][0]
    return spans[first][0], spans[min(first + edit.length, len(spans)) - 1][1]

"""Mutations of payloads: of their bytes, of their text, and of the structure of their JSON. Each follows from a seed."""

import gzip
import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from random import Random
from typing import Any

from tests.fuzzing.edits import TOKENS

_DEEP = 3_000
NASTY: tuple[object, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        0.5,
        -0.0,
        2**53,
        2**63 - 1,
        2**63,
        -(2**63),
        10**40,
        10**400,
        1e15,
        1e300,
        5e-324,
    ),
    *(
        float("nan"),
        float("inf"),
        float("-inf"),
        "",
        " ",
        "0",
        "-1",
        "nan",
        "inf",
        "1e400",
        "1_000",
        "\uff11",
        "0x10",
        "1,5",
    ),
    *(
        "9" * 50,
        "9" * 5_000,
        "x" * 70_000,
        "\x00",
        "\ud800",
        "\u202e",
        "\ufeff",
        "a" * 61,
        "Z" * 40 + ".",
        "1." + "0" * 60,
    ),
    *(
        "2025-01-01",
        "2025-13-41T99:99:99Z",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999999+14:00",
        "1735689600",
    ),
    *(
        1_735_689_600,
        1_735_689_600_000,
        1_735_689_600_000_000,
        1_735_689_600_000_000_000,
        1_735_689_600.999_999_9,
    ),
    *([], {}, [[]], [{}], {"": ""}, [None] * 50, ["x"] * 2_000, {"a": {"b": {"c": []}}}, [[1, [2, [3]]]]),
)
MARKUP: tuple[bytes, ...] = (
    *(b"<", b">", b"</", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"&", b"&#x110000;", b"&#0;", b"&amp;amp;lt;", b"&nbsp;"),
    *(b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>&b;', b'<?xml version="1.0" encoding="utf-16"?>'),
    *(b"<div>" * 2_000, b"<item>" * 1_000, b"</p>" * 500, b"<script>", b"<table><tr><td>" * 200, b'<a href="' + b"x" * 5_000 + b'">'),
    *(b'<script type="application/ld+json">', b'{"@type":"NewsArticle","@id":"#a","author":{"@id":"#a"}}', b"<p>" + b"word " * 5_000),
    *(b"\x1f\x8b\x08", b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff", b"charset=", b"utf-7", b"EST", b"+99:99", b"29 Feb", b"http://[", b"%zz"),
)  # fmt: skip

Mutation = Callable[[Random, bytes, Sequence[bytes]], bytes]


def _span(chance: Random, payload: bytes) -> tuple[int, int]:
    start = chance.randrange(len(payload) + 1)
    return start, min(len(payload), start + int(chance.expovariate(1 / 12)))


def _flip(chance: Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    if not payload:
        return b"\x00"
    changed = bytearray(payload)
    for _ in range(chance.randint(1, 8)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def _replace(chance: Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(chance, payload)
    return payload[:start] + chance.choice(chance.choice((TOKENS, MARKUP))) + payload[end:]


def _delete(chance: Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    start, end = sorted(chance.randrange(len(payload) + 1) for _ in range(2))
    return payload[:start] + payload[end:]


def _double(chance: Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    start, end = _span(chance, payload)
    return payload[:end] + payload[start:end] * chance.choice((1, 2, 300)) + payload[end:]


def _cut(chance: Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    return payload[: chance.randrange(len(payload) + 1)]


def _splice(chance: Random, payload: bytes, others: Sequence[bytes]) -> bytes:
    other = chance.choice(others)
    return payload[: chance.randrange(len(payload) + 1)] + other[chance.randrange(len(other) + 1) :]


def _encode(chance: Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    name = chance.choice(("utf-16", "utf-32", "latin-1", "utf-8-sig", "utf-7", "gzip"))
    return (
        gzip.compress(payload)
        if name == "gzip"
        else payload.decode("utf-8", "replace").encode(name, "replace")
    )


def _deepen(chance: Random, payload: bytes, _: Sequence[bytes]) -> bytes:
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}"), (b"<b>", b"</b>")))
    start = chance.randrange(len(payload) + 1)
    return payload[:start] + opening * _DEEP + payload[start:] + closing * chance.choice((0, _DEEP))


BYTES: tuple[Mutation, ...] = (_flip, _replace, _replace, _delete, _double, _cut, _splice, _encode, _deepen)


def _places(found: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys, or positions."""
    places: list[tuple[Any, Any]] = []
    waiting = [found]
    while waiting:
        held = waiting.pop()
        keys = (
            list(held) if isinstance(held, dict) else list(range(len(held))) if isinstance(held, list) else []
        )
        places.extend((held, key) for key in keys)
        waiting.extend(held[key] for key in keys)
    return places


def _structured(chance: Random, payload: bytes, others: Sequence[bytes]) -> bytes:
    """Change the JSON: replace, remove, repeat, swap or rename some of its values. What is no JSON is changed as bytes."""
    found = _json(payload)
    if not isinstance(found, dict | list):
        return chance.choice(BYTES)(chance, payload, others)
    try:
        for _ in range(chance.randint(1, 3)):
            places = _places(found)
            if not places:
                break
            held, key = chance.choice(places)
            _change(chance, held, key, places, others)
        return json.dumps(found).encode()
    except RecursionError:  # it was nested deeply before
        return payload


def _change(
    chance: Random, held: Any, key: Any, places: Sequence[tuple[Any, Any]], others: Sequence[bytes]
) -> None:
    match chance.randrange(8):
        case 0 | 1 | 2:
            held[key] = deepcopy(chance.choice(NASTY))  # it is changed in turn
        case 3:
            del held[key]
        case 4 if isinstance(held, list):
            held.insert(key, held[key])
        case 5:
            other, there = chance.choice(places)
            if there in other if isinstance(other, dict) else there < len(other):
                held[key] = deepcopy(other[there])
        case 6 if isinstance(held, dict):
            held[chance.choice(("", "e", "data", "error", "message", "\ud800", "k" * 300))] = held.pop(key)
        case _:
            held[key] = _other_form(held[key], _json(chance.choice(others)))


def _other_form(value: Any, other: Any) -> Any:
    """A number as text, a text as a number, one value as a list of it; or something of another payload."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return [value]
    if isinstance(value, bool) or value is None:
        return other
    return str(value) if isinstance(value, int | float) else {"x": value}


def _json(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except (ValueError, RecursionError):
        return None


def mutated(chance: Random, payload: bytes, others: Sequence[bytes]) -> bytes:
    """A payload after one to three mutations, at most 300,000 bytes."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        mutation = _structured if chance.random() < 0.5 else chance.choice(BYTES)
        payload = mutation(chance, payload, others)[:300_000]
    return payload

"""Generates all documents as text, by their path in this folder."""

from collections.abc import Iterator
from typing import Any

import msgspec

from schemas.contracts.asyncapi import asyncapi
from schemas.contracts.json_schemas import json_schema, name_of
from schemas.topics import EVENT_TOPICS

ASYNCAPI = "asyncapi.json"


def path_of_schema(name: str) -> str:
    """Return the path of the JSON Schema of a kind and version, such as ``TickObserved.v1``."""
    return f"json/{name}.json"


def documents() -> dict[str, bytes]:
    """Return the documents of the present code; those of earlier versions stay in the same folder."""
    return {path: rendered(document) for path, document in _documents()}


def _documents() -> Iterator[tuple[str, dict[str, Any]]]:
    yield ASYNCAPI, asyncapi()
    for kind in dict.fromkeys(kind for topic in EVENT_TOPICS for kind in topic.events):
        yield path_of_schema(name_of(kind)), json_schema(kind)


def rendered(document: dict[str, Any]) -> bytes:
    """Return indented JSON with a newline at its end."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"

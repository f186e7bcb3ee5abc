"""Makes the messages of the AsyncAPI document: events with their headers, key and examples."""

from typing import Any

import msgspec

from schemas import codec
from schemas.contracts.docstrings import description_of, summary_of
from schemas.contracts.examples import examples_of
from schemas.contracts.json_schemas import Schema, name_of
from schemas.events import Event

KAFKA_BINDING = "0.5.0"
#: The description of each header of an event.
_HEADERS = {
    "schema": "The kind of event.",
    "schema-version": "The version of the kind's schema.",
    "content-type": "How the value is written.",
    "trace-id": (
        "The trace to which the event belongs: 32 hexadecimal digits, the 128-bit BLAKE2b hash of the value of "
        "the event that began it, such as a trade. Events that are derived from an event carry its trace."
    ),
}


def event_message(kind: type[Event]) -> dict[str, Any]:
    """Return a kind of event as a message."""
    return {
        "name": kind.__name__,
        "title": f"{kind.__name__}, version {kind.schema_version}",
        "summary": summary_of(kind),
        "description": f"{description_of(kind)}\n\n{_identity(kind)}",
        "contentType": "application/json",
        "headers": _headers(kind),
        "payload": {"$ref": f"#/components/schemas/{name_of(kind)}"},
        "correlationId": {
            "description": _HEADERS["trace-id"],
            "location": "$message.header#/trace-id",
        },
        "bindings": {"kafka": {"key": _key(kind), "bindingVersion": KAFKA_BINDING}},
        "examples": [_example(name, event) for name, event in examples_of(kind).items()],
    }


def _identity(kind: type[Event]) -> str:
    fields = ", ".join(f"`{name}`" for name in kind.natural_key)
    return f"Two records with the same {fields} state the same fact: drop the second."


def _headers(kind: type[Event]) -> Schema:
    fixed = {name: value for name, value in codec.headers(kind) if isinstance(value, bytes)}
    properties: Schema = {
        name: {"type": "string", "const": value.decode(), "description": _HEADERS[name]}
        for name, value in fixed.items()
    }
    properties["trace-id"] = {
        "type": "string",
        "pattern": "^[0-9a-f]{32}$",
        "description": _HEADERS["trace-id"],
    }
    return {"type": "object", "properties": properties, "required": list(fixed)}


def _key(kind: type[Event]) -> Schema:
    fields = " and ".join(f"`{name}`" for name in kind.key_fields)
    joined = ", joined by a slash" if len(kind.key_fields) > 1 else ""
    return {"type": "string", "description": f"UTF-8: {fields}{joined}."}


def _example(name: str, event: Event) -> dict[str, Any]:
    value = codec.encode(event)
    headers = {
        header: content.decode()
        for header, content in codec.headers(type(event), codec.trace_id(value))
        if isinstance(content, bytes)
    }
    return {"name": name, "headers": headers, "payload": msgspec.json.decode(value)}

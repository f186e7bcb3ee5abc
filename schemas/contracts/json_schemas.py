"""Makes the JSON Schema (2020-12) of each kind of event from its struct.

A field with a default may be missing in records of an earlier release, and has its default then.
Unknown fields are allowed, because a later release may add fields.
"""

from typing import Any

import msgspec

from schemas.contracts.docstrings import description_of, descriptions_of_fields
from schemas.events import Event

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


def name_of(kind: type[Event]) -> str:
    """Return the name of a kind with its version, such as ``TickObserved.v1``."""
    return f"{kind.__name__}.v{kind.schema_version}"


def json_schema(kind: type[Event]) -> Schema:
    """Return the schema of a kind as a document of its own, with its references in ``$defs``."""
    components = _components([kind], "#/$defs/{name}")
    found = components.pop(kind.__name__)
    return {
        "$schema": DIALECT,
        "$id": f"urn:driftline:schema:{kind.__name__}:{kind.schema_version}",
        **found,
        **({"$defs": components} if components else {}),
    }


def components_of(kinds: list[type[Event]]) -> dict[str, Schema]:
    """Return the schemas of many kinds and of their references, for an AsyncAPI document."""
    components = _components(kinds, "#/components/schemas/{name}")
    named = {kind.__name__: name_of(kind) for kind in kinds}
    return {named.get(name, name): schema for name, schema in components.items()}


def _components(kinds: list[type[Event]], reference: str) -> dict[str, Schema]:
    _, components = msgspec.json.schema_components(kinds, ref_template=reference)
    by_name = {kind.__name__: kind for kind in kinds}
    return {
        name: _of_event(by_name[name], schema) if name in by_name else _of_enum(schema)
        for name, schema in sorted(components.items())
    }


def _of_event(kind: type[Event], schema: Schema) -> Schema:
    """The schema of the library, with the descriptions of every field from the docstrings."""
    described = descriptions_of_fields(kind)
    made = _made_defaults(kind)
    properties: Schema = {"type": {"const": kind.__name__, "description": "The kind of event."}}
    for name, found in schema["properties"].items():
        if name != "type":
            properties[name] = _with_description(found | made.get(name, {}), described[name])
    return {
        "title": kind.__name__,
        "description": description_of(kind),
        "type": "object",
        "properties": properties,
        "required": schema["required"],
        "x-key": list(kind.key_fields),
        "x-natural-key": list(kind.natural_key),
    }


def _made_defaults(kind: type[Event]) -> dict[str, Schema]:
    """The defaults that a function returns, which the library does not list."""
    return {
        field.encode_name: {"default": field.default_factory()}
        for field in msgspec.structs.fields(kind)
        if field.default_factory is not msgspec.NODEFAULT
    }


def _with_description(schema: Schema, description: str) -> Schema:
    """Wrap a reference, because not every tool reads other keywords next to a reference."""
    reference = {"allOf": [{"$ref": schema["$ref"]}]} if "$ref" in schema else {}
    others = {keyword: value for keyword, value in schema.items() if keyword != "$ref"}
    return {**reference, **others, "description": description}


def _of_enum(schema: Schema) -> Schema:
    return {**schema, "type": "string"}

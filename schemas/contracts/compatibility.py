"""Finds the incompatible changes between two JSON Schemas of the same version of the same kind of event.

Records are kept for weeks, and subscribers deploy at any time, so a version must be compatible both ways::

    records of yesterday   --read by-->  the platform of tomorrow    nothing may be narrowed or required
    records of tomorrow    --read by-->  subscribers of yesterday    nothing may be widened or removed

The only compatible change is a new field that has a default. If a keyword changes that this module does not know,
the change counts as incompatible.
"""

from collections.abc import Iterable, Iterator
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple

Schema = dict[str, Any]


class Broken(StrEnum):
    """The readers that a change breaks."""

    SUBSCRIBERS = "subscribers of today could not read tomorrow's records"
    HISTORY = "the release of tomorrow could not read today's records"
    BOTH = "neither could read the other's records"


class IncompatibleChange(NamedTuple):
    """One incompatible change.

    Attributes:
        where: The field, as a path of names.
        what: The change, with the old and the new value.
        breaks: The readers that it breaks.
    """

    where: str
    what: str
    breaks: Broken

    def __str__(self) -> str:
        """Return one line for the author of the change."""
        return f"{self.where or 'the event'}: {self.what} ({self.breaks})"


#: The keywords of upper and lower limits.
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_ANNOTATIONS = {"title", "description", "examples", "$schema", "$id", "$defs", "$comment", "deprecated"}
_STRUCTURE = {"type", "enum", "const", "properties", "required", "items", "additionalProperties", "default"}
_JUDGED = {*_UPPER, *_LOWER, *_ANNOTATIONS, *_STRUCTURE, "anyOf", "oneOf", "allOf", "$ref"}


def incompatible_changes(old: Schema, new: Schema) -> list[IncompatibleChange]:
    """Return every change between two schemas of one version that breaks a reader.

    Args:
        old: The committed document.
        new: The generated one.
    """
    return list(_changes(_Side(old, old), _Side(new, new), ""))


class _Side(NamedTuple):
    """A schema within its document, in which references are looked up."""

    document: Schema
    schema: Schema

    def alternatives(self) -> dict[str, Schema]:
        """Return the schemas by JSON type; references are looked up, and alternatives are flattened."""
        found = self._resolved()
        parts = found.get("anyOf") or found.get("oneOf")
        if parts:
            return _apart(chain.from_iterable(self.inside(part).alternatives().items() for part in parts))
        kinds = found.get("type", _type_of_values(found))
        return dict.fromkeys(kinds if isinstance(kinds, list) else [kinds], found)

    def inside(self, schema: Schema) -> "_Side":
        """Return a part of the same document."""
        return _Side(self.document, schema)

    def _resolved(self) -> Schema:
        found = dict(self.schema)
        for part in [*found.pop("allOf", []), *([{"$ref": found.pop("$ref")}] if "$ref" in found else [])]:
            found = self._looked_up(part) | found
        return found

    def _looked_up(self, part: Schema) -> Schema:
        if "$ref" not in part:
            return self.inside(part)._resolved()  # noqa: SLF001  (the same class)
        target: Any = self.document
        for name in part["$ref"].removeprefix("#/").split("/"):
            target = target[name]
        return self.inside(target)._resolved()  # noqa: SLF001


def _apart(alternatives: Iterable[tuple[str, Schema]]) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for kind, schema in alternatives:
        if kind in found:
            message = f"alternatives of one field must differ in their type, {kind} was there twice"
            raise ValueError(message)
        found[kind] = schema
    return found


def _type_of_values(schema: Schema) -> str:
    """The type of a schema of fixed values, which may leave its type out."""
    return "string" if "enum" in schema or "const" in schema else "any"


def _changes(old: _Side, new: _Side, where: str) -> Iterator[IncompatibleChange]:
    before, after = old.alternatives(), new.alternatives()
    for kind in sorted(before.keys() - _with_integers(after)):
        yield IncompatibleChange(where, f"{kind} is no longer allowed", Broken.HISTORY)
    for kind in sorted(after.keys() - _with_integers(before)):
        yield IncompatibleChange(where, f"{kind} is now allowed", Broken.SUBSCRIBERS)
    for kind in sorted(before.keys() & after.keys()):
        was, now = old.inside(before[kind]), new.inside(after[kind])
        yield from _values(was.schema, now.schema, where)
        yield from _limits(was.schema, now.schema, where)
        yield from _unknown(was.schema, now.schema, where)
        yield from _fields(was, now, where)
        yield from _contents(was, now, where)


def _with_integers(kinds: Iterable[str]) -> set[str]:
    """The same types, with integers if there are numbers, because an integer is a number."""
    found = set(kinds)
    return found | {"integer"} if "number" in found else found


def _values(old: Schema, new: Schema, where: str) -> Iterator[IncompatibleChange]:
    """Compare enumerations, and the tag, which is an enumeration with one value."""
    was, now = _allowed(old), _allowed(new)
    if was == now:
        return
    if was is None or now is None:
        broken = Broken.HISTORY if was is None else Broken.SUBSCRIBERS
        yield IncompatibleChange(where, f"allowed values were {_listed(was)}, are {_listed(now)}", broken)
        return
    for value in was:
        if value not in now:
            yield IncompatibleChange(where, f"value {value!r} is no longer allowed", Broken.HISTORY)
    for value in now:
        if value not in was:
            yield IncompatibleChange(where, f"value {value!r} is new", Broken.SUBSCRIBERS)


def _allowed(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values: list[Any] | None = schema.get("enum")
    return None if values is None else sorted(values, key=str)


def _listed(values: list[Any] | None) -> str:
    return "any" if values is None else ", ".join(map(repr, values))


def _limits(old: Schema, new: Schema, where: str) -> Iterator[IncompatibleChange]:
    for keyword in (*_UPPER, *_LOWER):
        was, now = old.get(keyword), new.get(keyword)
        if was == now:
            continue
        is_narrower = now is not None and (was is None or ((now < was) == (keyword in _UPPER)))
        broken = Broken.HISTORY if is_narrower else Broken.SUBSCRIBERS
        change = "narrowed" if is_narrower else "widened"
        yield IncompatibleChange(where, f"{keyword} is {change} from {was} to {now}", broken)


def _unknown(old: Schema, new: Schema, where: str) -> Iterator[IncompatibleChange]:
    for keyword in sorted((old.keys() | new.keys()) - _JUDGED):
        if old.get(keyword) != new.get(keyword):
            yield IncompatibleChange(
                where, f"{keyword} was {old.get(keyword)!r}, is {new.get(keyword)!r}", Broken.BOTH
            )


def _fields(old: _Side, new: _Side, where: str) -> Iterator[IncompatibleChange]:
    was, now = old.schema.get("properties", {}), new.schema.get("properties", {})
    was_required, now_required = set(old.schema.get("required", ())), set(new.schema.get("required", ()))
    for name in was.keys() - now.keys():
        yield IncompatibleChange(_path(where, name), "the field is gone", Broken.SUBSCRIBERS)
    for name in now.keys() - was.keys():
        if name in now_required:
            yield IncompatibleChange(_path(where, name), "a new field is required", Broken.HISTORY)
    for name in sorted(was.keys() & now.keys()):
        inside = _path(where, name)
        if name in now_required - was_required:
            yield IncompatibleChange(inside, "the field is now required", Broken.HISTORY)
        if name in was_required - now_required:
            yield IncompatibleChange(inside, "the field may now be missing", Broken.SUBSCRIBERS)
        yield from _default(was[name], now[name], inside)
        yield from _changes(old.inside(was[name]), new.inside(now[name]), inside)


def _default(old: Schema, new: Schema, where: str) -> Iterator[IncompatibleChange]:
    """Compare the defaults of missing fields; a field that became required or optional is reported elsewhere."""
    if "default" in old and "default" in new and old["default"] != new["default"]:
        yield IncompatibleChange(
            where, f"its default was {old['default']!r}, is {new['default']!r}", Broken.BOTH
        )


def _contents(old: _Side, new: _Side, where: str) -> Iterator[IncompatibleChange]:
    """Compare the items of arrays, and the values of objects whose keys are data."""
    for keyword, inside in (("items", "[]"), ("additionalProperties", "{}")):
        was, now = old.schema.get(keyword, True), new.schema.get(keyword, True)
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _changes(old.inside(was), new.inside(now), _path(where, inside))
        elif was != now:
            yield IncompatibleChange(where, f"{keyword} was {was!r}, is {now!r}", Broken.BOTH)


def _path(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name

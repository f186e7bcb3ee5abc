"""The kinds of values in a snapshot: how each is written, and which values are accepted when it is read.

Every attribute of every class that may be stored has a declared kind. So nothing in a snapshot states its own type:
the table does, and a value of another kind is refused. Objects are referred
to by their number, and only by objects with a higher number, so a graph that was read has no cycle,
whoever wrote it.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any, NoReturn, Protocol

from schemas.errors import StateError

#: The square of this number is still finite, because River squares differences without a check.
LARGEST_NUMBER = 1e150
LARGEST_WHOLE = 2**53


class ObjectWriter(Protocol):
    """Gives each object of a snapshot a number."""

    def number(self, value: Any, codes: Collection[str]) -> int:
        """Returns the number of an object; a new object is written first."""


class ObjectReader(Protocol):
    """Holds the objects that were read."""

    @property
    def n_features(self) -> int:
        """The number of columns of the model."""

    def object(self, number: Any, codes: Collection[str]) -> Any:
        """Returns the object of a number."""


class ValueKind(Protocol):
    """How values are written and read."""

    def write(self, value: Any, writer: ObjectWriter) -> Any:
        """Returns the value in a form that MessagePack can hold.

        Raises:
            StateError: If the value is not of this kind.
        """

    def read(self, data: Any, reader: ObjectReader) -> Any:
        """Returns the value of data that were written.

        Raises:
            StateError: If the data are not of this kind.
        """


def refuse(expected: str, found: Any) -> NoReturn:
    """Raises an error with what was expected and the type of what was found, but not its text, which may be anything."""
    message = f"expected {expected} in a model's snapshot, was of type {type(found).__name__}"
    raise StateError(message)


class PlainKind:
    """A value that MessagePack can hold as it is, if it passes a check."""

    def __init__(self, expected: str, check: Callable[[Any], bool]) -> None:
        self._expected = expected
        self._check = check

    def write(self, value: Any, _writer: ObjectWriter) -> Any:
        """Returns the value itself."""
        return value if self._check(value) else refuse(self._expected, value)

    def read(self, data: Any, _reader: ObjectReader) -> Any:
        """Returns the value itself."""
        return data if self._check(data) else refuse(self._expected, data)


def _is_number(value: Any) -> bool:
    # Exactly these types: numpy's float64 is a float too, but its text and its arithmetic differ.
    return type(value) in {int, float} and math.isfinite(value) and abs(value) <= LARGEST_NUMBER


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_WHOLE


NUMBER = PlainKind("a finite number", _is_number)
WHOLE = PlainKind("a whole number", _is_whole)
FLAG = PlainKind("true or false", lambda value: type(value) is bool)
NOTHING = PlainKind("nothing", lambda value: value is None)
#: The label that a model predicts; a tree that knows nothing predicts None.
LABEL = PlainKind("a label", lambda value: value is None or type(value) is bool)


def constant(*allowed: str) -> PlainKind:
    """Returns the kind of a text that must be one of these."""
    return PlainKind(f"one of {', '.join(allowed)}", lambda value: type(value) is str and value in allowed)


class FeatureKind:
    """The number of a column of the model."""

    def write(self, value: Any, writer: ObjectWriter) -> Any:
        """Returns the value itself."""
        return WHOLE.write(value, writer)

    def read(self, data: Any, reader: ObjectReader) -> Any:
        """Returns the value itself."""
        return data if _is_whole(data) and data < reader.n_features else refuse("a column's number", data)


class OptionalKind:
    """A value of another kind, or None."""

    def __init__(self, kind: ValueKind) -> None:
        self._kind = kind

    def write(self, value: Any, writer: ObjectWriter) -> Any:
        """Returns None, or what the other kind returns."""
        return None if value is None else self._kind.write(value, writer)

    def read(self, data: Any, reader: ObjectReader) -> Any:
        """Returns None, or what the other kind returns."""
        return None if data is None else self._kind.read(data, reader)


class ReferenceKind:
    """An object of one of several classes; shared objects stay shared."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    def write(self, value: Any, writer: ObjectWriter) -> Any:
        """Returns the number of the object."""
        return writer.number(value, self._codes)

    def read(self, data: Any, reader: ObjectReader) -> Any:
        """Returns the object of the number."""
        return reader.object(data, self._codes)


class ListKind:
    """A list of values of one kind, of length ``n`` if that is given."""

    def __init__(self, kind: ValueKind, *, n: int | None = None) -> None:
        self._kind = kind
        self._n = n

    def write(self, value: Any, writer: ObjectWriter) -> Any:
        """Returns a list."""
        if type(value) is not list:
            refuse("a list", value)
        return [self._kind.write(item, writer) for item in value]

    def read(self, data: Any, reader: ObjectReader) -> Any:
        """Returns a list."""
        if type(data) is not list or self._n not in {None, len(data)}:
            refuse("a list" if self._n is None else f"a list of {self._n}", data)
        return [self._kind.read(item, reader) for item in data]


class SetKind:
    """A set of plain values, written in sorted order."""

    def __init__(self, kind: ValueKind) -> None:
        self._kind = kind

    def write(self, value: Any, writer: ObjectWriter) -> Any:
        """Returns a list."""
        if type(value) is not set:
            refuse("a set", value)
        return [self._kind.write(item, writer) for item in sorted(value)]

    def read(self, data: Any, reader: ObjectReader) -> Any:
        """Returns a set."""
        if type(data) is not list:
            refuse("a list", data)
        return {self._kind.read(item, reader) for item in data}


class MappingKind:
    """A dictionary, written as keys and values in turn; their order is a part of a model's arithmetic.

    Args:
        key: The kind of the keys.
        value: The kind of the values.
        default: The default factory of a ``defaultdict``; None for a plain dictionary.
    """

    def __init__(self, key: ValueKind, value: ValueKind, *, default: Callable[[], Any] | None = None) -> None:
        self._key = key
        self._value = value
        self._default = default

    def write(self, value: Any, writer: ObjectWriter) -> Any:
        """Returns a list."""
        if type(value) is not (dict if self._default is None else defaultdict):
            refuse("a dictionary", value)
        flat = []
        for key, item in value.items():
            flat += [self._key.write(key, writer), self._value.write(item, writer)]
        return flat

    def read(self, data: Any, reader: ObjectReader) -> Any:
        """Returns a dictionary."""
        if type(data) is not list or len(data) % 2:
            refuse("keys and values in turn", data)
        found: dict[Any, Any] = {} if self._default is None else defaultdict(self._default)
        for key, item in zip(data[::2], data[1::2], strict=True):
            found[self._key.read(key, reader)] = self._value.read(item, reader)
        return found


class InlineKind:
    """A value that is written by a function of its own, and that nothing else refers to."""

    def __init__(self, write: Callable[[Any], Any], read: Callable[[Any], Any]) -> None:
        self._write = write
        self._read = read

    def write(self, value: Any, _writer: ObjectWriter) -> Any:
        """Returns what the function returns."""
        return self._write(value)

    def read(self, data: Any, _reader: ObjectReader) -> Any:
        """Returns what the function returns."""
        return self._read(data)


class UnkeptKind:
    """A value that the model never uses: it is not written, and a new one is made when the snapshot is read."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def write(self, _value: Any, _writer: ObjectWriter) -> Any:
        """Returns None."""
        return None

    def read(self, data: Any, _reader: ObjectReader) -> Any:
        """Returns a new value."""
        return self._make() if data is None else refuse("nothing", data)

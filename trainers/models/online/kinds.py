"""Kinds of values in a snapshot: how each is written, and what is accepted when it is read.

Every attribute of every class that may be kept has a declared kind, so nothing in a snapshot says
what it is: the table does, and what is not of the declared kind is refused. Objects are referred
to by their number, and only to numbers before their own, so a graph that was read has no cycle,
whoever wrote it.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Any, NoReturn, Protocol

from schemas.errors import StateError

#: Squares of it are finite still: River squares differences without looking.
LARGEST_NUMBER = 1e150
LARGEST_WHOLE = 2**53


class Writer(Protocol):
    """Numbers objects."""

    def number(self, value: Any, codes: Collection[str]) -> int:
        """The number of an object, which is written first if it is new."""


class Reader(Protocol):
    """Knows the objects that were read."""

    @property
    def n_features(self) -> int:
        """How many columns the model has."""

    def object(self, number: Any, codes: Collection[str]) -> Any:
        """The object of a number."""


class Kind(Protocol):
    """How values are written and read."""

    def write(self, value: Any, writer: Writer) -> Any:
        """As MessagePack has it.

        Raises:
            StateError: If it is not of this kind.
        """

    def read(self, data: Any, reader: Reader) -> Any:
        """The value again.

        Raises:
            StateError: If what is there is not of this kind.
        """


def refuse(expected: str, found: Any) -> NoReturn:
    """Say what was expected, and of which type what was found is; its text may be anything."""
    message = f"expected {expected} in a model's snapshot, was of type {type(found).__name__}"
    raise StateError(message)


class Plain:
    """A value that MessagePack has itself, if it passes a check."""

    def __init__(self, expected: str, check: Callable[[Any], bool]) -> None:
        self._expected = expected
        self._check = check

    def write(self, value: Any, _writer: Writer) -> Any:
        """Itself."""
        return value if self._check(value) else refuse(self._expected, value)

    def read(self, data: Any, _reader: Reader) -> Any:
        """Itself."""
        return data if self._check(data) else refuse(self._expected, data)


def _is_number(value: Any) -> bool:
    # numpy's float64 is a float too, and its text and arithmetic are others: exactly these.
    return type(value) in {int, float} and math.isfinite(value) and abs(value) <= LARGEST_NUMBER


def _is_whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LARGEST_WHOLE


NUMBER = Plain("a finite number", _is_number)
WHOLE = Plain("a whole number", _is_whole)
FLAG = Plain("true or false", lambda value: type(value) is bool)
NOTHING = Plain("nothing", lambda value: value is None)
#: The label that a model predicts; a tree that knows nothing predicts None.
LABEL = Plain("a label", lambda value: value is None or type(value) is bool)


def constant(*allowed: str) -> Plain:
    """One of some texts."""
    return Plain(f"one of {', '.join(allowed)}", lambda value: type(value) is str and value in allowed)


class Feature:
    """The number of a column of the model."""

    def write(self, value: Any, writer: Writer) -> Any:
        """Itself."""
        return WHOLE.write(value, writer)

    def read(self, data: Any, reader: Reader) -> Any:
        """Itself."""
        return data if _is_whole(data) and data < reader.n_features else refuse("a column's number", data)


class Maybe:
    """Another kind, or nothing."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def write(self, value: Any, writer: Writer) -> Any:
        """None, or as the kind does."""
        return None if value is None else self._kind.write(value, writer)

    def read(self, data: Any, reader: Reader) -> Any:
        """None, or as the kind does."""
        return None if data is None else self._kind.read(data, reader)


class Reference:
    """An object of one of some classes; shared ones stay shared."""

    def __init__(self, *codes: str) -> None:
        self._codes = codes

    def write(self, value: Any, writer: Writer) -> Any:
        """Its number."""
        return writer.number(value, self._codes)

    def read(self, data: Any, reader: Reader) -> Any:
        """The object."""
        return reader.object(data, self._codes)


class Many:
    """A list of one kind, of so many if that is said."""

    def __init__(self, kind: Kind, *, n: int | None = None) -> None:
        self._kind = kind
        self._n = n

    def write(self, value: Any, writer: Writer) -> Any:
        """A list."""
        if type(value) is not list:
            refuse("a list", value)
        return [self._kind.write(item, writer) for item in value]

    def read(self, data: Any, reader: Reader) -> Any:
        """A list."""
        if type(data) is not list or self._n not in {None, len(data)}:
            refuse("a list" if self._n is None else f"a list of {self._n}", data)
        return [self._kind.read(item, reader) for item in data]


class Distinct:
    """A set of plain values, written in their order."""

    def __init__(self, kind: Kind) -> None:
        self._kind = kind

    def write(self, value: Any, writer: Writer) -> Any:
        """A list."""
        if type(value) is not set:
            refuse("a set", value)
        return [self._kind.write(item, writer) for item in sorted(value)]

    def read(self, data: Any, reader: Reader) -> Any:
        """A set."""
        if type(data) is not list:
            refuse("a list", data)
        return {self._kind.read(item, reader) for item in data}


class Pairs:
    """A dictionary, as keys and values by turns: their order is part of a model's arithmetic.

    Args:
        default: Of a ``defaultdict``, what a missing key is given; None for a plain dictionary.
    """

    def __init__(self, key: Kind, value: Kind, *, default: Callable[[], Any] | None = None) -> None:
        self._key = key
        self._value = value
        self._default = default

    def write(self, value: Any, writer: Writer) -> Any:
        """A list."""
        if type(value) is not (dict if self._default is None else defaultdict):
            refuse("a dictionary", value)
        flat = []
        for key, item in value.items():
            flat += [self._key.write(key, writer), self._value.write(item, writer)]
        return flat

    def read(self, data: Any, reader: Reader) -> Any:
        """A dictionary."""
        if type(data) is not list or len(data) % 2:
            refuse("keys and values by turns", data)
        found: dict[Any, Any] = {} if self._default is None else defaultdict(self._default)
        for key, item in zip(data[::2], data[1::2], strict=True):
            found[self._key.read(key, reader)] = self._value.read(item, reader)
        return found


class Inline:
    """A value with its own way to be written, which nothing else refers to."""

    def __init__(self, write: Callable[[Any], Any], read: Callable[[Any], Any]) -> None:
        self._write = write
        self._read = read

    def write(self, value: Any, _writer: Writer) -> Any:
        """Its own way."""
        return self._write(value)

    def read(self, data: Any, _reader: Reader) -> Any:
        """Its own way."""
        return self._read(data)


class Unkept:
    """A value that the model never looks at: not written, made anew when read."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make

    def write(self, _value: Any, _writer: Writer) -> Any:
        """Nothing."""
        return None

    def read(self, data: Any, _reader: Reader) -> Any:
        """A new one."""
        return self._make() if data is None else refuse("nothing", data)

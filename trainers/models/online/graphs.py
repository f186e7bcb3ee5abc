"""Writes objects that refer to one another as a list of rows, and reads them.

A row is ``[code, attribute, attribute, ...]``: the code stands for a class of a fixed table, and the
attributes come in the order of the table, each in its declared kind. A row comes after the rows that it refers
to; the root object comes last; an object that two others refer to has one row. Nothing in
the data names a class, a module or a function; an instance is made without calling its class.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from schemas.errors import StateError
from trainers.models.online.kinds import ObjectReader, ObjectWriter, ValueKind

#: The most steps from the model to a number in the deepest leaf, because River walks its trees by recursion.
MOST_LEVELS = 200


class ClassEntry(Protocol):
    """A class of the table.

    Attributes:
        code: The code that stands for it in a row.
        kept: The class.
    """

    code: str
    kept: type[Any]

    def write(self, value: Any, writer: ObjectWriter) -> list[Any]:
        """Returns the row of an object without its code."""

    def read(self, row: Sequence[Any], reader: ObjectReader) -> Any:
        """Returns the object of a row."""


class AttributeEntry:
    """A class whose state is in its attributes.

    Args:
        code: The code that stands for it.
        kept: The class.
        kinds: All its attributes by name, in the order of the row.
    """

    def __init__(self, code: str, kept: type[Any], kinds: Mapping[str, ValueKind]) -> None:
        self.code = code
        self.kept = kept
        self._kinds = kinds

    def write(self, value: Any, writer: ObjectWriter) -> list[Any]:
        """Returns the row of an object without its code.

        Raises:
            StateError: If it has other attributes than the table, as in another version of River.
        """
        if vars(value).keys() != self._kinds.keys():
            unlike = sorted(vars(value).keys() ^ self._kinds.keys())
            message = f"a {self.code} has other attributes than River 0.26 gives it: {unlike}"
            raise StateError(message)
        return [kind.write(getattr(value, name), writer) for name, kind in self._kinds.items()]

    def read(self, row: Sequence[Any], reader: ObjectReader) -> Any:
        """Returns the object of a row.

        Raises:
            StateError: If the row has another length, or a value is of another kind.
        """
        if len(row) != len(self._kinds):
            message = f"a {self.code} has {len(self._kinds)} attributes, {len(row)} were found"
            raise StateError(message)
        value = object.__new__(self.kept)
        for (name, kind), data in zip(self._kinds.items(), row, strict=True):
            value.__dict__[name] = kind.read(data, reader)
        return value


class _Writing:
    """The rows that were written so far."""

    def __init__(self, table: Collection[ClassEntry]) -> None:
        self._by_class = {entry.kept: entry for entry in table}
        self._numbers: dict[int, int] = {}
        self.rows: list[list[Any]] = []

    def number(self, value: Any, codes: Collection[str]) -> int:
        entry = self._by_class.get(type(value))
        if entry is None or entry.code not in codes:
            message = f"expected one of {', '.join(codes)} in the model, was a {type(value).__name__}"
            raise StateError(message)
        known = self._numbers.get(id(value))
        if known is None:
            self.rows.append([entry.code, *entry.write(value, self)])
            known = self._numbers[id(value)] = len(self.rows) - 1
        return known


class _Reading:
    """The objects that were read so far."""

    def __init__(self, *, n_features: int) -> None:
        self.n_features = n_features
        self._codes: list[str] = []
        self._objects: list[Any] = []
        self._levels: list[int] = []
        self._level = 0

    def take(self, entry: ClassEntry, row: Sequence[Any]) -> Any:
        self._level = 0
        value = entry.read(row, self)
        if self._level >= MOST_LEVELS:
            message = f"a model's snapshot must not be deeper than {MOST_LEVELS} levels"
            raise StateError(message)
        self._codes.append(entry.code)
        self._objects.append(value)
        self._levels.append(self._level + 1)
        return value

    def object(self, number: Any, codes: Collection[str]) -> Any:
        if type(number) is not int or not 0 <= number < len(self._objects):
            message = "an object refers to another one that does not come before it"
            raise StateError(message)
        if self._codes[number] not in codes:
            message = f"expected one of {', '.join(codes)}, the snapshot refers to a {self._codes[number]}"
            raise StateError(message)
        self._level = max(self._level, self._levels[number])
        return self._objects[number]


def rows_of(value: Any, table: Collection[ClassEntry], *, root: str) -> list[list[Any]]:
    """Returns the rows of an object and of all objects that it refers to.

    Args:
        value: The root object.
        table: The classes that may occur.
        root: The code of ``value``.

    Raises:
        StateError: If an object occurs whose class is not in the table.
    """
    writing = _Writing(table)
    writing.number(value, (root,))
    return writing.rows


def object_of(rows: Sequence[Any], table: Collection[ClassEntry], *, root: str, n_features: int) -> Any:
    """Returns the object of rows, with all objects that it refers to.

    Args:
        rows: The rows, as :func:`rows_of` writes them.
        table: The classes that may occur.
        root: The code of the root object.
        n_features: The number of columns of the model.

    Raises:
        StateError: If a row is of an unknown class, or does not have the form of its class.
    """
    by_code = {entry.code: entry for entry in table}
    reading = _Reading(n_features=n_features)
    value: Any = None
    code: Any = None
    for row in rows:
        code = row[0] if isinstance(row, list) and row else None
        if type(code) is not str or code not in by_code:
            message = f"expected one of {', '.join(by_code)}, the snapshot has an object of another class"
            raise StateError(message)
        value = reading.take(by_code[code], row[1:])
    if code != root:
        message = f"expected a {root} at the snapshot's end, was {code}"
        raise StateError(message)
    return value

"""Collects what changed in the state of an operator between two checkpoints, by key.

This module is separate because every operator that keeps its state by key needs the same three rules. If a key
changes often, only its newest value is written. A key that is added and dropped between two checkpoints is not
written at all. Keys and values are encoded only when a checkpoint asks for them.
"""

from collections.abc import Callable
from typing import Any

import msgspec

Key = tuple[Any, ...]
#: Encodes a value when a checkpoint asks for it.
Value = Callable[[], bytes]

encode = msgspec.msgpack.encode


class StateChanges:
    """The changed keys of a state.

    A key is a tuple of its kind, its stream (an empty text if it belongs to no stream), and the names that
    distinguish it from other keys of its kind.
    """

    def __init__(self) -> None:
        self._values: dict[Key, Value | bytes | None] = {}
        self._fresh: set[Key] = set()

    def put(self, key: Key, value: Value | bytes) -> None:
        """Record the new value of a key. A callable is called for it when the changes are taken."""
        self._values[key] = value

    def add(self, key: Key, value: Value | bytes) -> None:
        """Record the value of a key that the state does not hold yet.

        If the key is dropped before the changes are taken, nothing is written of it.
        """
        if key not in self._values:
            self._fresh.add(key)
        self._values[key] = value

    def drop(self, key: Key) -> None:
        """Record that a key was deleted."""
        if key in self._fresh:
            self._fresh.discard(key)
            del self._values[key]
        else:
            self._values[key] = None

    def take(self) -> list[tuple[bytes, bytes | None]]:
        """Return every changed key with its value, None if it was deleted, and begin again with no changes."""
        taken, self._values = self._values, {}
        self._fresh.clear()
        return [(encode(key), value() if callable(value) else value) for key, value in taken.items()]

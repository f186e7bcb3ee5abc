"""What of an operator's state changed since it was asked last, by key.

Stands apart because every operator that keeps its state by key needs the same three rules: of a key that
changed often only the newest value is written; a key that came and went between two questions is not
written at all; and keys and values become bytes only when somebody asks.
"""

from collections.abc import Callable
from typing import Any

import msgspec

Key = tuple[Any, ...]
#: Makes the bytes of a value, when they are asked for.
Value = Callable[[], bytes]

encode = msgspec.msgpack.encode


class Changes:
    """Collects changes of keys.

    A key is a tuple of a kind, the stream that it belongs to or an empty text, and what tells it from
    the others of its kind.
    """

    def __init__(self) -> None:
        self._values: dict[Key, Value | bytes | None] = {}
        self._fresh: set[Key] = set()

    def put(self, key: Key, value: Value | bytes) -> None:
        """Note that a key has another value now; a callable is asked for it when changes are taken."""
        self._values[key] = value

    def add(self, key: Key, value: Value | bytes) -> None:
        """As :meth:`put`, of a key that the state does not hold: dropped before it was taken, it leaves no trace."""
        if key not in self._values:
            self._fresh.add(key)
        self._values[key] = value

    def drop(self, key: Key) -> None:
        """Note that a key is gone."""
        if key in self._fresh:
            self._fresh.discard(key)
            del self._values[key]
        else:
            self._values[key] = None

    def take(self) -> list[tuple[bytes, bytes | None]]:
        """Every key that changed, with its value or None where it is gone; then nothing has changed."""
        taken, self._values = self._values, {}
        self._fresh.clear()
        return [(encode(key), value() if callable(value) else value) for key, value in taken.items()]

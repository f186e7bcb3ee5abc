"""Records which keys of an operator's state changed between two checkpoints.

It is meant for an operator with many small entries, few of which change. A waiting row is written once and deleted
once; a row that came and went between two checkpoints is never written. Values are encoded when a checkpoint asks
for them, so a key that changed a thousand times is encoded once.
"""

from collections.abc import Callable, Iterable

from stream_processors.operators.protocols import StateChange


class TouchedKeys:
    """The changed keys of a state. The values stay with the caller."""

    def __init__(self) -> None:
        self._values: dict[bytes, Callable[[], bytes] | None] = {}
        self._written: set[bytes] = set()

    def put(self, key: bytes, value: Callable[[], bytes]) -> None:
        """Record that a key exists or changed; ``value`` is called when the changes are asked for."""
        self._values[key] = value

    def drop(self, key: bytes) -> None:
        """Record that a key was deleted."""
        if key in self._written:
            self._values[key] = None
        else:
            self._values.pop(key, None)

    def changes(self) -> list[StateChange]:
        """Return the changes since the last call, each key once."""
        values, self._values = self._values, {}
        found = [StateChange(key, None if value is None else value()) for key, value in values.items()]
        self._written.update(values)
        self._written.difference_update(change.key for change in found if change.value is None)
        return found

    def take(self, keys: Iterable[bytes]) -> None:
        """Treat these keys as written, because a state was restored from them."""
        self._values, self._written = {}, set(keys)

    def drop_where(self, is_gone: Callable[[bytes], bool]) -> None:
        """Record that every key for which the function returns True was deleted."""
        for key in [key for key in {*self._written, *self._values} if is_gone(key)]:
            self.drop(key)

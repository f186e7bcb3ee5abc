"""Which keys of an operator's state were touched since its changes were last asked for.

For an operator that holds many small things of which few change: a row that waits is written once and
deleted once, and one that came and went between two checkpoints is never written. The values are
encoded when they are asked for, so that a key touched a thousand times is encoded once.
"""

from collections.abc import Callable, Iterable

from stream_processors.operators.protocols import Change


class Touched:
    """Keeps account of keys; what is kept under them stays with whoever touches them."""

    def __init__(self) -> None:
        self._values: dict[bytes, Callable[[], bytes] | None] = {}
        self._written: set[bytes] = set()

    def put(self, key: bytes, value: Callable[[], bytes]) -> None:
        """A key is there, with what the call gives when changes are asked for."""
        self._values[key] = value

    def drop(self, key: bytes) -> None:
        """A key is gone."""
        if key in self._written:
            self._values[key] = None
        else:
            self._values.pop(key, None)

    def changes(self) -> list[Change]:
        """What changed since this was last asked, each key once."""
        values, self._values = self._values, {}
        found = [Change(key, None if value is None else value()) for key, value in values.items()]
        self._written.update(values)
        self._written.difference_update(change.key for change in found if change.value is None)
        return found

    def take(self, keys: Iterable[bytes]) -> None:
        """Count keys as written: a state was restored from them."""
        self._values, self._written = {}, set(keys)

    def drop_where(self, is_gone: Callable[[bytes], bool]) -> None:
        """Every key of some kind is gone."""
        for key in [key for key in {*self._written, *self._values} if is_gone(key)]:
            self.drop(key)

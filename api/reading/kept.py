"""Keeps what was read for a moment, so that many requests read it once."""

import threading
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from schemas.errors import StoreUnavailableError
from schemas.time import Clock

_ReadT = TypeVar("_ReadT")


class _Held(NamedTuple, Generic[_ReadT]):
    value: _ReadT


class Kept(Generic[_ReadT]):
    """Reads something at most once in a while.

    One request reads it anew. The others are answered meanwhile from what was read before, as it also is while the
    stores do not answer.

    Args:
        read: Reads it.
        clock: Measures the while.
        kept_s: For how long it is not read again.
    """

    def __init__(self, read: Callable[[], _ReadT], clock: Clock, *, kept_s: float) -> None:
        self._read = read
        self._clock = clock
        self._kept_s = kept_s
        self._held: _Held[_ReadT] | None = None
        self._until_s = float("-inf")
        self._reading = threading.Lock()

    def newest(self) -> _ReadT:
        """Return what was read last, at most a while ago if the stores answer.

        Raises:
            StoreUnavailableError: If it was never read, and the stores do not answer.
        """
        held = self._held
        if held is not None and self._clock.monotonic_s() < self._until_s:
            return held.value
        if not self._reading.acquire(blocking=held is None):
            return held.value if held is not None else self.newest()
        try:
            return self._read_anew()
        finally:
            self._reading.release()

    def _read_anew(self) -> _ReadT:
        held = self._held
        if held is not None and self._clock.monotonic_s() < self._until_s:
            return held.value
        try:
            held = _Held(self._read())
        except StoreUnavailableError:
            if held is None:
                raise
        self._held = held
        self._until_s = self._clock.monotonic_s() + self._kept_s
        return held.value

"""Gives memory that was freed back to the system.

The allocator of glibc keeps freed blocks for the next use. After a piece of work that is rare and large, such as
reading new articles, they would stay with the process for hours.
"""

import ctypes
from contextlib import suppress

from schemas.time import Clock

#: After so many records memory is given back, with the next batch of few.
_MUCH, _FEW = 20_000, 200
#: A replay at full speed rests often, and what was given back must be asked for again.
_EVERY_S = 30.0


def give_memory_back() -> None:
    """Give freed blocks back to the system, where the allocator can; it takes milliseconds."""
    with suppress(OSError, AttributeError):  # other systems have no such function
        ctypes.CDLL(None).malloc_trim(0)


class Freeing:
    """Gives memory back when a process rests after much work: a warm-up leaves 30 to 60 MB in each process that read it.

    Args:
        clock: Tells when memory was given back last.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._n_since = 0
        self._freed_at_s = clock.monotonic_s() - _EVERY_S

    def after(self, n: int) -> bool:
        """Note a batch of so many records, and return whether memory was given back: when few follow many.

        Args:
            n: The number of records; 0 if there were none.
        """
        self._n_since += n
        now_s = self._clock.monotonic_s()
        if n > _FEW or self._n_since < _MUCH or now_s - self._freed_at_s < _EVERY_S:
            return False
        self._n_since, self._freed_at_s = 0, now_s
        give_memory_back()
        return True

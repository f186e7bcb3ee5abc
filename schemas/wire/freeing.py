"""Gives memory that was freed back to the system.

The allocator of glibc keeps freed blocks for the next use. After a piece of work that is rare and large, such as
reading new articles, they would stay with the process for hours.
"""

import ctypes
from contextlib import suppress


def give_memory_back() -> None:
    """Give freed blocks back to the system, where the allocator can; it takes milliseconds."""
    with suppress(OSError, AttributeError):  # other systems have no such function
        ctypes.CDLL(None).malloc_trim(0)

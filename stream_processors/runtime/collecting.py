"""Fewer garbage collections in a worker, whose batches make thousands of objects without cycles.

Python's collector searches for cycles whenever the objects made outnumber the objects freed by some
threshold, and every batch makes as many objects as it has messages. None of them is part of a cycle, and
each search walks everything that numba and other libraries hold. Measured on a worker at full speed, the
searches took more than a third of its time. So the objects that exist at the start are left out of
searches, and a search waits until more objects are left over than several batches make.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: The messages of several batches. When more objects are left over, a search is worth its time.
_LEFT_OVER = 200_000


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Search for reference cycles less often within the block."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_LEFT_OVER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()

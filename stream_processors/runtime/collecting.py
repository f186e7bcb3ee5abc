"""Python's garbage collector, told that messages by the thousand are no reason to search everything.

The collector looks for cycles whenever enough objects were made than freed, and every batch makes
as many as it has messages; none of them is part of a cycle, and each search walks all that numba
and others hold. Measured on a worker at full speed, that was more than a third of its time
(``tests/benchmarks``). So what exists at the start is left out of searches, and a search waits
until many more objects are left over than a batch makes.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: Several batches' messages; what is left over beyond that is worth a look.
_LEFT_OVER = 200_000


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Search for cycles seldom within the block."""
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_LEFT_OVER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()

"""Processes that keep a core busy each, and that end with the one that started them, whatever ends it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# A killed parent cannot end its children: they look whether they still have the same one.
_BUSY = """
import os
parent = int({parent})
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def busy_processes(number: int) -> Iterator[list[int]]:
    """Keep so many processes busy within the block; yields their ids."""
    program = _BUSY.format(parent=os.getpid())
    processes = [subprocess.Popen([sys.executable, "-I", "-S", "-c", program]) for _ in range(number)]
    try:
        yield [process.pid for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()

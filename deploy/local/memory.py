"""Measures how much memory processes hold.

On Linux this is the proportional set size, which counts a page that k processes share as 1/k of a
page in each, so that the sum over processes is what they hold together. Elsewhere it is the
resident set size, whose sum counts shared pages once per process.
"""

import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil


class Footprint(msgspec.Struct, frozen=True, kw_only=True):
    """The memory of several processes.

    Attributes:
        kind: ``PSS`` or ``RSS``.
        total_bytes: The sum over all processes.
        by_process: The memory of each, by name; the children of a server count as the server's.
    """

    kind: str
    total_bytes: int
    by_process: dict[str, int]


def footprint(pids: Mapping[str, int]) -> Footprint:
    """Return the memory that processes and their descendants hold now; processes that have ended hold nothing.

    Args:
        pids: The process ids by name; all must be descendants of this process.
    """
    by_process = {name: sum(map(_held_bytes, tree)) for name, tree in _trees(pids).items()}
    kind = "PSS" if sys.platform == "linux" else "RSS"
    return Footprint(kind=kind, total_bytes=sum(by_process.values()), by_process=by_process)


def resident_bytes(pids: Mapping[str, int]) -> dict[str, int]:
    """Return the resident set sizes of processes with their descendants, which are cheap to measure."""
    return {name: sum(map(_resident_bytes, tree)) for name, tree in _trees(pids).items()}


def _trees(pids: Mapping[str, int]) -> dict[str, list[psutil.Process]]:
    """Processes with their descendants, by name, from one reading of the system's table."""
    names = {pid: name for name, pid in pids.items()}
    here = psutil.Process()
    living = {here.pid: here} | {process.pid: process for process in here.children(recursive=True)}
    parents: dict[int, int] = {}
    for pid, process in living.items():
        with suppress(psutil.Error):
            parents[pid] = process.ppid()
    trees: dict[str, list[psutil.Process]] = {name: [] for name in pids}
    for pid, process in living.items():
        ancestor: int | None = pid
        while ancestor is not None and ancestor not in names:
            ancestor = parents.get(ancestor)
        if ancestor is not None:
            trees[names[ancestor]].append(process)
    return trees


def _held_bytes(process: psutil.Process) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return _resident_bytes(process)


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0

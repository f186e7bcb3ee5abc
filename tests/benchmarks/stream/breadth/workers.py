"""The worker as a process that can be killed and started again, with its memory; and the history sink."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

import psutil

from schemas.topics import MARKET_TICK
from schemas.wire.administration import Administration
from schemas.wire.kafka import Positions
from tests.benchmarks.stream.competitors import processor_environment, running
from tests.benchmarks.stream.servers import Servers
from tests.benchmarks.stream.watching import WrongOutputError

_GROUP = "driftline-market"
_PLACES = [(MARKET_TICK.name, number) for number in range(MARKET_TICK.n_partitions)]
_LONGEST_S = 120.0
_LOOK_S = 0.2


class Worker:
    """Our market processor, started again at once when it is killed, within a ``with`` block.

    Attributes:
        peak_bytes: Of resident memory, of any of its processes.
    """

    def __init__(self, servers: Servers, *, intervals: str) -> None:
        self.peak_bytes = 0
        self._servers = servers
        self._administration = Administration(servers.kafka)
        self._environment = processor_environment(servers) | {"DRIFTLINE_INTERVALS": intervals}
        self._is_over = threading.Event()
        self._watching = threading.Thread(target=self._watch, name="memory", daemon=True)
        self._start()

    def __enter__(self) -> Self:
        self._watching.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._watching.join()
        self._running.__exit__(None, None, None)

    def is_alive(self) -> bool:
        """Whether its process runs."""
        return self._process.poll() is None

    def recovery_s(self) -> float:
        """Kill it by SIGKILL and start it again: seconds until every partition's offsets move on.

        Raises:
            WrongOutputError: If they do not.
        """
        before = self._committed()
        killed_at = time.monotonic()
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        before = {place: max(offset, before.get(place, 0)) for place, offset in self._committed().items()}
        self._running.__exit__(None, None, None)
        self._start()
        while True:
            now = self._committed()
            if all(now.get(place, 0) > before.get(place, 0) for place in _PLACES):
                return time.monotonic() - killed_at
            if time.monotonic() - killed_at > _LONGEST_S or not self.is_alive():
                message = f"the worker did not commit within {_LONGEST_S:g} s after it was killed"
                raise WrongOutputError(message)
            time.sleep(0.05)

    def lag(self) -> int:
        """How many offsets of ticks it has left to commit."""
        ends, committed = self._administration.ends(_PLACES), self._committed()
        return sum(max(0, ends[place] - committed.get(place, 0)) for place in _PLACES)

    def _committed(self) -> Positions:
        return self._administration.committed(_GROUP, _PLACES)

    def _start(self) -> None:
        command = (sys.executable, "-m", "stream_processors", "market")
        self._running = running("breadth-market", command, self._environment)
        self._process = self._running.__enter__()

    def _watch(self) -> None:
        while not self._is_over.wait(_LOOK_S):
            try:
                memory = psutil.Process(self._process.pid).memory_info().rss
            except psutil.Error:
                continue
            self.peak_bytes = max(self.peak_bytes, memory)


@contextmanager
def running_sink(servers: Servers) -> Iterator[None]:
    """The history sink within the block."""
    command = (sys.executable, "-m", "stream_processors", "history")
    with running("breadth-history", command, processor_environment(servers)):
        yield

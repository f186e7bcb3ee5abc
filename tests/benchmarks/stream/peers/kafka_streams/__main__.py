"""Starts Kafka Streams on a JVM in this process, and computes what closed bars lead to.

So a closed bar gets to the compiled kernel by a call, some 0.1 ms for 625 ticks, and not through a
pipe, on which a busy machine lets it wait. Views are written by a thread of their own, behind it.
Python does nothing else: reading, decoding, state, transactions and output are Java's.
"""

import os
import queue
import sys
import threading
import time
from typing import Any

import jpype

from schemas import codec
from schemas.events import FeaturesComputed
from tests.benchmarks.stream.peers.outputs import Bar, Indicators, NewestViews

_SAY_EVERY = 1_000


class ClosedBars:
    """The interface ``Bars.Closed``."""

    def __init__(self) -> None:
        self._indicators = Indicators()
        self._lock = threading.Lock()
        self._made: queue.SimpleQueue[tuple[FeaturesComputed, bytes]] = queue.SimpleQueue()
        self._took_s = 0.0
        self._n = 0
        threading.Thread(target=self._write_views, name="views", daemon=True).start()

    def features(self, instrument: Any, start_ms: int, *prices: float) -> bytes:
        """The record of a closed bar."""
        began = time.perf_counter()
        with self._lock:
            event = self._indicators.features(Bar(str(instrument), int(start_ms), *map(float, prices)))
        body = codec.encode(event)
        self._made.put((event, body))
        self._n += 1
        self._took_s += time.perf_counter() - began
        if self._n % _SAY_EVERY == 0:
            sys.stderr.write(f"{self._n} bars closed, {1000 * self._took_s / self._n:.3f} ms each\n")
        return body

    def _write_views(self) -> None:
        views = NewestViews(os.environ["BENCH_REDIS"])
        while True:
            made = [self._made.get()]
            while not self._made.empty():
                made.append(self._made.get())
            views.write({event.instrument: (event, body) for event, body in made}.values())


def main() -> None:
    """Run it until it is stopped."""
    jpype.startJVM(*os.environ["BENCH_JVM"].split(), classpath=os.environ["BENCH_CLASSES"].split(os.pathsep))
    bars = jpype.JClass("Bars")
    proxy = jpype.JProxy("Bars$Closed", inst=ClosedBars())
    settings = jpype.JClass("java.util.HashMap")()
    for name, value in os.environ.items():
        settings.put(name, value)
    bars.run(proxy, settings)


if __name__ == "__main__":
    main()

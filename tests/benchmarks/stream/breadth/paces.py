"""Ticks that come by the clock while something is measured: the pacing process, and what it has said."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from schemas.topics import MARKET_TICK
from tests.benchmarks.stream.breadth.pacing import Closing, Plan
from tests.benchmarks.stream.competitors import LOGS

_LONGEST_S = 180.0
_decode = msgspec.json.Decoder(Closing).decode


class Pace:
    """What has been closed so far.

    Attributes:
        closings: In order.
    """

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.closings: list[Closing] = []
        self._process = process
        self._thread = threading.Thread(target=self._listen, name="pace", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Let it publish."""
        assert self._process.stdin is not None
        self._process.stdin.write("go\n")
        self._process.stdin.flush()

    def closed(self) -> dict[int, float]:
        """The minutes that were closed in every partition, with the moment of the last closing record."""
        moments: dict[int, list[float]] = {}
        for closing in list(self.closings):
            moments.setdefault(closing.end_ms, []).append(closing.moment)
        return {
            end_ms: max(found) for end_ms, found in moments.items() if len(found) == MARKET_TICK.n_partitions
        }

    def wait_for(self, n_closed: int) -> int:
        """Return the end of the minute of a number, when it is closed; the first is number 1.

        Raises:
            TimeoutError: If it does not come, or the ticks have ended.
        """
        deadline = time.monotonic() + _LONGEST_S
        while len(found := sorted(self.closed())) < n_closed:
            if time.monotonic() > deadline or self._process.poll() is not None:
                message = f"{len(found)} minutes were closed, and number {n_closed} does not come"
                raise TimeoutError(message)
            time.sleep(0.01)
        return found[n_closed - 1]

    def join(self) -> None:
        """Return when the process has said its last."""
        self._thread.join()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.closings.append(_decode(line))


@contextmanager
def pacing(plan: Plan) -> Iterator[Pace]:
    """The process, ready to begin, within the block."""
    LOGS.mkdir(parents=True, exist_ok=True)
    module = "tests.benchmarks.stream.breadth.pacing"
    command = [sys.executable, "-m", module, msgspec.json.encode(plan).decode()]
    with (
        (LOGS / "breadth-pacing.log").open("wb") as log,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        ) as process,
    ):
        assert process.stdout is not None
        process.stdout.readline()
        pace = Pace(process)
        try:
            yield pace
        finally:
            process.terminate()
            pace.join()

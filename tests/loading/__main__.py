"""``make test-loaded``: the tests of servers and processes, beside processes that keep the machine busy.

A busy machine is where a deadline that is too short, or an order that is only likely, shows itself.
What is marked ``loaded`` runs once in each pass, in two halves side by side, since most of it waits.
Settings, from the environment: ``RUNS=1`` passes, one after the other; ``BUSY=2`` busy processes;
``PYTEST_ARGS`` for a choice of tests instead, in one piece. The last lines are pytest's own last lines
of every pass; the exit code is 0 when every pass was good.
"""

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from deploy.local.environments import kernel_hash
from tests.loading.busy import busy_processes

ROOT = Path(__file__).resolve().parents[2]
_END_S = 20.0
#: By folder; each half has session servers of its own.
_HALVES = (
    ("tests/jobs",),
    ("tests/contract/brokers", "tests/integration", "tests/end_to_end", "tests/chaos"),
)


class Half(threading.Thread):
    """One run of pytest, whose lines are shown as they come.

    Attributes:
        code: Its exit code.
        last_line: Its last line.
    """

    def __init__(self, name: str, arguments: Sequence[str]) -> None:
        super().__init__()
        self.code = 1
        self.last_line = "no output"
        self._name = name
        self._process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )

    def run(self) -> None:
        """Show what it says until it ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            print(f"{self._name} | {line}", end="", flush=True)
            if line.strip():
                self.last_line = line.strip().strip("= ")
        self.code = self._process.wait()

    def end(self) -> None:
        """End it, if it runs: as Ctrl-C does, so that its servers end too, and if need be by a kill."""
        if self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()


def main() -> int:
    """Run the passes; returns the exit code."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    n_runs, n_busy = int(os.environ.get("RUNS") or 1), int(os.environ.get("BUSY") or 2)
    chosen = shlex.split(os.environ.get("PYTEST_ARGS") or "")
    choices = [chosen] if chosen else [["-m", "loaded", *folders] for folders in _HALVES]
    _compile_kernels()
    lines: list[str] = []
    codes: list[int] = []
    for number in range(1, n_runs + 1):
        print(f"== pass {number} of {n_runs}, beside {n_busy} busy processes", flush=True)
        from_s = time.monotonic()
        with busy_processes(n_busy):
            halves = _run(choices)
        codes += [half.code for half in halves]
        took_s = time.monotonic() - from_s
        lines.append(f"pass {number} ({took_s:.0f} s): {'; '.join(half.last_line for half in halves)}")
    print("\n".join(lines))
    return max(codes)


def _compile_kernels() -> None:
    """Once, before anything is busy, where pytest and the processes that it starts look for them."""
    os.environ.setdefault("NUMBA_CACHE_DIR", str(ROOT / ".pytest_cache" / "numba" / kernel_hash()))
    subprocess.run([sys.executable, "-m", "stream_processors", "compile-kernel"], cwd=ROOT, check=True)


def _run(choices: Sequence[Sequence[str]]) -> list[Half]:
    halves = [Half(str(number), arguments) for number, arguments in enumerate(choices, start=1)]
    try:
        for half in halves:
            half.start()
        for half in halves:
            half.join()
    finally:
        for half in halves:
            half.end()
    return halves


if __name__ == "__main__":
    sys.exit(main())

"""``make test-loaded``: the tests of servers and processes, beside processes that keep the machine busy.

A busy machine is where a deadline that is too short, or an order that is only likely, shows itself.
Settings, from the environment: ``RUNS=1`` passes, one after the other; ``BUSY=2`` busy processes;
``PYTEST_ARGS`` instead of the marker ``loaded``, for a choice of tests. The last lines are each pass's
own last line; the exit code is 0 when every pass was.
"""

import os
import shlex
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

from tests.loading.busy import busy_processes

ROOT = Path(__file__).resolve().parents[2]
_CHOICE = "-m loaded"


def main() -> int:
    """Run the passes; returns the exit code."""
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    n_runs, n_busy = int(os.environ.get("RUNS") or 1), int(os.environ.get("BUSY") or 2)
    arguments = shlex.split(os.environ.get("PYTEST_ARGS") or _CHOICE)
    lines: list[str] = []
    codes: list[int] = []
    for number in range(1, n_runs + 1):
        print(f"== pass {number} of {n_runs}, beside {n_busy} busy processes", flush=True)
        from_s = time.monotonic()
        with busy_processes(n_busy):
            code, line = _pytest(arguments)
        codes.append(code)
        lines.append(f"pass {number} ({time.monotonic() - from_s:.0f} s): {line}")
    print("\n".join(lines))
    return max(codes)


def _pytest(arguments: list[str]) -> tuple[int, str]:
    """The exit code and the last line of one run, whose output is shown as it comes."""
    last: deque[str] = deque(maxlen=1)
    command = [sys.executable, "-m", "pytest", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                print(line, end="", flush=True)
                if line.strip():
                    last.append(line.strip().strip("= "))
        finally:
            process.terminate()
    return process.returncode, last[0] if last else "no output"


if __name__ == "__main__":
    sys.exit(main())

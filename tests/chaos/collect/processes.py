"""The collecting processes, by the command line that the launcher uses, started again whenever they end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

END_S = 60.0


class Kept:
    """A process that is started again whenever it ends, until it is ended for good.

    Args:
        name: Of its log.
        arguments: What follows ``python -m``.
        environment: What it is started with.
        logs: Where its log lies.
    """

    def __init__(
        self, name: str, arguments: Sequence[str], environment: Mapping[str, str], logs: Path
    ) -> None:
        self.n_starts = 0
        self.codes: list[int] = []
        self._command = [sys.executable, "-m", *arguments]
        self._environment = dict(environment)
        self._log = logs / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Start it if it does not run."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._process is not None:
            self.codes.append(self._process.returncode)
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command, env=self._environment, stdout=output, stderr=output
            )
        self.n_starts += 1

    def send(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self._process is not None and self._process.poll() is None:
            os.kill(self._process.pid, number)

    def end(self) -> None:
        """End it for good."""
        if self._process is None:
            return
        self.send(signal.SIGTERM)
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.send(signal.SIGKILL)
            self._process.wait()


def run_to_end(
    name: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    logs: Path,
    *,
    kill_after_s: float | None = None,
) -> tuple[int, str]:
    """Run a one-shot, or kill it with -9 after a time; return its exit code and what it printed."""
    with (logs / f"{name}.log").open("ab") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], env=dict(environment), stdout=subprocess.PIPE, stderr=errors
        )
        if kill_after_s is not None:
            ends_s = time.monotonic() + kill_after_s
            while process.poll() is None and time.monotonic() < ends_s:
                time.sleep(0.01)
            process.kill()
        try:
            output, _ = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, output.decode(errors="replace")

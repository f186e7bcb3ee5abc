"""Workers as the launcher runs them: by the same command line, started again whenever they end."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from deploy.local.directories import DataDirectory
from deploy.local.environments import kernel_hash
from deploy.local.spawning import Command, Spawned, end_together, spawn
from deploy.local.units import Backoff, Unit, UnitState
from deploy.processes import Stage

_KERNELS = Path("build") / "chaos" / "kernels"
_END_S = 20.0
#: The launcher's first delay, again and again: how often a process failed is the harness' doing.
_AT_ONCE = Backoff(factor=1.0)


def worker_environment(data_dir: Path, worker_id: str) -> dict[str, str]:
    """What a worker is started with."""
    return dict(os.environ) | {
        "PYTHONPATH": str(Path.cwd()),
        "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR", str((_KERNELS / kernel_hash()).absolute())),
        "DRIFTLINE_DATA_DIR": str(data_dir),
        "DRIFTLINE_WORKER_ID": worker_id,
    }


def worker_command(directory: DataDirectory, worker_id: str) -> Command:
    """The market processor."""
    return Command(
        name=f"market-{worker_id}",
        arguments=(sys.executable, "-m", "stream_processors", "market"),
        environment=worker_environment(directory.path, worker_id),
    )


class Fleet:
    """The workers of a run, by their ids. Call it in the main thread.

    Attributes:
        ends: Every end that was not asked for: the moment, the worker and its exit code.
    """

    def __init__(self, directory: DataDirectory) -> None:
        self.ends: list[tuple[float, str, int]] = []
        self._directory = directory
        self._units: dict[str, Unit] = {}
        self._leaving: dict[str, Spawned] = {}

    @property
    def ids(self) -> tuple[str, ...]:
        """Who is in it."""
        return tuple(self._units)

    def add(self, worker_id: str) -> None:
        """Start a worker, which is started again until it is removed."""
        command = worker_command(self._directory, worker_id)
        self._units[worker_id] = Unit(command, stage=Stage.SERVICES, backoff=_AT_ONCE)
        self.look()

    def look(self) -> None:
        """Start again what has ended; call it all the time."""
        for worker_id, unit in self._units.items():
            now_s = time.monotonic()
            ended = unit.notice_end(now_s=now_s)
            if ended is not None:
                self.ends.append((now_s, worker_id, ended.code))
            unit.start_if_due(self._spawn, now_s=now_s)

    def send(self, worker_id: str, number: int) -> None:
        """Send a signal to a worker, if it runs just now."""
        unit = self._units[worker_id]
        if unit.spawned is not None and unit.spawned.exit_code() is None:
            os.kill(unit.spawned.pid, number)

    def is_running(self, worker_id: str) -> bool:
        """Whether its process lives."""
        unit = self._units[worker_id]
        return (
            unit.state is UnitState.RUNNING and unit.spawned is not None and unit.spawned.exit_code() is None
        )

    def dismiss(self, worker_id: str, number: int) -> None:
        """Send a worker away for good."""
        self.send(worker_id, number)
        spawned = self._units.pop(worker_id).spawned
        if spawned is not None:
            self._leaving[worker_id] = spawned

    def is_leaving(self, worker_id: str) -> bool:
        """Whether one that was sent away has not gone yet."""
        return worker_id in self._leaving and self._leaving[worker_id].exit_code() is None

    def close(self) -> None:
        """End all of them."""
        units = [unit.spawned for unit in self._units.values() if unit.spawned is not None]
        self._units.clear()
        end_together([*units, *self._leaving.values()], timeout_s=_END_S)

    def _spawn(self, command: Command) -> Spawned:
        return spawn(command, self._directory)


def compile_kernels(environment: Mapping[str, str]) -> None:
    """Have the compiled code at hand, as an installation does, so that no start waits for the compiler."""
    command = (sys.executable, "-m", "stream_processors", "compile-kernel")
    subprocess.run(command, env=dict(environment), check=True)

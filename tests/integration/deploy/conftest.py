"""A launcher with stub jobs in a data directory of its own."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from deploy.local.directories import DataDirectory
from deploy.local.spawning import clear_stale
from deploy.local.states import read_state

ROOT = Path(__file__).resolve().parents[3]
HEALED_S = 60.0


def eventually(ask, *, within_s=60.0):
    """The first true answer, asked for until a deadline."""
    deadline = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.05)
    return answer


class Launched:
    """A launcher that runs as a process of its own."""

    def __init__(self, path, environment):
        self.directory = DataDirectory(path)
        self.environment = environment | {"DRIFTLINE_DATA_DIR": str(path)}
        self.popen = None
        self.output = path.with_name("output.txt")

    def start(self, *arguments, **variables):
        with self.output.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.deploy.stub_launcher", *arguments],
                cwd=ROOT,
                env=self.environment | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        return self

    def driftline(self, *arguments):
        """Run the command of this data directory."""
        return subprocess.run(
            [sys.executable, "-m", "deploy.local", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def process(self, name):
        """One process' state, or None before there is one."""
        state = read_state(self.directory)
        found = [] if state is None else [process for process in state.processes if process.name == name]
        return found[0] if found else None

    def pids(self):
        """Every process that was started, by name, as remembered on disk."""
        found = {}
        for file in self.directory.pids.glob("*.json"):
            with suppress(FileNotFoundError):  # it ended just now
                found[file.stem] = json.loads(file.read_text())["pid"]
        return found

    def is_predicting(self):
        return self.directory.start.exists() and self.runs("producer")

    def runs(self, name, *, n_restarts=0):
        process = self.process(name)
        return process is not None and process.state == "running" and process.n_restarts >= n_restarts

    def notes(self):
        return (self.directory.path / "notes.txt").read_text().splitlines()

    def end(self):
        if self.popen is not None:
            self.popen.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(60)
            self.popen.kill()
            self.popen.wait()
        clear_stale(self.directory)


def is_alive(pid):
    """Whether a process runs; one that nobody buried does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture(scope="session")
def launcher_environment():
    """What a newcomer's shell has."""
    return {"PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", "")}


@pytest.fixture
def launched(tmp_path, launcher_environment):
    launched = Launched(tmp_path / "data", launcher_environment)
    yield launched
    launched.end()

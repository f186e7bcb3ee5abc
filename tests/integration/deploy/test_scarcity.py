"""The launcher on a machine that runs out of something: disk, files, processes."""

import errno
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.directories import DataDirectory
from deploy.local.spawning import Command
from deploy.local.states import read_state
from deploy.local.units import Unit, UnitState
from deploy.processes import Stage
from schemas.errors import ConfigurationError
from tests.fixtures.disks import fill, filled, mounted
from tests.integration.deploy.conftest import Launched, eventually

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are set on Linux")


@pytest.fixture
def launched_on_a_small_disk(tmp_path, launcher_environment):
    """A launcher whose data directory is a disk of its own."""
    with mounted(tmp_path / "small", size_mb=220) as disk:
        launched = Launched(disk / "data", launcher_environment)
        launched.output = tmp_path / "output.txt"
        yield launched
        launched.end()


def is_fresh(launched):
    """Whether the launcher wrote down how things stand after a moment of our choosing."""
    before = launched.directory.state.stat().st_mtime_ns
    return eventually(lambda: launched.directory.state.stat().st_mtime_ns > before)


@pytest.mark.slow
def test_a_full_disk_is_survived_and_said(launched_on_a_small_disk):
    """For forty seconds a disk was full: `state.json` was not written, and its traceback ended everything."""
    launched = launched_on_a_small_disk
    launched.start()
    eventually(launched.is_predicting)
    pids = launched.pids()

    with filled(launched.directory.path):
        os.kill(pids["service"], signal.SIGKILL)
        os.kill(pids["postgres"], signal.SIGKILL)
        status = eventually(
            lambda: (said := launched.driftline("status").stdout) and "cannot be written" in said and said
        )
        eventually(lambda: "cannot be written (No space left on device)" in launched.output.read_text())
        eventually(lambda: launched.runs("service") or "service could" in launched.output.read_text())
        assert launched.popen.poll() is None

    assert "make room" in status
    eventually(lambda: launched.runs("postgres", n_restarts=1) and launched.runs("service", n_restarts=1))
    assert is_fresh(launched)
    eventually(lambda: "can be written again" in launched.output.read_text())
    assert "cannot be written" not in launched.driftline("status").stdout
    assert launched.process("api").n_restarts == 0
    assert launched.process("broker").n_restarts == 0


@pytest.mark.slow
@on_linux
def test_too_many_open_files_end_nothing(launched):
    launched.start()
    eventually(launched.is_predicting)
    pids = launched.pids()
    n_open = len(list(Path(f"/proc/{launched.popen.pid}/fd").iterdir()))
    limits = resource.prlimit(launched.popen.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(launched.popen.pid, resource.RLIMIT_NOFILE, (n_open, limits[1]))

    os.kill(pids["service"], signal.SIGKILL)
    eventually(lambda: "Too many open files" in launched.output.read_text())

    assert launched.popen.poll() is None
    resource.prlimit(launched.popen.pid, resource.RLIMIT_NOFILE, limits)
    eventually(lambda: launched.runs("service", n_restarts=1))
    assert is_fresh(launched)


@pytest.mark.parametrize("number", [errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENOSPC])
def test_a_process_that_the_system_refuses_is_tried_again_later_and_later(number):
    unit = Unit(Command(name="job", arguments=("/bin/true",), environment={}), stage=Stage.SERVICES)

    def refuse(_command):
        raise OSError(number, os.strerror(number))

    now_s, waits = 0.0, []
    for _ in range(4):
        with pytest.raises(OSError, match=os.strerror(number)):
            unit.start_if_due(refuse, now_s=now_s)
        waits.append(unit.due_s - now_s)
        now_s = unit.due_s

    assert unit.state is UnitState.BACKING_OFF
    assert unit.reason == f"could not be started: {os.strerror(number)}"
    assert waits == [0.25, 0.5, 1.0, 2.0]


def test_a_start_on_a_disk_that_cannot_be_written_is_one_line(tmp_path):
    with mounted(tmp_path / "small", size_mb=1) as disk:
        directory = DataDirectory(disk / "data")
        directory.create()
        filling = fill(disk)

        with pytest.raises(ConfigurationError, match=r"No space left on device.*make room"), directory.held():
            pass

        filling.unlink()
        with directory.held():
            pass
    assert read_state(directory) is None


def test_a_start_on_a_read_only_file_system_is_one_line(tmp_path):
    with mounted(tmp_path / "small", size_mb=1) as disk:
        directory = DataDirectory(disk / "data")
        directory.create()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)  # noqa: S607

        with pytest.raises(ConfigurationError, match="Read-only file system"), directory.held():
            pass

"""Starting, recognising and ending real processes."""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from deploy.local.directories import DataDirectory, write_json
from deploy.local.spawning import Command, ProcessIdentity, clear_stale, spawn
from deploy.local.units import Backoff, Unit, UnitState
from deploy.processes import Lifetime, Stage
from tests.integration.deploy.conftest import ROOT, eventually, is_alive

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"


@pytest.fixture
def directory(tmp_path):
    directory = DataDirectory(tmp_path / "data")
    directory.create()
    return directory


def python(code, *, name="stub"):
    return Command(name=name, arguments=(sys.executable, "-c", code), environment={})


def remember(directory, *, pid, create_time):
    identity = ProcessIdentity(name="stub", pid=pid, create_time=create_time, stop_signal=signal.SIGTERM)
    write_json(directory.pids / "stub.json", identity)


def test_process_that_ignores_the_question_is_killed(directory):
    spawned = spawn(python(STUBBORN), directory)
    eventually(lambda: "ready" in (directory.logs / "stub.log").read_text())

    spawned.ask_to_end()
    spawned.kill_after(0.2)

    assert spawned.exit_code() == -signal.SIGKILL
    assert not (directory.pids / "stub.json").exists()


def test_stale_process_is_ended_and_named(directory):
    with subprocess.Popen([sys.executable, "-c", STUBBORN]) as left_behind:
        remember(directory, pid=left_behind.pid, create_time=psutil.Process(left_behind.pid).create_time())

        named = clear_stale(directory, timeout_s=0.5)

        assert named == ["stub"]
        assert not is_alive(left_behind.pid)
    assert not list(directory.pids.iterdir())


def test_other_process_with_a_remembered_id_is_left_alone(directory):
    """A process id is used again: only the time of birth tells that this is another process."""
    remember(directory, pid=os.getpid(), create_time=psutil.Process().create_time() - 3600)

    assert clear_stale(directory) == []
    assert not list(directory.pids.iterdir())


def test_unreadable_memory_of_a_process_is_forgotten(directory):
    (directory.pids / "stub.json").write_text("{")

    assert clear_stale(directory) == []
    assert not list(directory.pids.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel ties processes on Linux only")
def test_process_ends_with_whoever_started_it(directory):
    parent = (
        "import sys, time; from pathlib import Path; sys.path.insert(0, sys.argv[2]);"
        "from deploy.local.directories import DataDirectory; from deploy.local.spawning import *;"
        "print(spawn(Command(name='child', arguments=(sys.executable, '-c', 'import time; time.sleep(60)'),"
        "environment={}), DataDirectory(Path(sys.argv[1]))).pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent, str(directory.path), str(ROOT)], stdout=subprocess.PIPE
    ) as launcher:
        child = int(launcher.stdout.readline())
        assert is_alive(child)

        launcher.kill()

        eventually(lambda: not is_alive(child), within_s=60)


def test_one_shot_that_ends_well_is_done(directory):
    unit = Unit(python("pass"), stage=Stage.WARM_UP, lifetime=Lifetime.ONE_SHOT)
    unit.start_if_due(lambda command: spawn(command, directory), now_s=0.0)

    ended = eventually(lambda: unit.notice_end(now_s=0.0))

    assert (ended.code, ended.again_in_s) == (0, None)
    assert unit.state is UnitState.DONE
    assert unit.has_passed


def test_service_that_ends_waits_longer_each_time_and_starts_when_due(directory):
    unit = Unit(
        python("raise SystemExit(3)"), stage=Stage.SERVICES, backoff=Backoff(first_s=1.0, longest_s=3.0)
    )
    delays, now_s = [], 0.0
    for _ in range(4):
        assert unit.start_if_due(lambda command: spawn(command, directory), now_s=now_s)
        began_s = unit.spawned.started_s
        ended = eventually(lambda: unit.notice_end(now_s=began_s))  # noqa: B023  (asked at once)
        delays.append(ended.again_in_s)
        assert not unit.start_if_due(lambda command: spawn(command, directory), now_s=unit.due_s - 0.1)
        now_s = unit.due_s

    assert delays == [1.0, 2.0, 3.0, 3.0]
    assert unit.n_restarts == 3


def test_long_life_makes_the_next_wait_short_again(directory):
    unit = Unit(
        python("raise SystemExit(3)"), stage=Stage.SERVICES, backoff=Backoff(first_s=1.0, stable_s=20.0)
    )
    unit.n_failures = 5
    unit.start_if_due(lambda command: spawn(command, directory), now_s=0.0)
    began_s = unit.spawned.started_s

    ended = eventually(lambda: unit.notice_end(now_s=began_s + 21.0))

    assert ended.again_in_s == 1.0

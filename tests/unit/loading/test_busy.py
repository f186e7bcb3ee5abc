"""Busy processes never stay behind."""

import subprocess
import sys
import time
from pathlib import Path

import psutil

from tests.loading.busy import busy_processes

ROOT = Path(__file__).resolve().parents[3]
DEADLINE_S = 60.0
_PARENT = """
import time
from tests.loading.busy import busy_processes
with busy_processes(2) as ids:
    print(*ids, flush=True)
    time.sleep(600)
"""


def test_busy_processes_are_busy_within_the_block_and_gone_after_it() -> None:
    with busy_processes(2) as ids:
        wait_until(lambda: all(psutil.Process(pid).cpu_times().user > 0.05 for pid in ids))
    assert not any(lives(pid) for pid in ids)


def test_busy_processes_end_with_whoever_started_them_even_by_a_kill() -> None:
    with subprocess.Popen([sys.executable, "-c", _PARENT], cwd=ROOT, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        ids = [int(pid) for pid in parent.stdout.readline().split()]
        assert all(lives(pid) for pid in ids)
        parent.kill()
    wait_until(lambda: not any(lives(pid) for pid in ids))


def lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(is_so) -> None:
    until = time.monotonic() + DEADLINE_S
    while not is_so():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.05)

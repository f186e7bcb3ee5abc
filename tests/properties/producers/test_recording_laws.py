"""Laws of the recorder: whatever kills it, what was flushed is there exactly once, and every file is whole."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from producers.jobs.recording.folders import days
from producers.jobs.recording.parts import parts_of, rows_of_day
from schemas.wire.clocks import ManualClock
from tests.fakes.recordings import DAY_MS, LATE_MS, QUOTES, STREAM, a_recorder, recorded_numbers, say

_KILLED = """
import sys
from pathlib import Path
from producers.jobs.recording.recorder_options import RecorderOptions
from producers.jobs.recording.recorders import FileRecorder
from schemas.wire.clocks import SystemClock
from tests.fakes.recordings import STREAM, say

recorder = FileRecorder(Path(sys.argv[1]), SystemClock(), stream=STREAM, options=RecorderOptions(flush_s=0.02))
recorder.start()
number = int(sys.argv[2])
while True:
    say(recorder, range(number, number + 50), SystemClock().now_ms())
    number += 50
    SystemClock().sleep(0.001)
"""


def _numbers(folder: Path) -> list[int]:
    found: list[int] = []
    for day in days(folder, STREAM, QUOTES):
        found += rows_of_day(day, QUOTES)["update_id"].to_pylist()
    return found


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of processes that recorded over three days, each of which died one operation on files later."""
    folder = tmp_path_factory.mktemp("crashed")
    subprocess.run([sys.executable, "-m", "tests.fakes.recordings", str(folder)], check=True, timeout=300)
    return sorted(folder.iterdir())


def test_what_was_flushed_is_there_once_after_a_crash_before_any_operation_on_files(
    crashed: list[Path],
) -> None:
    assert len(crashed) > 20
    for child in crashed:
        acknowledged = [int(line) for line in (child / "acknowledged").read_text().split()]
        n_safe = max(acknowledged, default=0)
        found = _numbers(child / "recording")
        assert found == list(range(len(found))), child.name
        assert n_safe <= len(found) <= n_safe + 10, child.name


def test_a_recorder_that_starts_again_after_a_crash_adds_its_rows_and_makes_one_file_of_each_day(
    crashed: list[Path], tmp_path: Path
) -> None:
    for child in crashed:
        folder = tmp_path / child.name
        if (child / "recording").is_dir():
            shutil.copytree(child / "recording", folder)
        before = _numbers(folder)
        clock = ManualClock(now_ms=LATE_MS + 10 * DAY_MS)
        recorder = a_recorder(folder, clock)
        say(recorder, range(100, 103), LATE_MS)
        recorder.flush()
        recorder.merge()
        assert sorted(_numbers(folder)) == sorted([*before, 100, 101, 102]), child.name
        assert all(len(list(day.iterdir())) < 2 for day in days(folder, STREAM, QUOTES)), child.name


def test_rows_of_each_killed_process_are_a_beginning_of_what_it_heard(tmp_path: Path) -> None:
    chance = random.Random(7)
    for life in range(6):
        begin = life * 10_000_000
        process = subprocess.Popen([sys.executable, "-c", _KILLED, str(tmp_path), str(begin)])
        try:
            deadline = time.monotonic() + 120
            while not (seen := [n for n in _numbers(tmp_path) if n >= begin]) and time.monotonic() < deadline:
                time.sleep(chance.uniform(0.01, 0.3))
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        found = [n for n in _numbers(tmp_path) if n >= begin]
        assert found == list(range(begin, begin + len(found)))
        assert len(found) >= len(seen) > 0
    numbers = _numbers(tmp_path)
    assert len(numbers) == len(set(numbers))


def test_every_stretch_that_a_day_states_is_of_a_recorder_that_ran(tmp_path: Path) -> None:
    """The stretches of a file of a day are those of its parts; between two of them nothing was recorded."""
    clock = ManualClock(now_ms=LATE_MS)
    for begin in (0, 10):
        recorder = a_recorder(tmp_path, clock)
        say(recorder, range(begin, begin + 5), clock.now_ms())
        clock.sleep(10)
        recorder.flush()
        clock.sleep(20)
    clock.sleep(86_400)
    a_recorder(tmp_path, clock).merge()
    (day,) = days(tmp_path, STREAM, QUOTES)
    (part,) = parts_of(day)
    assert part.facts.stretches == (
        (LATE_MS, LATE_MS + 10_000),
        (LATE_MS + 30_000, LATE_MS + 40_000),
    )
    assert recorded_numbers(tmp_path, LATE_MS) == [*range(5), *range(10, 15)]

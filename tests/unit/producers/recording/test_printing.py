"""``driftline recording``: what is said about a recording."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from producers.commands import commands
from producers.jobs.recording.printing import Recorded
from producers.sources.sockets import Received
from schemas.wire.clocks import ManualClock
from tests.fakes.recordings import LATE_MS, SOURCE, STREAM, a_recorder, full_reading


def _recorded(folder: Path) -> None:
    """A tenth of an hour with one message each second."""
    recorder = a_recorder(folder, clock := ManualClock(now_ms=LATE_MS - 360_000))
    for number in range(360):
        recorder.record(SOURCE, Received(b"", clock.now_ms()), full_reading(number, clock.now_ms()))
        clock.sleep(1)
        if number % 60 == 59:
            recorder.flush()


def _run(folder: Path, *options: str) -> str:
    environment = {"DRIFTLINE_DATA_DIR": str(folder)}
    result = CliRunner().invoke(commands, ["recording", *options], obj=environment)
    assert result.exit_code == 0, result.output
    return result.output


def test_the_cost_of_a_day_follows_from_the_time_that_was_recorded(tmp_path: Path) -> None:
    _recorded(tmp_path / "recording")
    said = msgspec.json.decode(_run(tmp_path, "--json"), type=Recorded)
    (quotes, *_) = said.days
    assert (quotes.stream, quotes.day, quotes.n_files, quotes.n_rows) == (STREAM, "2024-08-09", 6, 360)
    assert quotes.hours == pytest.approx(0.1)
    assert [cost.rows_a_day for cost in said.costs] == [pytest.approx(86_400)] * 3
    assert said.costs[0].bytes_a_day == pytest.approx(240 * quotes.n_bytes)


def test_the_tables_name_each_kind_and_day(tmp_path: Path) -> None:
    _recorded(tmp_path / "recording")
    said = _run(tmp_path)
    assert all(word in said for word in ("quotes", "trades", "marks", "2024-08-09", "86,400"))


def test_an_empty_recording_says_what_would_record(tmp_path: Path) -> None:
    assert "Nothing is recorded" in _run(tmp_path)

"""The edges of a process: exit codes and one-line errors."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from schemas.errors import BrokerUnavailableError, ConfigurationError, NotReadyError, PlatformError
from schemas.wire.processes import Stop, run_command

ROOT = Path(__file__).resolve().parents[3]


def exit_code_of(command: click.Command, environment: dict[str, str] | None = None) -> int:
    with pytest.raises(SystemExit) as caught:
        run_command(command, environment or {}, [])
    assert isinstance(caught.value.code, int)
    return caught.value.code


def raising(error: BaseException) -> click.Command:
    @click.command()
    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("DRIFTLINE_X: must be y"), 2),
        (NotReadyError("later"), 1),
        (BrokerUnavailableError("Kafka: away"), 1),
        (click.UsageError("no such option"), 2),
        (click.Abort(), 130),
        (KeyboardInterrupt(), 130),
    ],
)
def test_exit_code_says_what_kind_of_end_it_was(error: BaseException, code: int) -> None:
    assert exit_code_of(raising(error)) == code


def test_command_that_ends_well_exits_with_0() -> None:
    assert exit_code_of(click.Command("nothing", callback=lambda: None)) == 0


def test_exit_code_that_a_command_gives_to_click_is_kept() -> None:
    """It was swallowed: a command that said 3 ended with 0."""
    assert exit_code_of(click.Command("three", callback=lambda: click.get_current_context().exit(3))) == 3


def test_platform_error_is_one_line_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code_of(raising(PlatformError("what it was")))
    assert capsys.readouterr().err == "PlatformError: what it was\n"


def test_programmers_mistake_crashes() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command(raising(ZeroDivisionError()), {}, [])


def test_wrong_log_level_is_a_wrong_setting() -> None:
    command = click.Command("nothing", callback=lambda: None)
    assert exit_code_of(command, {"DRIFTLINE_LOG_LEVEL": "LOUD"}) == 2


def test_command_is_handed_the_environment() -> None:
    found: list[object] = []
    command = click.Command("look", callback=lambda: found.append(click.get_current_context().obj))
    exit_code_of(command, {"A": "b"})
    assert found == [{"A": "b"}]


def test_stop_is_asked_for_once_and_stays() -> None:
    stop = Stop()
    assert (stop(), stop.wait(0)) == (False, False)
    stop.set()
    assert (stop(), stop.wait(60.0)) == (True, True)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_log_line_that_cannot_be_written_ends_nothing() -> None:
    """With a full disk the history job ended, because a log line could not be printed."""
    code = (
        "import click, structlog, sys; from schemas.wire.processes import *; configure_logging();"
        "log = structlog.get_logger(); log.info('lost'); log.warning('lost, too'); sys.exit(7)"
    )
    with Path("/dev/full").open("wb") as full:
        unbuffered = os.environ | {"PYTHONUNBUFFERED": "1"}  # as the launcher starts every process
        done = subprocess.run(
            [sys.executable, "-c", code], stderr=full, cwd=ROOT, env=unbuffered, check=False
        )

    assert done.returncode == 7


def test_what_is_printed_onto_a_full_disk_ends_nothing(small_disk: Path) -> None:
    code = (
        "import os; from schemas.wire.processes import outlive_full_disks; outlive_full_disks()\n"
        "for i in range(20_000): print('a line of a report', i)\n"
        "os.unlink('filling'); print('room again')\n"
    )
    (small_disk / "filling").write_bytes(bytes(900_000))
    with (small_disk / "log").open("wb") as log:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=log, stderr=log, cwd=small_disk, check=False,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    assert done.returncode == 0
    assert (small_disk / "log").read_text().endswith("room again\n")

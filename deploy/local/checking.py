"""Checks the files of a recorded run before any server is started, by the producers' own code.

The check is a process of its own, because reading files takes 100 MB, which the launcher would keep for ever. A run
that was checked once in a data directory is not checked again: the id of its stream is a hash of the files.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

from deploy.local.directories import DataDirectory, write_json
from deploy.local.environments import import_path
from deploy.local.runs import PlatformRun
from schemas.errors import ConfigurationError
from schemas.waits import WaitReminder
from schemas.wire.processes import EXIT_MISCONFIGURED

_STATED_STREAM = "DRIFTLINE_STREAM"
_LOOK_S = 1.0


def check_files(
    run: PlatformRun,
    environment: Mapping[str, str],
    *,
    directory: DataDirectory,
    say: Callable[[str], object],
) -> None:
    """Refuse a run whose files do not hold what is asked for.

    Args:
        run: The run.
        environment: The environment of the launcher.
        directory: The data directory, which remembers the run that was checked last.
        say: Called with a line where the run differs from what was asked for, and where the check takes long.

    Raises:
        ConfigurationError: If the files do not hold it; the message says why.
    """
    is_named = bool(environment.get(_STATED_STREAM))  # such a name says nothing about the files
    if not run.has_files or (not is_named and _was_checked(run, directory)):
        return
    done = _checked(
        {**environment, **run.environment, "PYTHONPATH": import_path(environment)}, say=say, what=run.data
    )
    if done.returncode == 0:
        for note in done.stdout.splitlines():
            say(note)
        return
    last = (done.stderr.strip().splitlines() or [f"the check ended with exit code {done.returncode}"])[-1]
    if done.returncode == EXIT_MISCONFIGURED:
        raise ConfigurationError(last.removeprefix("ConfigurationError: "))
    message = f"the files of the run cannot be read: {last}"
    raise ConfigurationError(message)


def _checked(
    environment: Mapping[str, str], *, say: Callable[[str], object], what: str
) -> "subprocess.CompletedProcess[str]":
    """Run the check to its end, and name the wait when it takes long."""
    command = [sys.executable, "-m", "producers", "check"]
    reminder = WaitReminder(time.monotonic())
    with subprocess.Popen(  # noqa: S603  (our own command, no shell)
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    output, errors = process.communicate(timeout=_LOOK_S)
                    return subprocess.CompletedProcess(command, process.returncode, output, errors)
                now_s = time.monotonic()
                if reminder.is_due(now_s):
                    say(
                        f"waited {reminder.waited_s(now_s):.0f} s for the check of the files ({what}): it ends "
                        "when every row is read; nothing is started before"
                    )
        finally:
            process.kill()


def remember_checked(facts: Mapping[str, str], directory: DataDirectory) -> None:
    """Note that the files of a run were checked. Call it while the directory is held."""
    write_json(directory.checked, dict(facts))


def _was_checked(run: PlatformRun, directory: DataDirectory) -> bool:
    try:
        return bool(json.loads(directory.checked.read_bytes()) == dict(run.environment))
    except (OSError, ValueError):
        return False

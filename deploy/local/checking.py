"""A recorded run's files are checked before any server is started, by the producers' own code.

In a process of its own, because reading files takes 100 MB that the launcher would carry for ever. A run
that was checked once in a data directory is not checked again: its stream's id is a hash of the files.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping

from deploy.local.directories import DataDirectory, write_json
from deploy.local.environments import import_path
from deploy.local.runs import Run
from schemas.errors import ConfigurationError
from schemas.wire.processes import EXIT_MISCONFIGURED

_STATED_STREAM = "DRIFTLINE_STREAM"


def check_files(
    run: Run, environment: Mapping[str, str], *, directory: DataDirectory, say: Callable[[str], object]
) -> None:
    """Refuse a run whose files do not hold what is asked for.

    Args:
        environment: The launcher's own.
        say: Told where the run is not quite what was asked for.

    Raises:
        ConfigurationError: If they do not; says why.
    """
    is_named = bool(environment.get(_STATED_STREAM))  # then its name says nothing about the files
    if not run.has_files or (not is_named and _was_checked(run, directory)):
        return
    done = subprocess.run(
        [sys.executable, "-m", "producers", "check"],
        env={**environment, **run.environment, "PYTHONPATH": import_path(environment)},
        check=False,
        capture_output=True,
        text=True,
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


def remember_checked(facts: Mapping[str, str], directory: DataDirectory) -> None:
    """Take note that a run's files were checked; call it when the directory is held."""
    write_json(directory.checked, dict(facts))


def _was_checked(run: Run, directory: DataDirectory) -> bool:
    try:
        return bool(json.loads(directory.checked.read_bytes()) == dict(run.environment))
    except (OSError, ValueError):
        return False

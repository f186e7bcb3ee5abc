"""Finds the commit of the code, if it runs from a checkout."""

import shutil
import subprocess
from pathlib import Path

_TIMEOUT_S = 2.0


def described_checkout(folder: Path | None = None) -> str | None:
    """Returns what ``git describe`` prints for the checkout of a folder; None without git or a checkout.

    Args:
        folder: The folder; None takes the one that this code is in.
    """
    git = shutil.which("git")
    where = Path(__file__).parent if folder is None else folder
    if git is None:
        return None
    command = [git, "-C", str(where), "describe", "--always", "--dirty", "--tags"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)  # noqa: S603  (a fixed command)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None

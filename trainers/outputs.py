"""Files that commands write: refused before the work where they cannot be written, not after it."""

import os
from pathlib import Path

from schemas.errors import ConfigurationError


def check_output(path: Path | None, option: str) -> None:
    """Make the folder of a file that is to be written, and look whether it can be.

    Args:
        path: None where nothing was asked for.
        option: What to name in an error.

    Raises:
        ConfigurationError: If it cannot.
    """
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, option, error.strerror) from error
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise _unwritable(path, option, "permission denied")


def write_output(path: Path, data: bytes, option: str) -> None:
    """Write a file, its folder too.

    Args:
        path: The file.
        data: What it is to hold.
        option: The option that named the file, for the message.

    Raises:
        ConfigurationError: If it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise _unwritable(path, option, error.strerror) from error


def _unwritable(path: Path, option: str, reason: str | None) -> ConfigurationError:
    return ConfigurationError(f"{option} must be a file that can be written, was {path}: {reason}")

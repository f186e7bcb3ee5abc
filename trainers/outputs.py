"""Writes the files of commands. A file that cannot be written is refused before the work and not after it."""

import os
from pathlib import Path

from schemas.errors import ConfigurationError


def check_output(path: Path | None, option: str) -> None:
    """Creates the folder of a file that is going to be written, and checks that the file can be written.

    Args:
        path: The file; None if none was asked for.
        option: The option that named the file, for the message.

    Raises:
        ConfigurationError: If the file cannot be written.
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
    """Writes a file, and creates its folder if it is missing.

    Args:
        path: The file.
        data: The content.
        option: The option that named the file, for the message.

    Raises:
        ConfigurationError: If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        raise _unwritable(path, option, error.strerror) from error


def _unwritable(path: Path, option: str, reason: str | None) -> ConfigurationError:
    return ConfigurationError(f"{option} must be a file that can be written, was {path}: {reason}")

"""Checks whether a directory can be written, by writing: a disk with room may be read-only or out of inodes."""

import os
from contextlib import suppress
from pathlib import Path

#: Two blocks of a usual file system, so that the data of a file need room, too.
_TRIAL_BYTES = 8192


def trouble_with_writing(directory: Path) -> str:
    """Return why a small file cannot be written there, such as ``No space left on device``; empty if it can.

    The file is deleted again.
    """
    trial = directory / f".disk-trial-{os.getpid()}"
    try:
        trial.write_bytes(bytes(_TRIAL_BYTES))
    except OSError as error:
        return error.strerror or str(error)
    finally:
        with suppress(OSError):  # the file system became read-only meanwhile
            trial.unlink(missing_ok=True)
    return ""

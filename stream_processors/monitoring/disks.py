"""Looking at the disk of the data directory: how much room is free, and whether it can be written."""

import shutil
from pathlib import Path

from schemas.wire.disks import trouble_with_writing
from stream_processors.operators.alerting import DiskState


def look_at_disk(directory: Path, *, low_bytes: int) -> DiskState:
    """Return the present state of the disk.

    Args:
        directory: The data directory.
        low_bytes: How many bytes should be free at least.
    """
    try:
        free = shutil.disk_usage(directory).free
    except OSError as error:
        return DiskState(str(directory), 0, low_bytes, error.strerror or str(error))
    return DiskState(str(directory), free, low_bytes, trouble_with_writing(directory))

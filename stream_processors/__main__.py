"""``python -m stream_processors JOB``."""

import os

from schemas.wire.processes import run_command
from stream_processors.commands import commands


def main() -> None:
    """Run one job."""
    run_command(commands, os.environ)


if __name__ == "__main__":
    main()

"""``python -m stream_processors JOB``."""

import os

from schemas.wire.processes import run_command
from stream_processors.commands import commands


def main() -> None:
    """Run the job or command that the arguments name."""
    run_command(commands, os.environ)


if __name__ == "__main__":
    main()

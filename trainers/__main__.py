"""The command line of trainers: ``python -m trainers``."""

import os

from schemas.wire.processes import run_command, single_matrix_thread
from trainers.commands import commands


def main() -> None:
    """Runs the command line with the environment of this process."""
    single_matrix_thread(os.environ)
    run_command(commands, os.environ)


if __name__ == "__main__":
    main()

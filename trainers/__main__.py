"""The trainers' own command line: ``python -m trainers``."""

import os

from schemas.wire.processes import run_command
from trainers.commands import commands


def main() -> None:
    """Run it with this process's environment."""
    run_command(commands, os.environ)


if __name__ == "__main__":
    main()

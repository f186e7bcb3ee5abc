"""``python -m producers``: the one place of this package that reads the process's environment."""

import os

from producers.commands import commands
from schemas.wire.processes import run_command


def main() -> None:
    """Run the producers' command line."""
    run_command(commands, os.environ)


if __name__ == "__main__":
    main()

"""``python -m producers``. Only this module of the package reads the environment of the process."""

import os

from producers.commands import commands
from schemas.wire.processes import run_command


def main() -> None:
    """Run the producers' command line."""
    run_command(commands, os.environ)


if __name__ == "__main__":
    main()

"""``python -m api`` serves predictions over HTTP, or runs the scoring job."""

import os

from api.commands import commands
from schemas.wire.processes import run_command


def main() -> None:
    """Run the command line with this process's environment."""
    run_command(commands, os.environ)


if __name__ == "__main__":
    main()

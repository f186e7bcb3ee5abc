"""Runs the ``driftline`` command; ``python -m deploy.local`` is the same."""

import os
from typing import NoReturn

from deploy.local.mounting import driftline
from schemas.wire.processes import run_command, single_matrix_thread


def main() -> NoReturn:
    """Run the command line."""
    single_matrix_thread(os.environ)
    run_command(driftline, os.environ)


if __name__ == "__main__":
    main()

"""Says how far a long run is, at once: what a person watches, and what a parent process reads."""

import sys


def tell(line: object) -> None:
    """Write a line on the standard output."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()

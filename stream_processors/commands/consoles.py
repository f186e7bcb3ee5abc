"""What the commands share: the broker of the environment, and the console on which tables are printed."""

import sys
from collections.abc import Mapping
from typing import Any

#: The width of a table that goes into a file or a pipe.
WIDE = 200


def kafka_endpoint(environment: Mapping[str, str]) -> Any:
    """Return the broker that the environment names."""
    from stream_processors.settings import ProcessorSettings

    return ProcessorSettings.from_environment(environment).kafka_endpoint()


def console(*, width: int = WIDE) -> Any:
    """Return a console as wide as the terminal, or of the given width when no terminal reads it."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else width)

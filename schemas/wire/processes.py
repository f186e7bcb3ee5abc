"""What every process of the platform does at its edges: logs, signals, one-line errors.

A ``__main__`` calls :func:`run_command` with the environment, and is done.
"""

import logging
import signal
import sys
import threading
from collections.abc import Mapping, MutableMapping, Sequence
from types import FrameType
from typing import NoReturn

import click
import structlog

from schemas.errors import ConfigurationError, PlatformError

EXIT_FAILED = 1
EXIT_MISCONFIGURED = 2
_MATRIX_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Stop:
    """Whether this process was asked to end, by SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> bool:
        """Whether it was."""
        return self._event.is_set()

    def set(self) -> None:
        """Ask for the end."""
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait this long, or until the end is asked for; tells whether it is."""
        return self._event.wait(seconds)


def stop_on_signals() -> Stop:
    """A stop flag that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = Stop()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop():
            sys.exit(128 + number)
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return stop


def configure_logging(*, level: str = "INFO") -> None:
    """Log lines of fields to stderr: coloured on a terminal, plain otherwise."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, sort_keys=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def single_matrix_thread(environment: MutableMapping[str, str]) -> None:
    """Have numpy's matrix products run on the thread that asks for them, unless the user says otherwise.

    Where both cores are busy the threads of one product wait for each other, many times longer than
    the product takes; folds are fitted on threads of their own. Counts only before numpy is imported.
    """
    for variable in _MATRIX_THREADS:
        environment.setdefault(variable, "1")


def run_command(
    command: click.Command, environment: Mapping[str, str], arguments: Sequence[str] | None = None
) -> NoReturn:
    """Run a command line, and end the process with its exit code.

    The commands find the environment in ``click``'s context object (``@click.pass_obj``). A
    :class:`~schemas.errors.PlatformError` becomes one line on stderr: exit code 2 for a wrong
    setting, 1 for anything else.
    """
    level = environment.get("DRIFTLINE_LOG_LEVEL", "INFO").upper()
    if level not in logging.getLevelNamesMapping():
        click.echo(f"DRIFTLINE_LOG_LEVEL must be DEBUG, INFO, WARNING or ERROR, was {level!r}", err=True)
        sys.exit(EXIT_MISCONFIGURED)
    configure_logging(level=level)
    try:
        code = command.main(args=arguments, obj=environment, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_MISCONFIGURED)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except PlatformError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(EXIT_MISCONFIGURED if isinstance(error, ConfigurationError) else EXIT_FAILED)
    sys.exit(code if isinstance(code, int) else 0)  # what a command gave to click's own `exit`

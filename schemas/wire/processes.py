"""What every process of the platform does at its edges: logs, signals, one-line errors.

A ``__main__`` calls :func:`run_command` with the environment, and is done.
"""

import errno
import io
import logging
import os
import signal
import stat
import sys
import threading
from collections.abc import Mapping, MutableMapping, Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, NoReturn, TextIO, cast

import click
import structlog

from schemas.errors import ConfigurationError, PlatformError

EXIT_FAILED = 1
EXIT_MISCONFIGURED = 2
#: What a disk says that cannot be written: full, a quota, mounted read-only, broken.
_DISK_TROUBLES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
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


class PatientStream:
    """A stream for log lines whose failures end nothing: a full disk, a terminal that was closed.

    Args:
        stream: Where they go, as long as that works.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a line, or lose it."""
        with suppress(OSError, ValueError):  # the latter where it was closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Hand it on, if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.flush()


class _PatientFile(io.FileIO):
    """A file whose writes are given up where its disk cannot take them."""

    def write(self, content: Any, /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            if error.errno not in _DISK_TROUBLES:
                raise
            return len(memoryview(content))


def outlive_full_disks() -> None:
    """Let standard output and standard error go nowhere while the disk they are redirected to is full.

    What a process prints must not end it. Terminals and pipes stay as they are: a closed pipe ends
    a command, as everybody expects.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        try:
            number = stream.fileno()
            is_file = stat.S_ISREG(os.fstat(number).st_mode)
        except (AttributeError, OSError, ValueError):
            continue
        if is_file and isinstance(stream, io.TextIOWrapper):
            stream.flush()
            patient = io.BufferedWriter(_PatientFile(number, "wb", closefd=False))
            wrapped = io.TextIOWrapper(
                patient, encoding=stream.encoding, errors=stream.errors, line_buffering=True
            )
            setattr(sys, name, wrapped)


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
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", PatientStream(sys.stderr))),
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
    outlive_full_disks()
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

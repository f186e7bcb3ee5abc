"""What every process of the platform does at its edges: logs, signals, and errors in one line.

A ``__main__`` only calls :func:`run_command` with the environment.
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
#: The errors of a disk that cannot be written: it is full, over quota, read-only or broken.
_DISK_TROUBLES = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO})
_MATRIX_THREADS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Stop:
    """A flag that tells whether this process was asked to end, by SIGTERM or SIGINT."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> bool:
        """Return whether it was asked to end."""
        return self._event.is_set()

    def set(self) -> None:
        """Ask the process to end."""
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Wait this long, or until the process is asked to end, and return whether it was."""
        return self._event.wait(seconds)


def stop_on_signals() -> Stop:
    """Return a stop flag that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = Stop()

    def ask(number: int, _frame: FrameType | None) -> None:
        if stop():
            sys.exit(128 + number)
        stop.set()

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGINT, ask)
    return stop


class PatientStream:
    """A stream for log lines that ignores its failures, such as a full disk or a closed terminal.

    Args:
        stream: The stream to which lines are written as long as that works.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a line; it is lost if it cannot be written."""
        with suppress(OSError, ValueError):  # the latter if the stream was closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flush the stream if that is possible."""
        with suppress(OSError, ValueError):
            self._stream.flush()


class _PatientFile(io.FileIO):
    """A file that drops what its disk cannot take."""

    def write(self, content: Any, /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            if error.errno not in _DISK_TROUBLES:
                raise
            return len(memoryview(content))


def outlive_full_disks() -> None:
    """Drop standard output and standard error while the disk is full to which they are redirected.

    The output of a process must not end it. Terminals and pipes stay as they are: a closed pipe ends
    a command, as people expect.
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
    """Write log lines with fields to stderr: coloured on a terminal, otherwise plain."""
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
    """Make numpy run matrix products on the calling thread, unless the user sets otherwise.

    If both cores are busy, the threads of one product wait for each other many times longer than
    the product takes; folds are fitted on threads of their own. This has an effect only before numpy is imported.
    """
    for variable in _MATRIX_THREADS:
        environment.setdefault(variable, "1")


def run_command(
    command: click.Command, environment: Mapping[str, str], arguments: Sequence[str] | None = None
) -> NoReturn:
    """Run a command line, and end the process with its exit code.

    The commands find the environment in the context object of ``click`` (``@click.pass_obj``). A
    :class:`~schemas.errors.PlatformError` becomes one line on stderr. The exit code is 2 for a wrong
    setting, and 1 for any other error.

    Args:
        command: The command or group.
        environment: The environment variables of the process.
        arguments: The arguments; None takes those of the process.
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
    sys.exit(code if isinstance(code, int) else 0)  # the code that a command gave to `exit` of click

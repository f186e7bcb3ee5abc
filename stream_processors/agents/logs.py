"""What libraries log goes into the log of the process, from warnings on."""

import logging

import structlog
from structlog.typing import FilteringBoundLogger

log: FilteringBoundLogger = structlog.get_logger()
_LIBRARIES = ("aiokafka", "asyncio", "faust", "mode")
_LONGEST = 300


class ForwardingHandler(logging.Handler):
    """Hands records of the standard library's logging to structlog, each as one line.

    Args:
        level: The lowest level that is handed on.
        write: The logger that gets them.
    """

    def __init__(self, level: int = logging.WARNING, *, write: FilteringBoundLogger = log) -> None:
        super().__init__(level)
        self._write = write

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record of a library as one line of our own log."""
        write = self._write.error if record.levelno >= logging.ERROR else self._write.warning
        write("library", logger=record.name, message=" ".join(record.getMessage().split())[:_LONGEST])


def forward_library_logs() -> None:
    """Forward the warnings and errors of the libraries of the agent."""
    handler = ForwardingHandler()
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.WARNING)

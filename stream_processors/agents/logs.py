"""What libraries log goes into the log of the process, from warnings on."""

import logging

import structlog

log = structlog.get_logger()
_LIBRARIES = ("aiokafka", "asyncio", "faust", "mode")
_LONGEST = 300


def one_line(record: logging.LogRecord) -> str:
    """Return the message of a record without line ends, cut at 300 characters."""
    return " ".join(record.getMessage().split())[:_LONGEST]


class ForwardingHandler(logging.Handler):
    """Hands records of the standard library's logging to structlog, each as one line."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record of a library as one line of our own log."""
        write = log.error if record.levelno >= logging.ERROR else log.warning
        write("library", logger=record.name, message=one_line(record))


def forward_library_logs() -> None:
    """Forward the warnings and errors of the libraries of the agent."""
    handler = ForwardingHandler(logging.WARNING)
    for name in _LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(logging.WARNING)

"""What a round came to: what it gave, or why it failed, and what that says of the source's health."""

import threading
from typing import NamedTuple

import structlog

from producers.jobs.collecting.rounds import CollectedRound, CollectedSource
from producers.sources.fetching import SourceBusyError, SourceRefusedError
from schemas.errors import ContractError, PlatformError
from schemas.events import SourceHealth
from schemas.time import Clock

log = structlog.get_logger()


class Failure(NamedTuple):
    """Why a round gave nothing."""

    state: SourceHealth
    reason: str


class Outcome:
    """A round that was read and waits to be published.

    Args:
        source: The source.
        read: What it gave, or why it gave nothing.
        at_ms: When it was read.

    Attributes:
        is_taken: Set when the main loop has published it.
    """

    def __init__(self, source: CollectedSource, read: CollectedRound | Failure, at_ms: int) -> None:
        self.source = source
        self.read = read
        self.at_ms = at_ms
        self.is_taken = threading.Event()

    @property
    def wants_another(self) -> bool:
        """Whether the next round should come at once."""
        return isinstance(self.read, CollectedRound) and self.read.is_waiting


def read_round(source: CollectedSource, clock: Clock, *, is_last: bool = False) -> Outcome:
    """Read a source once, whatever happens: a source that fails must not stop the others.

    Args:
        source: The source.
        clock: By which the round is dated.
        is_last: Whether no other round follows soon.
    """
    try:
        read: CollectedRound | Failure = source.collect(now_ms=clock.now_ms(), is_last=is_last)
    except PlatformError as error:
        read = failure_of(error)
    except Exception as error:
        log.exception("a source failed in a way that was not foreseen", source=source.name)
        read = Failure(SourceHealth.FAILING, f"it cannot be read: {type(error).__name__}: {error}")
    return Outcome(source, read, clock.now_ms())


def failure_of(error: PlatformError) -> Failure:
    """Return what an error says of the health of a source.

    Example:
        >>> failure_of(SourceRefusedError("a.example.com answered 451", status=451)).state
        <SourceHealth.REFUSED: 'refused'>
    """
    if isinstance(error, SourceRefusedError):
        return Failure(SourceHealth.REFUSED, str(error))
    if isinstance(error, SourceBusyError) and error.is_asked:
        return Failure(SourceHealth.LIMITED, str(error))
    if isinstance(error, ContractError):
        return Failure(SourceHealth.FAILING, f"it answers something that cannot be read: {error}")
    return Failure(SourceHealth.FAILING, str(error))

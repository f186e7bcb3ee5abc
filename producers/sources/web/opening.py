"""Opens the client of the web: one fetcher and one opener of sockets that share the manners."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import structlog
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from producers.sources.fetching import Fetcher
from producers.sources.sockets import Sockets
from producers.sources.web.parameters import WebParameters
from schemas.time import Clock

log = structlog.get_logger()


class Web(NamedTuple):
    """The two doors to the web."""

    fetcher: Fetcher
    sockets: Sockets


@contextmanager
def open_web(
    parameters: WebParameters, clock: Clock, *, is_stopped: Callable[[], bool] | None = None
) -> Iterator[Web]:
    """Open both doors, and close the fetcher's connections at the end.

    Args:
        parameters: How sources are asked.
        clock: By which everything is dated and waited for.
        is_stopped: Whether the process is to end, so that nobody waits any longer.
    """
    from producers.sources.web.channels import PoliteSockets
    from producers.sources.web.clients import PoliteFetcher
    from producers.sources.web.manners import Manners

    set_on_retry_hooks([_note_retry])
    manners = Manners(parameters, clock, is_stopped=is_stopped)
    fetcher = PoliteFetcher(parameters, manners, clock, is_stopped=is_stopped)
    try:
        yield Web(fetcher, PoliteSockets(parameters, manners, clock))
    finally:
        fetcher.close()


def _note_retry(details: RetryDetails) -> None:
    """Note an attempt that failed. Whoever asked says what came of it, so this is for whoever looks for more."""
    log.debug("trying again", reason=str(details.caused_by), wait_s=round(details.wait_for, 1))

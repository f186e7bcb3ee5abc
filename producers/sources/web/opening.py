"""Opens the client of the web: one fetcher and one opener of sockets that share the manners."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from producers.sources.fetching import Fetcher
from producers.sources.sockets import Sockets
from producers.sources.web.parameters import WebParameters
from schemas.time import Clock


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

    manners = Manners(parameters, clock, is_stopped=is_stopped)
    fetcher = PoliteFetcher(parameters, manners, clock, is_stopped=is_stopped)
    try:
        yield Web(fetcher, PoliteSockets(parameters, manners, clock))
    finally:
        fetcher.close()

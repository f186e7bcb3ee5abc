"""Runs a backfill: one thread for each source, so that each venue is asked one thing at a time."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from threading import Event
from typing import NamedTuple

from producers.jobs.backfilling.counting import CountingFetcher
from producers.jobs.backfilling.filling import count_left, fill
from producers.jobs.backfilling.places import Place
from producers.jobs.backfilling.series import Ports, Series, StoppedError
from producers.jobs.backfilling.stretches import Stretch
from producers.jobs.backfilling.tallies import Tally
from producers.sources.fetching import Fetcher
from producers.sources.venues import Venue

#: Returns the adapter of a source with some instruments, over a fetcher.
MakeVenue = Callable[[str, Sequence[str], Fetcher], Venue]
_LOOK_EVERY_S = 0.2


class Request(NamedTuple):
    """What is to be backfilled.

    Attributes:
        series: What is wanted of each series; those of one source are asked for one after the other.
        asks_again: Whether what is stored is asked for, too, to find corrections.
    """

    series: Mapping[Place, Stretch]
    asks_again: bool = False

    @property
    def span(self) -> Stretch:
        """The time from the first series' beginning to the last one's end."""
        spans = self.series.values()
        return Stretch(min(each.start_ms for each in spans), max(each.end_ms for each in spans))


def backfill(
    request: Request,
    make_venue: MakeVenue,
    fetcher: Fetcher,
    ports: Ports,
    *,
    on_look: Callable[[], None] = lambda: None,
) -> list[Tally]:
    """Fill every series, and return what was done, in the order of the request.

    Args:
        request: What is wanted.
        make_venue: Makes the adapters.
        fetcher: Asks the sources.
        ports: What the backfill works with.
        on_look: Called in this thread every 0.2 s while the sources are asked.

    Raises:
        ConfigurationError: If there is no adapter for a source.
        StoreUnavailableError: If the store does not answer. Running the same again goes on.
    """
    gives_up = Event()
    both = ports._replace(is_stopped=lambda: gives_up.is_set() or ports.is_stopped())
    lanes = _lanes(request, make_venue, fetcher, both)
    if not lanes:
        return []
    with ThreadPoolExecutor(len(lanes), thread_name_prefix="backfill") as pool:
        try:
            futures = [pool.submit(lane.run, asks_again=request.asks_again) for lane in lanes]
            _watch(futures, on_look)
        finally:
            gives_up.set()
    done = {series.place: series.tally for lane in lanes for series in lane.series}
    return [done[place] for place in request.series]


def _watch(futures: Sequence[Future[None]], on_look: Callable[[], None]) -> None:
    """Wait for all; the first error is raised at once."""
    left = set(futures)
    while left:
        done, left = wait(left, timeout=_LOOK_EVERY_S)
        for future in done:
            future.result()
        on_look()


class _Lane:
    """The series of one source, which are filled one after the other."""

    def __init__(self, series: Sequence[Series], fetcher: CountingFetcher) -> None:
        self.series = series
        self._fetcher = fetcher

    def run(self, *, asks_again: bool) -> None:
        """Fill each, until the process is asked to end."""
        trouble: str | None = None
        for each in self.series:
            n_before = self._fetcher.n_requests
            try:
                trouble = fill(each, trouble=trouble, asks_again=asks_again)
            except StoppedError:
                return
            finally:
                each.tally.n_requests = self._fetcher.n_requests - n_before
            count_left(each)


def _lanes(request: Request, make_venue: MakeVenue, fetcher: Fetcher, ports: Ports) -> list[_Lane]:
    lanes: list[_Lane] = []
    for source in dict.fromkeys(place.source for place in request.series):
        places = [place for place in request.series if place.source == source]
        counting = CountingFetcher(fetcher)
        venue = make_venue(source, [place.instrument for place in places], counting)
        series = [Series(place, request.series[place], venue, ports) for place in places]
        lanes.append(_Lane(series, counting))
    return lanes

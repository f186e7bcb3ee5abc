"""Wires the collector to real servers and sources, and runs it, by schedule or once."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import structlog

from producers.jobs.collecting.collectors import Collector
from producers.jobs.collecting.known import restored
from producers.jobs.collecting.metrics import CollectorMetrics
from producers.jobs.collecting.news import NewsSource
from producers.jobs.collecting.once import collect_once
from producers.jobs.collecting.reports import SourceReport
from producers.jobs.collecting.rounds import CollectedSource
from producers.jobs.collecting.schedules import collect_by_schedule
from producers.jobs.collecting.settings import CollectorSettings
from producers.sources.fetching import Fetcher
from producers.sources.web.opening import open_web
from schemas.errors import NotReadyError
from schemas.events import Event
from schemas.time import Clock
from schemas.wire.kafka import Publisher
from schemas.wire.postgres.leadership import Leadership
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import Endpoints

log = structlog.get_logger()
#: Returns the sources that settings name, over a fetcher.
MakeSources = Callable[[CollectorSettings, Fetcher], Sequence[CollectedSource]]

_ASK_AGAIN_S = 1.0
_CHECK_EVERY_S = 2.0
_TRANSACTIONS_S = 30.0


class LeadershipLostError(NotReadyError):
    """Another collector may lead now, so this one ends and starts again as one that waits."""


class Sources(NamedTuple):
    """The sources of a run, and who publishes what they give."""

    sources: Sequence[CollectedSource]
    collector: Collector


def run_collector(
    settings: CollectorSettings,
    endpoints: Endpoints,
    make: MakeSources,
    *,
    clock: Clock,
    is_stopped: Callable[[], bool],
) -> None:
    """Collect by schedule until asked to stop, once no other collector of the run leads.

    Args:
        settings: The settings.
        endpoints: The servers.
        make: Makes the sources.
        clock: The clock.
        is_stopped: Whether the process is to end.
    """
    if settings.sources_contact is None and not settings.has_mirror:
        log.warning("set DRIFTLINE_SOURCES_CONTACT to a mail address or URL, so that sources can reach you")
    metrics = CollectorMetrics()
    port = metrics.serve(settings.collector_metrics_port)
    if port is not None:
        log.info("metrics", url=f"http://127.0.0.1:{port}/metrics")
    with _leading(settings, endpoints) as place:
        if not _wait_for_turn(place, clock, is_stopped):
            return
        metrics.show_leading(leads=True)
        with opened(settings, endpoints, make, clock=clock, is_stopped=is_stopped, metrics=metrics) as (
            sources,
            collector,
        ):
            log.info("collecting", stream=settings.run, sources=[source.name for source in sources])
            check = _Checking(place, clock)
            collect_by_schedule(sources, collector, clock, is_stopped=is_stopped, check=check)


def run_once(
    settings: CollectorSettings,
    endpoints: Endpoints,
    make: MakeSources,
    *,
    clock: Clock,
    is_stopped: Callable[[], bool],
    on_published: Callable[[Sequence[Event]], None] = lambda _: None,
) -> tuple[SourceReport, ...]:
    """Read every source once, publish what is new, and return what came of it.

    Args:
        settings: The settings.
        endpoints: The servers.
        make: Makes the sources.
        clock: The clock.
        is_stopped: Whether the process is to end.
        on_published: Called with what was published when all of it is in the log.

    Raises:
        NotReadyError: If another collector of the run is at work.
    """
    with _leading(settings, endpoints) as place:
        if not place.take():
            message = f"another collector of the stream {settings.run} is at work and publishes what is new"
            raise NotReadyError(message)
        published: list[Event] = []
        with opened(
            settings, endpoints, make, clock=clock, is_stopped=is_stopped, on_published=published.extend
        ) as (sources, collector):
            collect_once(sources, collector, clock, is_stopped=is_stopped)
            on_published(published)
            return collector.reports


@contextmanager
def opened(
    settings: CollectorSettings,
    endpoints: Endpoints,
    make: MakeSources,
    *,
    clock: Clock,
    is_stopped: Callable[[], bool],
    metrics: CollectorMetrics | None = None,
    on_published: Callable[[Sequence[Event]], None] = lambda _: None,
) -> Iterator[Sources]:
    """Open the sources and the log for the collector that leads; it fences any collector that led before.

    Args:
        settings: The settings.
        endpoints: The servers.
        make: Makes the sources.
        clock: The clock.
        is_stopped: Whether the process is to end.
        metrics: Shows what is collected.
        on_published: Called with new events when the log has them.
    """
    stream = settings.run
    parameters = settings.parameters(settings.data_dir / "web" / stream)
    with open_web(parameters, clock, is_stopped=is_stopped) as web:
        sources = make(settings, web.fetcher)
        outlet = Publisher(
            endpoints.kafka,
            role="collector",
            transactional_id=f"driftline-collector-{stream}",
            is_compressed=False,
        )
        outlet.prepare_transactions(timeout_s=_TRANSACTIONS_S)
        with PostgresPool(endpoints.database_url, max_connections=1) as pool:
            known = restored(stream, pool, endpoints.kafka)
        yield Sources(
            sources,
            Collector(
                sources,
                known=known,
                outlet=outlet,
                metrics=metrics,
                on_published=on_published,
                has_news=any(isinstance(source, NewsSource) for source in sources),
            ),
        )


@contextmanager
def _leading(settings: CollectorSettings, endpoints: Endpoints) -> Iterator[Leadership]:
    place = Leadership(endpoints.database_url, f"driftline-collector/{settings.run}")
    try:
        yield place
    finally:
        place.close()


def _wait_for_turn(place: Leadership, clock: Clock, is_stopped: Callable[[], bool]) -> bool:
    """Whether this collector leads; False if the process was asked to end before."""
    has_said = False
    while not is_stopped():
        if place.take():
            return True
        if not has_said:
            log.info("another collector leads; this one waits until it ends")
            has_said = True
        clock.sleep(_ASK_AGAIN_S)
    return False


class _Checking:
    """Looks from time to time whether this collector still leads."""

    def __init__(self, place: Leadership, clock: Clock) -> None:
        self._place = place
        self._clock = clock
        self._at_s = clock.monotonic_s()

    def __call__(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._at_s < _CHECK_EVERY_S:
            return
        self._at_s = now_s
        if not self._place.is_held():
            message = "the session that made this collector the leader has ended"
            raise LeadershipLostError(message)

"""Opens what a backfill of news needs: the sources, the log, and the place of the collector, which it takes meanwhile."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

from producers.jobs.backfilling.news import NewsTally, backfill_news
from producers.jobs.backfilling.stretches import Stretch
from producers.jobs.collecting.choosing import news_of
from producers.jobs.collecting.known import restored
from producers.jobs.collecting.publishing import Published, RoundPublisher
from producers.jobs.collecting.rounds import CollectedRound
from producers.jobs.collecting.settings import CollectorSettings
from producers.sources.web.opening import open_web
from schemas.errors import NotReadyError
from schemas.time import Clock
from schemas.wire.kafka import Publisher
from schemas.wire.postgres.gaps import StoredGaps
from schemas.wire.postgres.leadership import Leadership
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import Endpoints

_TRANSACTIONS_S = 30.0


def run_news(
    environment: Mapping[str, str],
    span: Stretch,
    *,
    clock: Clock,
    is_stopped: Callable[[], bool],
) -> Sequence[NewsTally]:
    """Backfill the news of the collector's sources, side by side.

    Args:
        environment: The environment variables, which name servers and sources.
        span: The published times that are wanted.
        clock: The clock.
        is_stopped: Whether the process is to end.

    Raises:
        NotReadyError: If a collector of the run is at work.
    """
    settings = CollectorSettings.from_environment(environment)
    endpoints = settings.endpoints()
    place = Leadership(endpoints.database_url, f"driftline-collector/{settings.run}")
    try:
        if not place.take():
            message = f"a collector of the stream {settings.run} is at work: end it, and run the backfill of news again"
            raise NotReadyError(message)
        return _filled(settings, endpoints, span, clock=clock, is_stopped=is_stopped)
    finally:
        place.close()


def _filled(
    settings: CollectorSettings,
    endpoints: Endpoints,
    span: Stretch,
    *,
    clock: Clock,
    is_stopped: Callable[[], bool],
) -> Sequence[NewsTally]:
    stream = settings.run
    parameters = settings.parameters(settings.data_dir / "web" / stream)
    outlet = Publisher(
        endpoints.kafka,
        role="collector",
        transactional_id=f"driftline-collector-{stream}",
        is_compressed=False,
    )
    outlet.prepare_transactions(timeout_s=_TRANSACTIONS_S)
    with (
        open_web(parameters, clock, is_stopped=is_stopped) as web,
        PostgresPool(endpoints.database_url) as pool,
    ):
        known = restored(stream, pool, endpoints.kafka)
        sources = news_of(settings, web.fetcher)
        for source in sources:
            source.restore(known.before())
        publisher, lock = RoundPublisher(outlet, known), Lock()

        def publish(part: CollectedRound) -> Published:
            with lock:
                return publisher.publish(part.events, part.rejected)

        with ThreadPoolExecutor(max(len(sources), 1), thread_name_prefix="news") as threads:
            futures = [
                threads.submit(
                    backfill_news,
                    source,
                    span,
                    publish,
                    StoredGaps(pool),
                    stream=stream,
                    clock=clock,
                    is_stopped=is_stopped,
                )
                for source in sources
            ]
            return [future.result() for future in futures]

"""Opens the servers and the sources of a backfill."""

from collections.abc import Callable, Sequence

from producers.jobs.backfilling.letters import DeadLetters
from producers.jobs.backfilling.running import Request, backfill
from producers.jobs.backfilling.series import Ports
from producers.jobs.backfilling.settings import BackfillSettings
from producers.jobs.backfilling.showing import shown
from producers.jobs.backfilling.storing import StoredBackfill
from producers.jobs.backfilling.tallies import Tally
from producers.sources.venue_table import venue_of
from producers.sources.web.opening import open_web
from schemas.time import Clock
from schemas.wire.kafka import Publisher
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import Endpoints


def run_backfill(
    settings: BackfillSettings,
    endpoints: Endpoints,
    request: Request,
    *,
    clock: Clock,
    is_stopped: Callable[[], bool],
) -> Sequence[Tally]:
    """Run a backfill on real servers, and return what was done.

    Args:
        settings: The settings.
        endpoints: The servers.
        request: What is wanted.
        clock: The clock.
        is_stopped: Whether the process is to end.

    Raises:
        ConfigurationError: If a setting is wrong.
        StoreUnavailableError: If Postgres does not answer.
    """
    letters = DeadLetters(lambda: Publisher(endpoints.kafka, role="producers"))
    parameters = settings.parameters(settings.data_dir / "web" / settings.run)
    n_sources = len({place.source for place in request.series})
    with (
        PostgresPool(endpoints.database_url, max_connections=n_sources + 1, timeout_s=30.0) as pool,
        open_web(parameters, clock, is_stopped=is_stopped) as web,
        shown(request.series, clock) as progress,
    ):
        ports = Ports(StoredBackfill(pool), clock, letters.put_aside, is_stopped, progress.moved)
        return backfill(request, venue_of, web.fetcher, ports, on_look=progress.look)

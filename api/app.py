"""Builds the HTTP application of one run: its routes, its error answers and its metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI

from api import errors
from api.middleware.metering import Metering, Metrics
from api.reading.alarms import LeakAlarms
from api.reading.serving import Serving
from api.reading.stores import Stores
from api.routes import health, markets, pages, predictions, streams
from api.settings import ApiSettings
from schemas.time import Clock
from schemas.wire import redis
from schemas.wire.clocks import SystemClock
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import Endpoints
from trainers.registry.folders import FolderRegistry

_DESCRIPTION = """
Which way a coin's price goes next, how sure that is, and how often it was right.

Every answer says which run of data it is of (`stream`: live, a replay, or a simulation), who said
the prices (`source`), and whether they are invented (`is_simulated`). Errors are problem documents
(RFC 9457). Nothing here is advice.
"""
_MAX_CONNECTIONS = 4
_STORE_TIMEOUT_S = 1.0


def create_app(
    settings: ApiSettings, *, endpoints: Endpoints | None = None, clock: Clock | None = None
) -> FastAPI:
    """Build the application that serves one run.

    Args:
        endpoints: The addresses of the servers; None takes those of the settings.
        clock: None takes the clock of the machine.

    Raises:
        NotReadyError: If no servers are set and none are running.
    """
    where = settings.endpoints() if endpoints is None else endpoints
    time_source = SystemClock() if clock is None else clock
    stores = Stores(
        views=redis.Views(redis.connect(where.redis_url), job="api"),
        pool=PostgresPool(where.database_url, max_connections=_MAX_CONNECTIONS, timeout_s=_STORE_TIMEOUT_S),
        clock=time_source,
        stream=settings.stream,
    )
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        stores.open()
        yield
        stores.close()

    app = FastAPI(
        title="Driftline",
        summary="Calibrated predictions from an event log",
        description=_DESCRIPTION,
        version=_version(),
        lifespan=lifespan,
    )
    alarms = LeakAlarms(FolderRegistry(settings.registry_dir), stream=settings.stream, clock=time_source)
    app.state.serving = Serving(
        settings=settings, stores=stores, metrics=metrics, clock=time_source, alarms=alarms
    )
    app.add_middleware(Metering, metrics=metrics)
    errors.install(app)
    for router in (predictions.router, streams.router, markets.router, health.router, pages.make_router()):
        app.include_router(router)
    return app


def _version() -> str:
    try:
        return version("driftline")
    except PackageNotFoundError:
        return "0"

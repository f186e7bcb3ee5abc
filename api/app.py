"""Builds the HTTP application of one run: its routes, its error answers and its metrics."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI

from api import errors
from api.middleware.metering import ApiMetrics, Metering
from api.reading import parts
from api.reading.alarms import LeakAlarms
from api.reading.articles import ArticleReader
from api.reading.assets import AssetReader
from api.reading.bars import BarReader
from api.reading.clocks import RunClock
from api.reading.features import FeatureReader
from api.reading.guarded import GuardedHistory, GuardedViews, NewestEvents
from api.reading.instruments import InstrumentReader
from api.reading.news import NewsReader
from api.reading.predictions import PredictionReader
from api.reading.promotions import PromotionReader
from api.reading.readiness import ReadinessReader
from api.reading.runs import RunReader
from api.reading.sources import SourceReader
from api.reading.targets import TargetFinder
from api.routes import assets, health, markets, news, news_features, pages, predictions, sources, streams
from api.settings import ApiSettings
from schemas.time import Clock
from schemas.wire import redis
from schemas.wire.clocks import SystemClock
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.settings import Endpoints
from trainers.registry.folders import FolderRegistry

_DESCRIPTION = """
Predicts which way a coin's price goes next, and states how sure each prediction is and how often such predictions
were right.

Every answer names the run that its data belong to (`stream`: live, a replay, a simulation, or a mirror of the sources) and the source of the
prices (`source`), and states whether the prices are invented (`is_simulated`). Errors are problem documents (RFC 9457).
Nothing here is advice.
"""
_MAX_CONNECTIONS = 4
_STORE_TIMEOUT_S = 1.0


def create_app(
    settings: ApiSettings, *, endpoints: Endpoints | None = None, clock: Clock | None = None
) -> FastAPI:
    """Build the application that serves one run.

    Args:
        settings: The settings of the API.
        endpoints: The addresses of the servers; None takes those of the settings.
        clock: The clock that live data are judged by; None takes the clock of the machine.

    Raises:
        NotReadyError: If no servers are set and none are running.
    """
    where = settings.endpoints() if endpoints is None else endpoints
    time_source = SystemClock() if clock is None else clock
    metrics = ApiMetrics()
    views = GuardedViews(redis.Views(redis.connect(where.redis_url), job="api"), time_source)
    pool = PostgresPool(where.database_url, max_connections=_MAX_CONNECTIONS, timeout_s=_STORE_TIMEOUT_S)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        pool.open()
        yield
        pool.close()
        views.close()

    app = FastAPI(
        title="Driftline",
        summary="Calibrated predictions from an event log",
        description=_DESCRIPTION,
        version=_version(),
        lifespan=lifespan,
    )
    readers = _readers(settings, views, GuardedHistory(pool, time_source), clock=time_source)
    parts.install(app, [settings, metrics, *readers])
    app.add_middleware(Metering, metrics=metrics)
    errors.install(app)
    for routes in (predictions, streams, assets, markets, news, news_features, sources, health):
        app.include_router(routes.router)
    app.include_router(pages.make_router())
    return app


def _readers(
    settings: ApiSettings, views: GuardedViews, history: GuardedHistory, *, clock: Clock
) -> list[object]:
    """Build the readers that routes may ask for, one for each subject."""
    stream, newest = settings.stream, NewestEvents(views, history)
    alarms = LeakAlarms(FolderRegistry(settings.registry_dir), stream=stream, clock=clock)
    run = RunReader(history, stream=stream)
    promotions = PromotionReader(history, stream=stream)
    bars = BarReader(history, stream=stream)
    run_clock = RunClock(views, history, run=run, clock=clock)
    instruments = InstrumentReader(views, history, stream=stream, targets=settings.served, clock=clock)
    assets = AssetReader(settings, run=run, run_clock=run_clock, instruments=instruments, clock=clock)
    return [
        run,
        promotions,
        run_clock,
        assets,
        TargetFinder(settings, run=run, assets=assets, promotions=promotions, alarms=alarms, bars=bars),
        PredictionReader(newest, history, clock=clock),
        FeatureReader(newest, history, stream=stream),
        bars,
        alarms,
        ReadinessReader(views, history, stream=stream),
        ArticleReader(history, stream=stream),
        NewsReader(newest, history, stream=stream),
        SourceReader(history, stream=stream),
    ]


def _version() -> str:
    try:
        return version("driftline")
    except PackageNotFoundError:
        return "0"

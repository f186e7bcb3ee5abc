"""The market processor: it makes bars of ticks and candles, features of bars, and views of features."""

from collections.abc import Callable
from functools import partial

from schemas import codec
from schemas.events import END_OF_TIME_MS, Event, FeaturesComputed, SourceFellSilent, WatermarkAdvanced
from schemas.topics import MARKET_CANDLE, MARKET_TICK
from schemas.wire.redis import Views, clock_key, connect, features_key
from stream_processors.features.stepping import FeatureStepper
from stream_processors.operators.market import MarketOperator
from stream_processors.operators.ticks.warming import warm_up_ticks
from stream_processors.runtime.declarations import Job, View
from stream_processors.runtime.workers import run_job
from stream_processors.settings import ProcessorSettings


def view_of(event: Event) -> View | None:
    """Return the view of an event: the newest features of an instrument and interval, or the stream's clock."""
    match event:
        case FeaturesComputed():
            key = features_key(event.stream, event.instrument, str(event.interval))
            return View(key, event.event_time_ms, partial(codec.encode, event))
        case WatermarkAdvanced():
            return View(clock_key(event.stream), event.event_time_ms, str(event.event_time_ms).encode)
        case SourceFellSilent(absent_until_ms=until_ms) if until_ms == END_OF_TIME_MS:
            # The source has ended, perhaps within a bar: everything up to its end was published.
            return View(clock_key(event.stream), event.event_time_ms, str(event.event_time_ms).encode)
        case _:
            return None


def market_job(settings: ProcessorSettings) -> Job:
    """Return the job that the runtime drives."""
    return Job(
        name="market",
        inputs=(MARKET_CANDLE, MARKET_TICK),
        make_operator=lambda _partition: MarketOperator(intervals=settings.bar_intervals),
        view_of=view_of,
    )


def run_market(settings: ProcessorSettings, stop: Callable[[], bool]) -> None:
    """Run the market processor until asked to stop.

    The kernels are compiled or loaded before the worker begins. On a busy machine, compiling them inside a
    step took longer than the watchdog allows a step to take.
    """
    FeatureStepper().step((1.0, 1.0, 1.0, 1.0, 1.0), start_ms=0, end_ms=1)
    warm_up_ticks()
    endpoints = settings.endpoints()
    views = Views(connect(endpoints.redis_url), job="market")
    run_job(
        market_job(settings),
        endpoint=endpoints.kafka,
        views=views,
        stop=stop,
        worker_id=settings.worker_id,
        data_dir=settings.data_dir,
    )

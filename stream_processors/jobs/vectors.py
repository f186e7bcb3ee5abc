"""The second-stage join as a job: it makes vectors of the features of instruments and of their companions."""

from collections.abc import Callable

from schemas.errors import ConfigurationError
from schemas.topics import FEATURES_MARKET
from stream_processors.features.vectors import warm_up_vectors
from stream_processors.operators.vectors import VectorOperator
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.workers import run_job
from stream_processors.settings import ProcessorSettings


def vectors_job(settings: ProcessorSettings) -> Job:
    """Return the job that the runtime drives.

    Raises:
        ConfigurationError: If no instrument has companions, or if a setting has a wrong form.
    """
    companions = settings.parsed_companions()
    if not companions:
        message = (
            "DRIFTLINE_COMPANIONS must name companions, such as BTC-USDT.BINANCE:ETH-USDT.BINANCE, and was not "
            "set; without companions there is nothing to join"
        )
        raise ConfigurationError(message)
    sources = settings.parsed_sources()
    return Job(
        name="vectors",
        inputs=(FEATURES_MARKET,),
        make_operator=lambda partition: VectorOperator(
            partition=partition, companions=companions, sources=sources, stream=settings.stream
        ),
        is_joining=True,
    )


def run_vectors(settings: ProcessorSettings, stop: Callable[[], bool]) -> None:
    """Run the join until asked to stop; its kernels are compiled or loaded before the watchdog begins."""
    job = vectors_job(settings)
    warm_up_vectors()
    run_job(
        job,
        endpoint=settings.kafka_endpoint(),
        views=None,
        stop=stop,
        worker_id=settings.worker_id,
        data_dir=settings.data_dir,
    )

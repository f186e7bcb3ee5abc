"""The label join as a job: it makes outcomes of predictions, bars and the progress of scoring."""

from collections.abc import Callable

import structlog

from schemas.events import PredictionMade
from schemas.topics import MARKET_BAR, OUTCOMES, PREDICTIONS, PROGRESS_SCORING, partition_of
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from stream_processors.operators.outcomes import OutcomesOperator
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.workers import run_job
from stream_processors.settings import ProcessorSettings

_log = structlog.get_logger(__name__)


def outcomes_job(unresolved: list[PredictionMade], *, stream: str | None = None) -> Job:
    """Return the job that the runtime drives.

    Args:
        unresolved: Stored predictions without an outcome. They are not published again after the embedded
            broker, which keeps nothing over a restart, has lost its log.
        stream: The run that continues; None means that every run does.
    """

    def make_operator(partition: int) -> OutcomesOperator:
        here = [
            prediction
            for prediction in unresolved
            if partition_of(prediction.instrument.encode(), OUTCOMES.n_partitions) == partition
        ]
        return OutcomesOperator(seeds=here, stream=stream, on_let_go=_report_let_go)

    return Job(
        name="outcomes",
        inputs=(PREDICTIONS, PROGRESS_SCORING, MARKET_BAR),
        make_operator=make_operator,
    )


def run_outcomes(settings: ProcessorSettings, stop: Callable[[], bool]) -> None:
    """Run the label join until asked to stop."""
    endpoints = settings.endpoints()
    with PostgresPool(endpoints.database_url, max_connections=1) as pool:
        unresolved = StoredPredictions(pool).unresolved()
    run_job(
        outcomes_job(unresolved, stream=settings.stream),
        endpoint=endpoints.kafka,
        views=None,
        stop=stop,
        worker_id=settings.worker_id,
        data_dir=settings.data_dir,
    )


def _report_let_go(series: tuple[str, str, str], until_ms: int) -> None:
    stream, instrument, interval = series
    _log.warning(
        "closes are dropped although an arm may still ask for them: its predictions of that time will be void",
        stream=stream,
        instrument=instrument,
        interval=interval,
        until_ms=until_ms,
    )

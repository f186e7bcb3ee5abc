"""The label join as a job: predictions and bars -> outcomes."""

from collections.abc import Callable

from schemas.events import PredictionMade
from schemas.topics import MARKET_BAR, OUTCOMES, PREDICTIONS, partition_of
from schemas.wire.postgres import History
from stream_processors.operators.outcomes import OutcomesOperator
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.workers import run_job
from stream_processors.settings import ProcessorSettings


def outcomes_job(unresolved: list[PredictionMade]) -> Job:
    """The job, as the runtime drives it.

    Args:
        unresolved: Stored predictions without an outcome: the embedded broker forgets its log
            when it dies, and they are not published again.
    """

    def make_operator(partition: int) -> OutcomesOperator:
        here = [
            prediction
            for prediction in unresolved
            if partition_of(prediction.instrument.encode(), OUTCOMES.n_partitions) == partition
        ]
        return OutcomesOperator(seeds=here)

    return Job(name="outcomes", inputs=(PREDICTIONS, MARKET_BAR), make_operator=make_operator)


def run_outcomes(settings: ProcessorSettings, stop: Callable[[], bool]) -> None:
    """Run it until asked to stop."""
    endpoints = settings.endpoints()
    history = History(endpoints.database_url, max_connections=1)
    history.open()
    unresolved = history.unresolved()
    history.close()
    run_job(
        outcomes_job(unresolved),
        endpoint=endpoints.kafka,
        views=None,
        stop=stop,
        worker_id=settings.worker_id,
        data_dir=settings.data_dir,
    )

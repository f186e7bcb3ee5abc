"""The finding of copies as a job: it reads articles and links each copy to the one that was seen first."""

from collections.abc import Callable

from schemas.topics import NEWS_ARTICLE
from stream_processors.operators.articles import ArticlesOperator
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.workers import run_job
from stream_processors.settings import ProcessorSettings


def articles_job() -> Job:
    """Return the job that the runtime drives."""
    return Job(name="articles", inputs=(NEWS_ARTICLE,), make_operator=lambda _partition: ArticlesOperator())


def run_articles(settings: ProcessorSettings, stop: Callable[[], bool]) -> None:
    """Find copies until asked to stop."""
    run_job(
        articles_job(),
        endpoint=settings.kafka_endpoint(),
        views=None,
        stop=stop,
        worker_id=settings.worker_id,
        data_dir=settings.data_dir,
    )

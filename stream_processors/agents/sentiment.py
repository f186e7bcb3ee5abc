"""The agent as a job: its scorers by the settings, and the log."""

from collections.abc import Callable, Mapping

import structlog

from schemas.errors import ConfigurationError
from stream_processors.agents.logs import forward_library_logs
from stream_processors.agents.running import run_agent
from stream_processors.agents.scoring import ArticleScoring
from stream_processors.sentiment.opening import open_scorers
from stream_processors.sentiment.preparing import prepare
from stream_processors.settings import ProcessorSettings

log = structlog.get_logger()


def run_sentiment(environment: Mapping[str, str], stop: Callable[[], bool]) -> None:
    """Score articles by all scorers that run, until asked to stop. A scorer that cannot run is named once.

    Args:
        environment: The variables of the process; those of scorers are read where scorers are opened.
        stop: Asked again and again.

    Raises:
        ConfigurationError: If a setting has another form, or no scorer runs.
        BrokerUnavailableError: If the broker stayed away.
    """
    forward_library_logs()
    settings = ProcessorSettings.from_environment(environment)
    opened = open_scorers(environment)
    for each in opened.unavailable:
        log.warning("scorer is not available", scorer=each.name, reason=each.sentence)
    for name, note in opened.notes:
        log.warning("scorer", scorer=name, note=note)
    if not opened.scorers:
        message = "DRIFTLINE_SCORERS names no scorer that can run here; vader and textblob run everywhere"
        raise ConfigurationError(message)
    log.info("scoring", scorers=[str(scorer.id) for scorer in opened.scorers])
    run_agent(
        ArticleScoring(opened.scorers, prepare),
        endpoint=settings.kafka_endpoint(),
        stop=stop,
        worker_id=settings.worker_id,
        data_dir=settings.data_dir,
    )

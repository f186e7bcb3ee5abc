"""Connects the job that learns: features in, versions out, and state with the offsets that it stands for."""

from collections.abc import Callable

import msgspec
import structlog

from schemas.events import ModelPromoted
from schemas.topics import FEATURES_MARKET, FEATURES_VECTOR
from schemas.wire.clocks import SystemClock
from schemas.wire.settings import KafkaEndpoint
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.worker_settings import WorkerSettings, default_settings
from stream_processors.runtime.workers import Worker
from trainers.inputs.registries import registry_of
from trainers.online.metrics import LearnerMetrics
from trainers.online.operators import DueVersion, LearnerOperator, LearnerOptions, Publish, Watch
from trainers.online.publishing import Publishing
from trainers.settings import TrainerSettings
from trainers.training.offered import online_recipes_named

JOB = "learner"
_MS_PER_HOUR = 3_600_000
#: A forest learns a few hundred rows in a second, and a step must end before the watchdog reports a stall.
_BATCH = 256
_SNAPSHOT_RECORDS = 4_000
#: Seconds between two checkpoints. The embedded broker keeps every checkpoint in its memory.
_SNAPSHOT_S, _EMBEDDED_SNAPSHOT_S = 10.0, 60.0

_log = structlog.get_logger(__name__)


def run_learner(settings: TrainerSettings, *, code_version: str, stop: Callable[[], bool]) -> None:
    """Learns until the process is asked to stop.

    Args:
        settings: The settings of trainers.
        code_version: The version of the project.
        stop: Is asked between batches; the job ends when it returns True.

    Raises:
        PlatformError: If the job cannot go on; a restart continues from the log.
    """
    options, endpoint = learner_options_of(settings), settings.kafka_endpoint()
    publishing = Publishing(
        registry_of(settings), alias=settings.online_alias, clock=SystemClock(), code_version=code_version
    )
    metrics = LearnerMetrics()
    if settings.online_metrics_port is not None:
        metrics.serve(settings.online_metrics_port)
    job = learner_job(options, publish=_telling(publishing), watch=metrics.watch)
    worker = worker_settings(endpoint, worker_id=settings.worker_id)
    Worker(job, endpoint=endpoint, views=None, stop=stop, settings=worker, data_dir=settings.data_dir).run()


def learner_options_of(settings: TrainerSettings) -> LearnerOptions:
    """Returns what the settings ask for; the job learns from the rows that scoring would score.

    Raises:
        ConfigurationError: If no model is named, or a name or a target is unknown.
    """
    companions = settings.parsed_companions()
    beside = {name for found in companions.values() for name in found.instruments}
    return LearnerOptions(
        targets=settings.parsed_online_targets(),
        recipes=online_recipes_named(settings.online_models, variable="DRIFTLINE_ONLINE_MODELS"),
        stream=settings.stream,
        every_rows=settings.online_publish_rows,
        every_ms=round(settings.online_publish_hours * _MS_PER_HOUR),
        joined=frozenset(companions),
        beside=frozenset(beside - companions.keys()),
    )


def learner_job(options: LearnerOptions, *, publish: Publish, watch: Watch = lambda _learner: None) -> Job:
    """Returns the job for the runtime.

    The rows of an instrument are on one of the topics only, so the order in which the topics are read changes nothing.

    Args:
        options: What is learnt.
        publish: Stores a version.
        watch: Updates the metrics.
    """
    return Job(
        name=JOB,
        inputs=(FEATURES_MARKET, FEATURES_VECTOR) if options.joined else (FEATURES_MARKET,),
        make_operator=lambda _partition: LearnerOperator(options, publish=publish, watch=watch),
    )


def worker_settings(endpoint: KafkaEndpoint, *, worker_id: str) -> WorkerSettings:
    """Returns settings with small batches and rare checkpoints, because learning is slow and models are large."""
    return msgspec.structs.replace(
        default_settings(endpoint, worker_id=worker_id),
        max_batch=_BATCH,
        checkpoint_every_s=_EMBEDDED_SNAPSHOT_S if endpoint.is_embedded else _SNAPSHOT_S,
        checkpoint_every_records=_SNAPSHOT_RECORDS,
    )


def _telling(publish: Publish) -> Publish:
    """Logs the record of a model whenever it is published."""

    def told(due: DueVersion) -> ModelPromoted | None:
        announced = publish(due)
        if announced is None:
            return None
        accuracy, counts = due.learning.record.accuracy, due.learner.counts
        _log.info(
            "published",
            version=announced.model_version,
            learned=due.learning.model.n_learned,
            accuracy=None if accuracy is None else round(accuracy.value, 4),
            interval=None if accuracy is None else [accuracy.low, accuracy.high],
            recent=round(due.learning.record.recent, 4),
            **{name: getattr(counts, name) for name in ("tied", "void", "repeated", "evicted")},
        )
        return announced

    return told

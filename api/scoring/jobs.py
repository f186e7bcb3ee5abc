"""The wiring of the job that predicts: topics, models from the registry, views."""

from collections.abc import Callable, Collection
from functools import lru_cache, partial

import structlog

from api.scoring.operators import Check, Decide, LastStored, ScoringOperator, TargetKey
from api.settings import ApiSettings
from schemas.artifacts import ModelTarget
from schemas.codec import encode
from schemas.errors import InvariantError, NotReadyError, StateError
from schemas.events import Event, FeaturesComputed, ModelPromoted, PredictionMade
from schemas.topics import FEATURES_MARKET, FEATURES_VECTOR, MODELS_EVENT
from schemas.wire import redis
from schemas.wire.postgres import History, Target
from schemas.wire.redis import prediction_key
from schemas.wire.settings import Endpoints
from stream_processors.runtime.declarations import Job, View
from stream_processors.runtime.workers import run_job
from trainers.models.decisions import decide
from trainers.models.served import ServedModel
from trainers.registry.folders import FolderRegistry
from trainers.registry.models import LoadedModels

JOB = "scoring"
LoadModel = Callable[[str], ServedModel]
#: Loaded models, a few megabytes each: the champions of one run and their predecessors.
_N_MODELS = 16

_log = structlog.get_logger(__name__)


def run_scoring(settings: ApiSettings, *, endpoints: Endpoints, stop: Callable[[], bool]) -> None:
    """Predict until asked to stop.

    Raises:
        PlatformError: Whatever the job does not get over; a restart goes on from the log.
    """
    models = LoadedModels(FolderRegistry(settings.registry_dir), n_kept=_N_MODELS)
    job = scoring_job(
        load=models.model,
        check=partial(check_promotion, models),
        last_stored_ms=stored_predictions(endpoints, stream=settings.stream),
        joined=settings.parsed_companions(),
    )
    views = redis.Views(redis.connect(endpoints.redis_url), job=JOB)
    run_job(
        job,
        endpoint=endpoints.kafka,
        views=views,
        stop=stop,
        worker_id=settings.worker_id,
        data_dir=settings.data_dir,
    )


def check_promotion(models: LoadedModels, promoted: ModelPromoted) -> None:
    """Refuse a promotion that names no version of ours, one that does not load, or one made for something else.

    The model is loaded here, once, before it serves; the decisions after it find it loaded.

    Raises:
        InvariantError: Says which; the message is dead-lettered.
    """
    try:
        manifest, _ = models.load(promoted.model_version)
    except NotReadyError as error:
        message = f"a promotion must name a version of the registry: {error}"
        raise InvariantError(message) from error
    except StateError as error:
        message = f"a promotion must name a version that loads, {promoted.model_version} does not: {error}"
        raise InvariantError(message) from error
    target = ModelTarget(instrument=promoted.instrument, interval=promoted.interval, horizon=promoted.horizon)
    if (manifest.target, manifest.model_hash) != (target, promoted.model_hash):
        message = (
            f"{promoted.model_version} is {manifest.target} with hash {manifest.model_hash[:12]}, "
            f"was promoted for {target} with hash {promoted.model_hash[:12]}"
        )
        raise InvariantError(message)


def scoring_job(
    *,
    load: LoadModel,
    last_stored_ms: LastStored,
    check: Check = lambda _promoted: None,
    joined: Collection[str] = (),
) -> Job:
    """The job: features of an instrument, all promotions, predictions of that instrument.

    Where no instrument has companions, the vectors' topic is not read at all.

    Args:
        load: A model by its version; asked when a version is first needed.
        last_stored_ms: The newest as-of time of a target that the history holds, or None.
        check: Refuses a promotion, by InvariantError.
        joined: The instruments with companions, whose models see vectors.
    """
    decide_by_champion = decision(load)

    def make_operator(_partition: int) -> ScoringOperator:
        return ScoringOperator(
            decide=decide_by_champion,
            check=check,
            last_stored_ms=last_stored_ms,
            on_mismatch=_report_mismatch,
            joined=frozenset(joined),
        )

    return Job(
        name=JOB,
        inputs=(FEATURES_MARKET, FEATURES_VECTOR) if joined else (FEATURES_MARKET,),
        broadcasts=(MODELS_EVENT,),
        make_operator=make_operator,
        view_of=view_of,
    )


def decision(load: LoadModel) -> Decide:
    """The decision of :mod:`trainers.models.decisions`, with each version loaded once."""
    loaded = lru_cache(maxsize=_N_MODELS)(load)

    def decided(row: FeaturesComputed, promoted: ModelPromoted) -> PredictionMade:
        try:
            return decide(loaded(promoted.model_version), row, promoted)
        except KeyError as error:
            message = f"features {row.feature_spec_hash[:12]} must hold {error}, have {sorted(row.values)}"
            raise InvariantError(message) from error

    return decided


def stored_predictions(endpoints: Endpoints, *, stream: str) -> LastStored:
    """How far each target of a run is already predicted, by the history as it is now.

    Only a fresh log needs it: the snapshot knows the rest.

    Raises:
        StoreUnavailableError: If Postgres does not answer.
    """
    history = History(endpoints.database_url, max_connections=1)
    history.open()
    try:
        stored = history.last_predicted_ms(stream)
    finally:
        history.close()

    def last_stored_ms(target: TargetKey) -> int | None:
        series = target.series
        return stored.get(Target(series.stream, series.instrument, series.interval, target.horizon))

    return last_stored_ms


def view_of(event: Event) -> View | None:
    """The view of a prediction: the newest of its target, ordered by its as-of time."""
    if not isinstance(event, PredictionMade):
        return None
    key = prediction_key(event.stream, event.instrument, event.interval, event.horizon)
    return View(key, event.features_as_of_ms, partial(encode, event))


def _report_mismatch(row: FeaturesComputed, promoted: ModelPromoted) -> None:
    _log.warning(
        "features are not the champion's",
        instrument=row.instrument,
        interval=row.interval,
        horizon=promoted.horizon,
        model=promoted.model_version,
        expected=promoted.feature_spec_hash[:12],
        was=row.feature_spec_hash[:12],
    )

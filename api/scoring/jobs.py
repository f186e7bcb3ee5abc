"""Wires the job that predicts: its topics, the models of the registry, and its views."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType

import structlog

from api.scoring.failing import FailureCounts
from api.scoring.judging import Decide
from api.scoring.operators import Check, FailureCount, ScoringOperator
from api.scoring.stored import stored_state, target_of_promotion
from api.scoring.targets import StoredScoringState
from api.settings import ApiSettings
from schemas.artifacts import ModelTarget
from schemas.codec import encode
from schemas.errors import InvariantError, NotReadyError, PlatformError, StateError
from schemas.events import Event, FeaturesComputed, ModelPromoted, PredictionMade, PromotionTookEffect
from schemas.sources import source_of
from schemas.targets import Target
from schemas.topics import FEATURES_MARKET, FEATURES_VECTOR, MODELS_EFFECT, MODELS_EVENT, partition_of
from schemas.wire import redis
from schemas.wire.clocks import SystemClock
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
#: The largest number of loaded models: the versions of all arms of one run and their predecessors. A model takes a
#: few hundred kilobytes to a few megabytes. Where more models serve, each prediction may load its model again.
_N_MODELS = 256
#: The largest number of loaded models of one arm of a target: the version that serves, and the one before or after it.
_N_MODELS_OF_AN_ARM = 2
#: The number of models that are kept between the check of a promotion and its first decision.
_N_CHECKED = 8

_log = structlog.get_logger(__name__)


def run_scoring(settings: ApiSettings, *, endpoints: Endpoints, stop: Callable[[], bool]) -> None:
    """Predict until asked to stop.

    Args:
        settings: The settings of the API, which the scoring job shares.
        endpoints: The addresses of the servers.
        stop: Called between batches; the job ends when it returns True.

    Raises:
        PlatformError: If the job cannot go on. A restart goes on from the log.
    """
    registry, sources = FolderRegistry(settings.registry_dir), settings.parsed_sources()
    models = LoadedModels(registry, n_kept=_N_CHECKED)
    views = redis.Views(redis.connect(endpoints.redis_url), job=JOB)
    failures = FailureCounts(views, SystemClock())
    job = scoring_job(
        load=models.model,
        check=partial(check_promotion, models),
        stored=stored_state(endpoints, registry, stream=settings.stream),
        joined={name: source_of(name, sources) for name in settings.parsed_companions()},
        on_failure_count=failures.note,
    )

    def stop_after_showing() -> bool:
        failures.show()
        return stop()

    run_job(
        job,
        endpoint=endpoints.kafka,
        views=views,
        stop=stop_after_showing,
        worker_id=settings.worker_id,
        data_dir=settings.data_dir,
    )


def check_promotion(models: LoadedModels, promoted: ModelPromoted) -> None:
    """Refuse a promotion whose version is not in the registry, does not load, or was made for another target.

    The model is loaded here once, before it serves, so that its first decision need not load it.

    Raises:
        InvariantError: If the promotion is refused. The message then becomes a dead letter.
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
    stored: StoredScoringState | None = None,
    check: Check = lambda _promoted: None,
    joined: Mapping[str, str] = MappingProxyType({}),
    on_failure_count: FailureCount = lambda _target, _failed, _n_failed: None,
) -> Job:
    """Return the job that reads features and promotions, and publishes predictions.

    The topic of vectors is not read if no instrument has companions.

    Args:
        load: Loads the model of a version; called when a version is first needed.
        stored: What the durable stores know and an emptied log no longer knows.
        check: Refuses a promotion by raising InvariantError.
        joined: The source of each instrument with companions, for which vectors are computed too.
        on_failure_count: Called for each row that a version could not decide.
    """
    decide_by_version = decision(load)

    def make_operator(partition: int) -> ScoringOperator:
        return ScoringOperator(
            decide=decide_by_version,
            stored=stored,
            check=check,
            is_own=lambda name: partition_of(name.encode(), FEATURES_MARKET.n_partitions) == partition,
            on_mismatch=_report_mismatch,
            on_failure=_report_failure,
            on_failure_count=on_failure_count,
            on_lost=_report_lost,
            joined=joined,
        )

    return Job(
        name=JOB,
        inputs=(FEATURES_MARKET, FEATURES_VECTOR) if joined else (FEATURES_MARKET,),
        broadcasts=(MODELS_EVENT, MODELS_EFFECT),
        make_operator=make_operator,
        view_of=view_of,
    )


class _ServingModels:
    """Loads each model that decides once, and keeps it while it is needed.

    An arm such as a learner's gets a new version every few hours, so only the last two models of an arm are kept.
    """

    def __init__(self, load: LoadModel) -> None:
        self._load = load
        self._models: OrderedDict[tuple[Target, str], ServedModel] = OrderedDict()

    def __call__(self, promoted: ModelPromoted) -> ServedModel:
        """Return the model of a promotion."""
        target = target_of_promotion(promoted)
        place = (target, promoted.model_version)
        model = self._models.get(place)
        if model is None:
            model = self._models[place] = self._load(promoted.model_version)
            of_arm = [one for one in self._models if one[0] == target]
            for displaced in of_arm[:-_N_MODELS_OF_AN_ARM]:
                del self._models[displaced]
            while len(self._models) > _N_MODELS:
                self._models.popitem(last=False)
        self._models.move_to_end(place)
        return model


def decision(load: LoadModel) -> Decide:
    """Return the decision of :mod:`trainers.models.decisions`, which loads each version once."""
    serving = _ServingModels(load)

    def decided(row: FeaturesComputed, promoted: ModelPromoted) -> PredictionMade:
        try:
            return decide(serving(promoted), row, promoted)
        except KeyError as error:
            message = f"features {row.feature_spec_hash[:12]} must hold {error}, have {sorted(row.values)}"
            raise InvariantError(message) from error

    return decided


def view_of(event: Event) -> View | None:
    """Return the view of a prediction, which is ordered by its as-of time; None for other events."""
    if not isinstance(event, PredictionMade):
        return None
    key = prediction_key(event.stream, event.instrument, event.interval, event.horizon, event.arm)
    return View(key, event.features_as_of_ms, partial(encode, event))


def _report_lost(record: PromotionTookEffect) -> None:
    _log.warning(
        "bars have no prediction: their rows were dropped before the version was promoted",
        arm=record.alias,
        instrument=record.instrument,
        interval=record.interval,
        horizon=record.horizon,
        model=record.model_version,
        n_bars=record.n_let_go,
        from_ms=record.effective_from_ms,
        until_ms=record.event_time_ms,
    )


def _report_mismatch(row: FeaturesComputed, promoted: ModelPromoted) -> None:
    _log.warning(
        "features do not fit the promoted version: the bar has no prediction of its arm",
        instrument=row.instrument,
        interval=row.interval,
        horizon=promoted.horizon,
        arm=promoted.alias,
        model=promoted.model_version,
        expected=promoted.feature_spec_hash[:12],
        was=row.feature_spec_hash[:12],
    )


def _report_failure(row: FeaturesComputed, promoted: ModelPromoted, error: PlatformError) -> None:
    _log.error(
        "a version cannot decide: its arm has no prediction of this bar, the other arms go on",
        instrument=row.instrument,
        interval=row.interval,
        horizon=promoted.horizon,
        arm=promoted.alias,
        model=promoted.model_version,
        as_of_ms=row.event_time_ms,
        reason=str(error),
    )

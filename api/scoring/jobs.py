"""The wiring of the job that predicts: topics, models from the registry, views."""

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache, partial

import structlog

from api.scoring.operators import Check, Decide, ScoringOperator, Stored
from api.scoring.rows import SeriesKey
from api.scoring.starts import Start, identity, record_of
from api.settings import ApiSettings
from schemas.artifacts import CHAMPION, LedgerEntry, ModelManifest, ModelTarget
from schemas.codec import encode
from schemas.errors import InvariantError, NotReadyError, StateError
from schemas.events import Event, FeaturesComputed, ModelPromoted, PredictionMade, PromotionTookEffect
from schemas.ports import ModelRegistry
from schemas.targets import Target
from schemas.topics import FEATURES_MARKET, FEATURES_VECTOR, MODELS_EFFECT, MODELS_EVENT, partition_of
from schemas.wire import redis
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.postgres.promotions import StoredPromotions
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
#: Loaded models, of a few hundred kilobytes to a few megabytes: the champions of one run and their
#: predecessors. Where more serve, each prediction loads its model anew.
_N_MODELS = 256

_log = structlog.get_logger(__name__)


def run_scoring(settings: ApiSettings, *, endpoints: Endpoints, stop: Callable[[], bool]) -> None:
    """Predict until asked to stop.

    Args:
        settings: Those of the API, which scoring shares.
        endpoints: Where the servers are.
        stop: Asked between batches; the job ends when it returns True.

    Raises:
        PlatformError: Whatever the job does not get over; a restart goes on from the log.
    """
    registry = FolderRegistry(settings.registry_dir)
    models = LoadedModels(registry, n_kept=_N_MODELS)
    job = scoring_job(
        load=models.model,
        check=partial(check_promotion, models),
        stored=stored_state(endpoints, registry, stream=settings.stream),
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
    stored: Stored | None = None,
    check: Check = lambda _promoted: None,
    joined: Collection[str] = (),
) -> Job:
    """The job: features of an instrument, all promotions, predictions of that instrument.

    Where no instrument has companions, the vectors' topic is not read at all.

    Args:
        load: A model by its version; asked when a version is first needed.
        stored: What the durable stores know, which an emptied log no longer does.
        check: Refuses a promotion, by InvariantError.
        joined: The instruments with companions, whose models see vectors.
    """
    decide_by_champion = decision(load)

    def make_operator(partition: int) -> ScoringOperator:
        return ScoringOperator(
            decide=decide_by_champion,
            stored=stored,
            check=check,
            is_own=lambda name: partition_of(name.encode(), FEATURES_MARKET.n_partitions) == partition,
            on_mismatch=_report_mismatch,
            on_lost=_report_lost,
            joined=frozenset(joined),
        )

    return Job(
        name=JOB,
        inputs=(FEATURES_MARKET, FEATURES_VECTOR) if joined else (FEATURES_MARKET,),
        broadcasts=(MODELS_EVENT, MODELS_EFFECT),
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


def stored_state(endpoints: Endpoints, registry: ModelRegistry, *, stream: str) -> Stored:
    """What the history and the registry know of a run as it is now.

    Only a fresh log needs it: the state by key knows the rest. The champions are those of the ledger,
    so that no row has to wait until they are announced again.

    Args:
        endpoints: Where the servers are.
        registry: Whose ledger names the champions.
        stream: The run.

    Raises:
        StoreUnavailableError: If Postgres does not answer.
    """
    champions = _champions(registry, stream)
    with PostgresPool(endpoints.database_url, max_connections=1) as pool:
        predictions = StoredPredictions(pool)
        predicted = predictions.last_predicted_ms(stream)
        effects = StoredPromotions(pool).promotion_effects(stream)
        records = {_promotion_key(record): record for record in effects}
        for promoted in (one for found in champions.values() for one in found):
            if _promotion_key(promoted) not in records:
                records |= _seen_start(predictions, promoted)
        champions = {key: _serving(found, predicted, records) for key, found in champions.items()}
    return Stored(
        last_predicted_ms=predicted.get,
        promotions=lambda series: champions.get(series, ()),
        record=lambda promoted: records.get(_promotion_key(promoted)),
    )


def _serving(
    champions: list[ModelPromoted],
    predicted: Mapping[Target, int],
    records: Mapping[tuple[object, ...], PromotionTookEffect],
) -> list[ModelPromoted]:
    """Those that may still score a row: each that is taken in is loaded and checked."""
    greatest: dict[Target, int] = {}
    for promoted in champions:
        record, target = records.get(_promotion_key(promoted)), _target_of(promoted)
        from_ms = promoted.effective_from_ms if record is None else record.event_time_ms
        if from_ms <= predicted.get(target, from_ms - 1):
            greatest[target] = max(
                greatest.get(target, promoted.effective_from_ms), promoted.effective_from_ms
            )
    return [
        promoted
        for promoted in champions
        if promoted.effective_from_ms >= greatest.get(_target_of(promoted), promoted.effective_from_ms)
    ]


def _target_of(promoted: ModelPromoted) -> Target:
    return Target(promoted.stream, promoted.instrument, promoted.interval, promoted.horizon)


def _seen_start(
    predictions: StoredPredictions, promoted: ModelPromoted
) -> dict[tuple[object, ...], PromotionTookEffect]:
    """The start of a promotion whose record was not stored before the broker lost it, by its predictions."""
    target = _target_of(promoted)
    from_ms = predictions.first_predicted_ms(
        target, model_version=promoted.model_version, from_ms=promoted.effective_from_ms
    )
    if from_ms is None:
        return {}
    start = Start(promoted=promoted, number=0, from_ms=from_ms)
    return {_promotion_key(promoted): record_of(start, source=promoted.source, known_time_ms=from_ms)}


def _promotion_key(event: ModelPromoted | PromotionTookEffect) -> tuple[object, ...]:
    return (event.stream, event.instrument, event.interval, event.horizon, *identity(event))


def _champions(registry: ModelRegistry, stream: str) -> dict[SeriesKey, list[ModelPromoted]]:
    """The ledger's champions of a run, oldest first, as they are announced."""
    try:
        lines = [line for line in registry.ledger() if (line.alias, line.stream) == (CHAMPION, stream)]
        manifests = {manifest.version: manifest for manifest in registry.versions()} if lines else {}
    except StateError as error:
        _log.warning(
            "the registry's ledger is left out: champions are served as announced", reason=str(error)
        )
        return {}
    found: dict[SeriesKey, list[ModelPromoted]] = {}
    for line in lines:
        manifest = manifests.get(line.version)
        if manifest is not None:
            promoted = _announced(line, manifest)
            key = SeriesKey(stream=stream, instrument=promoted.instrument, interval=promoted.interval)
            found.setdefault(key, []).append(promoted)
    return found


def _announced(line: LedgerEntry, manifest: ModelManifest) -> ModelPromoted:
    return ModelPromoted(
        event_time_ms=line.effective_from_ms,
        known_time_ms=line.effective_from_ms,
        source=manifest.source,
        stream=line.stream,
        instrument=line.target.instrument,
        interval=line.target.interval,
        horizon=line.target.horizon,
        alias=line.alias,
        model_version=line.version,
        model_hash=line.model_hash,
        feature_spec_hash=manifest.feature_spec_hash,
        effective_from_ms=line.effective_from_ms,
    )


def view_of(event: Event) -> View | None:
    """The view of a prediction: the newest of its target, ordered by its as-of time."""
    if not isinstance(event, PredictionMade):
        return None
    key = prediction_key(event.stream, event.instrument, event.interval, event.horizon)
    return View(key, event.features_as_of_ms, partial(encode, event))


def _report_lost(record: PromotionTookEffect) -> None:
    _log.warning(
        "bars stay without a prediction: their rows were not kept until the champion came",
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
        "features are not the champion's",
        instrument=row.instrument,
        interval=row.interval,
        horizon=promoted.horizon,
        model=promoted.model_version,
        expected=promoted.feature_spec_hash[:12],
        was=row.feature_spec_hash[:12],
    )

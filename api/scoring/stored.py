"""Reads what the durable stores know of a run when scoring starts: its promotions, and how far targets are predicted.

This module is separate because only a fresh log needs it. Otherwise the state by key holds all of this.
"""

from collections.abc import Mapping

import structlog

from api.scoring.rows import SeriesKey
from api.scoring.starts import PromotionStart, identity, record_of
from api.scoring.targets import StoredScoringState
from schemas.arms import is_arm
from schemas.errors import StateError
from schemas.events import ModelPromoted, PromotionTookEffect
from schemas.ports import ModelRegistry
from schemas.targets import Target
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.predictions import StoredPredictions
from schemas.wire.postgres.promotions import StoredPromotions
from schemas.wire.settings import Endpoints
from trainers.registry.serving import promotion_of

_log = structlog.get_logger(__name__)


def stored_state(endpoints: Endpoints, registry: ModelRegistry, *, stream: str) -> StoredScoringState:
    """Return what the history and the registry know of a run now.

    The promotions are those of the ledger, under every alias, so that no row has to wait until they are announced
    again.

    Args:
        endpoints: The addresses of the servers.
        registry: The registry whose ledger names the promotions.
        stream: The run.

    Raises:
        StoreUnavailableError: If Postgres does not answer.
    """
    promotions = _promotions(registry, stream)
    with PostgresPool(endpoints.database_url, max_connections=1) as pool:
        predictions = StoredPredictions(pool)
        predicted = predictions.last_predicted_ms(stream)
        effects = StoredPromotions(pool).promotion_effects(stream)
        records = {_promotion_key(record): record for record in effects}
        for promoted in (one for found in promotions.values() for one in found):
            if _promotion_key(promoted) not in records:
                records |= _seen_start(predictions, promoted)
        promotions = {key: _serving(found, predicted, records) for key, found in promotions.items()}
    return StoredScoringState(
        last_predicted_ms=predicted.get,
        promotions=lambda series: promotions.get(series, ()),
        record=lambda promoted: records.get(_promotion_key(promoted)),
    )


def _serving(
    promotions: list[ModelPromoted],
    predicted: Mapping[Target, int],
    records: Mapping[tuple[object, ...], PromotionTookEffect],
) -> list[ModelPromoted]:
    """Return the promotions that may still score a row. The others are left out, because each is loaded and checked."""
    greatest: dict[Target, int] = {}
    for promoted in promotions:
        record, target = records.get(_promotion_key(promoted)), target_of_promotion(promoted)
        from_ms = promoted.effective_from_ms if record is None else record.event_time_ms
        if from_ms <= predicted.get(target, from_ms - 1):
            greatest[target] = max(
                greatest.get(target, promoted.effective_from_ms), promoted.effective_from_ms
            )
    return [
        promoted
        for promoted in promotions
        if promoted.effective_from_ms
        >= greatest.get(target_of_promotion(promoted), promoted.effective_from_ms)
    ]


def target_of_promotion(promoted: ModelPromoted) -> Target:
    """Return the target of a promotion."""
    return Target(promoted.stream, promoted.instrument, promoted.interval, promoted.horizon, promoted.alias)


def _seen_start(
    predictions: StoredPredictions, promoted: ModelPromoted
) -> dict[tuple[object, ...], PromotionTookEffect]:
    """Return the start of a promotion by its stored predictions, for a record that the broker lost before it was stored."""
    target = target_of_promotion(promoted)
    from_ms = predictions.first_predicted_ms(
        target, model_version=promoted.model_version, from_ms=promoted.effective_from_ms
    )
    if from_ms is None:
        return {}
    start = PromotionStart(promoted=promoted, number=0, from_ms=from_ms)
    return {_promotion_key(promoted): record_of(start, source=promoted.source, known_time_ms=from_ms)}


def _promotion_key(event: ModelPromoted | PromotionTookEffect) -> tuple[object, ...]:
    return (event.stream, event.instrument, event.interval, event.horizon, event.alias, *identity(event))


def _promotions(registry: ModelRegistry, stream: str) -> dict[SeriesKey, list[ModelPromoted]]:
    """Return the promotions of a run in the ledger, oldest first, as they are announced."""
    try:
        lines = [line for line in registry.ledger() if line.stream == stream and is_arm(line.alias)]
        manifests = {manifest.version: manifest for manifest in registry.versions()} if lines else {}
    except StateError as error:
        _log.warning(
            "the registry's ledger cannot be read: versions are scored when announced", reason=str(error)
        )
        return {}
    found: dict[SeriesKey, list[ModelPromoted]] = {}
    for line in lines:
        manifest = manifests.get(line.version)
        if manifest is not None:
            promoted = promotion_of(line, manifest)
            key = SeriesKey(stream=stream, instrument=promoted.instrument, interval=promoted.interval)
            found.setdefault(key, []).append(promoted)
    return found

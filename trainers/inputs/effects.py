"""Reads from Postgres, if it runs, when promotions took effect."""

from collections.abc import Iterable, Mapping

from schemas.errors import ConfigurationError, NotReadyError, TransientError
from schemas.events import PromotionTookEffect
from trainers.settings import TrainerSettings


def stored_effects(environment: Mapping[str, str], streams: Iterable[str]) -> list[PromotionTookEffect]:
    """Returns the records of some runs; an empty list if Postgres does not run or answer, as the ledger is readable without it."""
    try:
        url = TrainerSettings.from_environment(environment).endpoints().database_url
    except NotReadyError:
        return []
    from schemas.wire.postgres.pools import PostgresPool
    from schemas.wire.postgres.promotions import StoredPromotions

    stored = PostgresPool(url, timeout_s=2.0)
    try:
        with stored as pool:
            promotions = StoredPromotions(pool)
            return [record for stream in sorted(streams) for record in promotions.promotion_effects(stream)]
    except (TransientError, ConfigurationError):
        return []

"""From when on promotions predicted in fact, as the durable history has it, where it is running."""

from collections.abc import Iterable, Mapping

from schemas.errors import ConfigurationError, NotReadyError, TransientError
from schemas.events import PromotionTookEffect
from trainers.settings import TrainerSettings


def stored_effects(environment: Mapping[str, str], streams: Iterable[str]) -> list[PromotionTookEffect]:
    """The records of some runs; none where no history runs or answers: the ledger is read without it too."""
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

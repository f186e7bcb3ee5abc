"""The stored promotions of models, and the time from which each of them predicted."""

from collections.abc import Collection

import msgspec

from schemas import events
from schemas.arms import CHAMPION
from schemas.wire.postgres.pools import PostgresPool


class StoredPromotions:
    """Reads the promotions of runs, and when they took effect."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def promotions(self, stream: str) -> list[events.ModelPromoted]:
        """Return the stored promotions of a run, oldest first."""
        rows = self._pool.dicts(
            "SELECT * FROM promotions WHERE stream = %s ORDER BY effective_from_ms", (stream,)
        )
        return [msgspec.convert(row, events.ModelPromoted) for row in rows]

    def promotion_effects(self, stream: str) -> list[events.PromotionTookEffect]:
        """Return when the stored promotions of a run took effect, in the order of these times."""
        rows = self._pool.dicts(
            "SELECT * FROM promotion_effects WHERE stream = %s ORDER BY event_time_ms, effective_from_ms",
            (stream,),
        )
        return [msgspec.convert(row, events.PromotionTookEffect) for row in rows]

    def champions(self, stream: str) -> list[events.ModelPromoted]:
        """Return the newest stored champion of each target of a run."""
        return self.newest_promotions(stream, CHAMPION)

    def newest_promotions(
        self, stream: str, arm: str, *, instruments: Collection[str] | None = None
    ) -> list[events.ModelPromoted]:
        """Return the newest stored promotion to an arm of each target of a run.

        Args:
            stream: The run.
            arm: The arm.
            instruments: Only the targets of these instruments; None for all.
        """
        rows = self._pool.dicts(
            "SELECT DISTINCT ON (instrument, interval, horizon) * FROM promotions "
            "WHERE stream = %s AND alias = %s AND (%s::text[] IS NULL OR instrument = ANY(%s)) "
            "ORDER BY instrument, interval, horizon, effective_from_ms DESC, model_version DESC",
            (stream, arm, *[None if instruments is None else list(instruments)] * 2),
        )
        return [msgspec.convert(row, events.ModelPromoted) for row in rows]

    def arms(self, stream: str) -> list[str]:
        """Return the aliases that versions of a run were promoted to."""
        rows = self._pool.rows(
            "SELECT DISTINCT alias FROM promotions WHERE stream = %s ORDER BY alias", (stream,)
        )
        return [row[0] for row in rows]

"""The stored prices and quotes of runs: the newest of each instrument, and those of a stretch of time."""

import msgspec

from schemas.events import PriceObserved, QuoteObserved
from schemas.wire.postgres.pools import PostgresPool

#: One look into the key for each instrument, and one for its newest price.
_NEWEST = """
    WITH RECURSIVE names AS (
        (SELECT instrument FROM prices WHERE stream = %(stream)s ORDER BY instrument LIMIT 1)
        UNION ALL
        SELECT (SELECT instrument FROM prices WHERE stream = %(stream)s AND instrument > names.instrument
            ORDER BY instrument LIMIT 1)
        FROM names WHERE names.instrument IS NOT NULL
    )
    SELECT newest.* FROM names CROSS JOIN LATERAL (
        SELECT * FROM prices held WHERE held.stream = %(stream)s AND held.instrument = names.instrument
            AND (%(is_quarantined)s::boolean IS NULL OR is_quarantined = %(is_quarantined)s)
        ORDER BY event_time_ms DESC LIMIT 1
    ) AS newest ORDER BY instrument
"""


class StoredPrices:
    """Reads the prices and quotes of runs."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def newest(self, stream: str, *, is_quarantined: bool | None = None) -> list[PriceObserved]:
        """Return the newest stored price of each instrument, by name.

        Args:
            stream: The run.
            is_quarantined: Only prices in quarantine, or only the others; None for both.
        """
        rows = self._pool.dicts(_NEWEST, {"stream": stream, "is_quarantined": is_quarantined})
        return [msgspec.convert(row, PriceObserved) for row in rows]

    def prices(self, stream: str, *, instrument: str, from_ms: int, until_ms: int) -> list[PriceObserved]:
        """Return the stored prices of an instrument, oldest first.

        Args:
            stream: The run.
            instrument: The name of the instrument.
            from_ms: The earliest event time.
            until_ms: The event time before which all lie.
        """
        rows = self._pool.dicts(
            "SELECT * FROM prices WHERE stream = %s AND instrument = %s AND event_time_ms >= %s "
            "AND event_time_ms < %s ORDER BY event_time_ms",
            (stream, instrument, from_ms, until_ms),
        )
        return [msgspec.convert(row, PriceObserved) for row in rows]

    def quotes(self, stream: str, *, instrument: str, from_ms: int, until_ms: int) -> list[QuoteObserved]:
        """Return the stored quotes of an instrument, oldest first.

        Args:
            stream: The run.
            instrument: The name of the instrument.
            from_ms: The earliest event time.
            until_ms: The event time before which all lie.
        """
        rows = self._pool.dicts(
            "SELECT * FROM quotes WHERE stream = %s AND instrument = %s AND event_time_ms >= %s "
            "AND event_time_ms < %s ORDER BY event_time_ms",
            (stream, instrument, from_ms, until_ms),
        )
        return [msgspec.convert(row, QuoteObserved) for row in rows]

    def n_quarantined(self, stream: str, *, from_ms: int) -> dict[str, int]:
        """Return how many prices of each source are in quarantine, of event times from ``from_ms`` on."""
        rows = self._pool.rows(
            "SELECT source, count(*) FROM prices WHERE stream = %s AND is_quarantined AND event_time_ms >= %s "
            "GROUP BY source ORDER BY source",
            (stream, from_ms),
        )
        return {row[0]: row[1] for row in rows}

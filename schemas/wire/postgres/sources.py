"""The stored health of the sources of runs: the newest state of each."""

import msgspec

from schemas.events import SourceHealthChanged
from schemas.wire.postgres.pools import PostgresPool


class StoredSources:
    """Reads what is known of the sources of runs."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def health(self, stream: str) -> list[SourceHealthChanged]:
        """Return the newest stored state of each source of a run, by the name of the source."""
        rows = self._pool.dicts("SELECT * FROM source_health WHERE stream = %s ORDER BY source", (stream,))
        return [msgspec.convert(row, SourceHealthChanged) for row in rows]

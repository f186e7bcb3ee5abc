"""What was collected before, so that a collector that starts again publishes nothing a second time."""

from typing import NamedTuple

from schemas.wire.postgres.pools import PostgresPool


class StoredVersion(NamedTuple):
    """A stored version of an article, with what tells whether a later reading is another one.

    Attributes:
        known_time_ms: When it was first seen.
        event_time_ms: When it was published.
    """

    source: str
    article_id: str
    version: int
    content_hash: str
    modified_ms: int | None
    known_time_ms: int
    event_time_ms: int
    url: str
    summary: str | None
    assets: tuple[str, ...]


class CollectedBefore:
    """Reads what a run collected."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def versions(self, stream: str) -> list[StoredVersion]:
        """Return every stored version of every article of a run."""
        rows = self._pool.rows(
            f"SELECT {', '.join(StoredVersion._fields)} FROM articles WHERE stream = %s", (stream,)
        )
        return [StoredVersion(*row)._replace(assets=tuple(row[-1])) for row in rows]

"""The stored health of the sources of runs: the newest state of each."""

import msgspec

from schemas.events import SourceHealthChanged
from schemas.topics import (
    MARKET_CANDLE,
    MARKET_PRICE,
    MARKET_QUOTE,
    MARKET_TICK,
    NEWS_ARTICLE,
    SOURCES_STATUS,
)
from schemas.wire.postgres.pools import PostgresPool

#: The topics that sources publish themselves; other topics are derived and lag behind them.
PUBLISHED_BY_SOURCES = frozenset(
    topic.name for topic in (MARKET_TICK, MARKET_CANDLE, MARKET_QUOTE, MARKET_PRICE, NEWS_ARTICLE)
)
#: Under this topic the progress of a source ends where an absence begins. Elsewhere an absence counts as well, because
#: nobody needs to wait for what will not come. So an outage would look like a source that keeps up.
OF_SOURCES_ALONE = SOURCES_STATUS.name


class StoredSources:
    """Reads what is known of the sources of runs."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def health(self, stream: str) -> list[SourceHealthChanged]:
        """Return the newest stored state of each source of a run, by the name of the source."""
        rows = self._pool.dicts("SELECT * FROM source_health WHERE stream = %s ORDER BY source", (stream,))
        return [msgspec.convert(row, SourceHealthChanged) for row in rows]

    def watermarks_ms(self, stream: str) -> dict[str, int]:
        """Return by source the newest event time up to which the source vouched in a topic of its own.

        An outage does not count, in which all that is known is that nothing will come.
        """
        rows = self._pool.rows(
            "SELECT source, coalesce(max(watermark_ms) FILTER (WHERE topic = %s), max(watermark_ms)) "
            "FROM stream_progress WHERE stream = %s AND topic = ANY(%s) GROUP BY source ORDER BY source",
            (OF_SOURCES_ALONE, stream, [*PUBLISHED_BY_SOURCES, OF_SOURCES_ALONE]),
        )
        return {row[0]: row[1] for row in rows}

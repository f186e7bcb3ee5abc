"""The stored health of the sources of runs: the newest state of each."""

import msgspec

from schemas.events import SourceHealthChanged
from schemas.topics import MARKET_CANDLE, MARKET_PRICE, MARKET_QUOTE, MARKET_TICK, NEWS_ARTICLE
from schemas.wire.postgres.pools import PostgresPool

#: The topics that sources publish themselves; other topics are derived and lag behind them.
_PUBLISHED = [MARKET_TICK.name, MARKET_CANDLE.name, MARKET_QUOTE.name, MARKET_PRICE.name, NEWS_ARTICLE.name]


class StoredSources:
    """Reads what is known of the sources of runs."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def health(self, stream: str) -> list[SourceHealthChanged]:
        """Return the newest stored state of each source of a run, by the name of the source."""
        rows = self._pool.dicts("SELECT * FROM source_health WHERE stream = %s ORDER BY source", (stream,))
        return [msgspec.convert(row, SourceHealthChanged) for row in rows]

    def watermarks_ms(self, stream: str) -> dict[str, int]:
        """Return by source the newest event time up to which all of its events in a market topic are stored."""
        rows = self._pool.rows(
            "SELECT source, max(watermark_ms) FROM stream_progress WHERE stream = %s AND topic = ANY(%s) "
            "GROUP BY source ORDER BY source",
            (stream, _PUBLISHED),
        )
        return {row[0]: row[1] for row in rows}

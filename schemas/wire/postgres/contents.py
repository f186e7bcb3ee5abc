"""What is stored of a run, as columns and counts by day, for those who judge its quality."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.collected_frames import FRAME_COLUMNS, CollectedFrame
from schemas.frames import MISSING_TIME
from schemas.time import Interval
from schemas.wire.postgres.pools import PostgresPool

DAY_MS = 86_400_000
_OWNERS: Mapping[CollectedFrame, str] = {
    CollectedFrame.QUOTES: "instrument",
    CollectedFrame.PRICES: "instrument",
    CollectedFrame.ARTICLES: "source",
}


class DayCount(NamedTuple):
    """A number of rows of one day.

    Attributes:
        owner: The instrument; of articles the source.
        day: The number of the day since 1970.
        newest_ms: The newest event time of the day.
        known_ms: The newest known time of the day.
    """

    source: str
    owner: str
    day: int
    n: int
    newest_ms: int
    known_ms: int


class StoredContents:
    """Reads columns and counts of one run at a time."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def shortest_interval(self, stream: str, instrument: str) -> Interval | None:
        """Return the shortest interval of which an instrument has bars or candles; None if it has none."""
        for interval in sorted(Interval, key=lambda each: each.milliseconds):
            row = self._pool.row(
                "SELECT EXISTS (SELECT FROM bars WHERE stream = %(stream)s AND instrument = %(instrument)s "
                "AND interval = %(interval)s) OR EXISTS (SELECT FROM candles WHERE stream = %(stream)s "
                "AND instrument = %(instrument)s AND interval = %(interval)s)",
                {"stream": stream, "instrument": instrument, "interval": str(interval)},
            )
            if row[0]:
                return interval
        return None

    def counts(self, frame: CollectedFrame, stream: str, *, from_ms: int, until_ms: int) -> list[DayCount]:
        """Return how many rows a table has by source, instrument and day.

        Args:
            frame: The table; not that of bars, which are read as a whole.
            stream: The run.
            from_ms: The earliest event time.
            until_ms: The event time before which all lie.
        """
        owner = _OWNERS.get(frame, "instrument")
        return self._counts(
            f"SELECT source, {owner}, event_time_ms / {DAY_MS}, count(*), max(event_time_ms), max(known_time_ms) "
            f"FROM {frame} WHERE stream = %s AND event_time_ms >= %s AND event_time_ms < %s "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            (stream, from_ms, until_ms),
        )

    def copies(self, stream: str, *, from_ms: int, until_ms: int) -> list[DayCount]:
        """Return how many articles are copies of earlier ones, by source and day.

        Args:
            stream: The run.
            from_ms: The earliest time.
            until_ms: The time before which all lie.
        """
        return self._counts(
            f"SELECT source, source, event_time_ms / {DAY_MS}, count(*), max(event_time_ms), max(known_time_ms) "
            "FROM article_links WHERE stream = %s AND event_time_ms >= %s AND event_time_ms < %s "
            "AND first_article_id <> article_id GROUP BY 1, 3 ORDER BY 1, 3",
            (stream, from_ms, until_ms),
        )

    def late_trades(self, stream: str, interval: Interval, *, from_ms: int, until_ms: int) -> list[DayCount]:
        """Return how many trades came after their bar was closed, by instrument and day.

        Args:
            stream: The run.
            interval: Of the bars.
            from_ms: The earliest time.
            until_ms: The time before which all lie.
        """
        return self._counts(
            f"SELECT source, instrument, start_ms / {DAY_MS}, sum(n_late)::bigint, max(event_time_ms), max(known_time_ms) "
            "FROM bars WHERE stream = %s AND interval = %s AND start_ms >= %s AND start_ms < %s AND n_late > 0 "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            (stream, str(interval), from_ms, until_ms),
        )

    def quarantined(self, stream: str, *, from_ms: int, until_ms: int) -> list[DayCount]:
        """Return how many prices are in quarantine, by instrument and day.

        Args:
            stream: The run.
            from_ms: The earliest time.
            until_ms: The time before which all lie.
        """
        return self._counts(
            f"SELECT source, instrument, event_time_ms / {DAY_MS}, count(*), max(event_time_ms), max(known_time_ms) "
            "FROM prices WHERE stream = %s AND event_time_ms >= %s AND event_time_ms < %s AND is_quarantined "
            "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            (stream, from_ms, until_ms),
        )

    def columns(
        self, frame: CollectedFrame, stream: str, *, owner: str, from_ms: int, until_ms: int
    ) -> dict[str, NDArray[Any]]:
        """Return the columns of a table that rules look at, of one instrument or source, by event time.

        Args:
            frame: Quotes, prices or articles.
            stream: The run.
            owner: The instrument; of articles the source.
            from_ms: The earliest event time.
            until_ms: The event time before which all lie.
        """
        types = FRAME_COLUMNS[frame]
        rows = self._pool.rows(
            f"SELECT {', '.join(types)} FROM {frame} WHERE stream = %s AND {_OWNERS[frame]} = %s "
            "AND event_time_ms >= %s AND event_time_ms < %s ORDER BY event_time_ms",
            (stream, owner, from_ms, until_ms),
        )
        found = list(zip(*rows, strict=True)) if rows else [()] * len(types)
        return {name: _column(values, of) for (name, of), values in zip(types.items(), found, strict=True)}

    def newest_ms(self, stream: str) -> int | None:
        """Return the newest event time of the stored bars, quotes, prices and articles of a run."""
        row = self._pool.row(
            "SELECT greatest((SELECT max(event_time_ms) FROM bars WHERE stream = %(stream)s), "
            "(SELECT max(event_time_ms) FROM candles WHERE stream = %(stream)s), "
            "(SELECT max(event_time_ms) FROM quotes WHERE stream = %(stream)s), "
            "(SELECT max(event_time_ms) FROM prices WHERE stream = %(stream)s), "
            "(SELECT max(event_time_ms) FROM articles WHERE stream = %(stream)s))",
            {"stream": stream},
        )
        return None if row is None else row[0]

    def newest_run(self) -> str | None:
        """Return the run that was registered last; None if there is none."""
        row = self._pool.row("SELECT stream FROM streams ORDER BY created_ms DESC, stream LIMIT 1", ())
        return None if row is None else row[0]

    def _counts(self, query: str, parameters: tuple[Any, ...]) -> list[DayCount]:
        return [DayCount(*row) for row in self._pool.rows(query, parameters)]


def _column(values: tuple[Any, ...], of: str) -> NDArray[Any]:
    missing = MISSING_TIME if of == "int64" else np.nan
    return np.array([missing if value is None else value for value in values], dtype=of)

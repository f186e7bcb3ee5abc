"""The rows of one day of a run, for files of days, and the deletion of days that are old.

Only tables of events with an event time are read, in the order of their keys, so that a day that did not change is
read the same way again.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from schemas import events
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.tables import TABLES, EventTable

DAY_MS = 86_400_000
_KINDS = (
    events.CandleObserved,
    events.TickObserved,
    events.QuoteObserved,
    events.PriceObserved,
    events.BarClosed,
    events.ArticlePublished,
    events.ArticleLinked,
    events.SentimentScored,
    events.PredictionMade,
    events.OutcomeResolved,
    events.ModelPromoted,
    events.AlertRaised,
)
#: Features and vectors are left out, because they are computed of bars, candles and scores again.
ARCHIVED: dict[str, EventTable] = {TABLES[kind].name: TABLES[kind] for kind in _KINDS}
#: The tables that grow with every second of a live run.
PRUNED = ("ticks", "quotes", "prices")


class StoredColumn(NamedTuple):
    """A column of a table, with its type as Postgres names it."""

    name: str
    type: str


class StoredDays:
    """Reads and deletes days of runs, which are days of UTC by event time."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def streams(self, table: str) -> list[str]:
        """Return the runs of which a table holds rows, by name; each costs one look into the key."""
        name = ARCHIVED[table].name
        rows = self._pool.rows(
            f"WITH RECURSIVE found AS ((SELECT stream FROM {name} ORDER BY stream LIMIT 1) UNION ALL "
            f"SELECT (SELECT stream FROM {name} WHERE stream > found.stream ORDER BY stream LIMIT 1) "
            "FROM found WHERE found.stream IS NOT NULL) SELECT stream FROM found WHERE stream IS NOT NULL",
            (),
        )
        return [row[0] for row in rows]

    def columns(self, table: str) -> list[StoredColumn]:
        """Return the columns of a table with their types, in the order of :meth:`rows`."""
        rows = self._pool.rows(
            "SELECT attname::text, format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = %s::regclass",
            (table,),
        )
        types = {row[0]: row[1] for row in rows}
        return [StoredColumn(name, types[name]) for name in ARCHIVED[table].columns]

    def rows(
        self, table: str, stream: str, *, from_ms: int, until_ms: int, n_rows: int = 50_000
    ) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a run with event times in ``[from_ms, until_ms)``, in parts.

        Args:
            table: The name of the table.
            stream: The run.
            from_ms: The earliest event time.
            until_ms: The event time before which all lie.
            n_rows: The number of rows of a part.
        """
        of = ARCHIVED[table]
        query = (
            f"SELECT {', '.join(of.columns)} FROM {of.name} WHERE stream = %s AND event_time_ms >= %s "
            f"AND event_time_ms < %s ORDER BY {', '.join(of.key)}"
        )
        with self._pool.connection() as connection, connection.cursor("archived") as cursor:
            cursor.execute(query, (stream, from_ms, until_ms), binary=True)
            while part := cursor.fetchmany(n_rows):
                yield part

    def n_rows(self, table: str, stream: str, *, from_ms: int, until_ms: int) -> int:
        """Return how many rows of a run have event times in ``[from_ms, until_ms)``.

        Args:
            table: The name of the table.
            stream: The run.
            from_ms: The earliest event time.
            until_ms: The event time before which all lie.
        """
        row = self._pool.row(
            f"SELECT count(*) FROM {ARCHIVED[table].name} WHERE stream = %s AND event_time_ms >= %s AND event_time_ms < %s",
            (stream, from_ms, until_ms),
        )
        return int(row[0])

    def oldest_ms(self, table: str, stream: str) -> int | None:
        """Return the earliest event time of a run in a table, or None."""
        row = self._pool.row(
            f"SELECT min(event_time_ms) FROM {ARCHIVED[table].name} WHERE stream = %s", (stream,)
        )
        return None if row is None else row[0]

    def delete(self, table: str, stream: str, *, from_ms: int, until_ms: int) -> int:
        """Delete the rows of a run with event times in ``[from_ms, until_ms)``, in one transaction.

        Args:
            table: The name of the table, one of ``PRUNED``.
            stream: The run.
            from_ms: The earliest event time.
            until_ms: The event time before which all lie.

        Returns:
            The number of rows.
        """
        if table not in PRUNED:
            message = f"only {', '.join(PRUNED)} are pruned, was {table}"
            raise ValueError(message)
        with self._pool.connection() as connection:
            return connection.execute(
                f"DELETE FROM {table} WHERE stream = %s AND event_time_ms >= %s AND event_time_ms < %s",
                (stream, from_ms, until_ms),
            ).rowcount

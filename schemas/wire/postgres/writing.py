"""Writes events into the durable store. A batch is one transaction, staged by COPY and merged by key."""

from collections.abc import Sequence
from typing import Any

from schemas import events
from schemas.wire.postgres.merging import merge
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.tables import (
    KINDS_WITH_VALUES,
    TABLES,
    StoredWatermark,
    write_feature_specs,
    write_progress,
)


class EventWriter:
    """Stores events of every kind that has a table, each event once however often it arrives."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def write(self, batch: Sequence[events.Event], progress: Sequence[StoredWatermark] = ()) -> None:
        """Store events, and the watermarks that vouch for them, in one transaction.

        Args:
            batch: Events of kinds that have a table; an event of another kind is a mistake of the caller.
            progress: Watermarks; one that is older than the stored one changes nothing.

        Raises:
            StoreUnavailableError: If Postgres does not answer, or takes no writes now; nothing was stored.
            RowRefusedError: If Postgres refuses a row of the batch; nothing was stored.
        """
        by_table: dict[type[events.Event], list[Any]] = {}
        for event in batch:
            by_table.setdefault(type(event), []).append(event)
        with self._pool.writes() as cursor:
            for kind, rows in by_table.items():
                merge(cursor, TABLES[kind], rows)
            for kind in KINDS_WITH_VALUES:
                write_feature_specs(cursor, by_table.get(kind, []))
            write_progress(cursor, progress)

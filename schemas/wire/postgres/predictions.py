"""The stored predictions of runs with their outcomes, and the record of how they turned out."""

from collections.abc import Collection
from typing import Any

import msgspec
import psycopg

from schemas import events
from schemas.records import PredictionRecord
from schemas.targets import Target
from schemas.time import Interval
from schemas.wire.postgres.pools import PostgresPool

#: Predictions with their outcomes, newest first; None where one cannot be judged yet.
PredictionPage = list[tuple[events.PredictionMade, events.OutcomeResolved | None]]


class StoredPredictions:
    """Reads the predictions and outcomes of runs."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def last_predicted_ms(
        self, stream: str, *, instruments: Collection[str] | None = None
    ) -> dict[Target, int]:
        """Return the newest stored as-of time of each target of a run.

        Args:
            stream: The run.
            instruments: Only the targets of these instruments; None for all.
        """
        rows = self._pool.rows(
            "SELECT instrument, interval, horizon, arm, event_time_ms FROM prediction_records held "
            f"CROSS JOIN LATERAL (SELECT event_time_ms FROM predictions made WHERE {_same_target('made', 'held')} "
            "ORDER BY event_time_ms DESC LIMIT 1) AS newest WHERE stream = %s "
            "AND (%s::text[] IS NULL OR instrument = ANY(%s))",
            (stream, *[None if instruments is None else list(instruments)] * 2),
        )
        return {Target(stream, row[0], Interval(row[1]), Interval(row[2]), row[3]): row[4] for row in rows}

    def first_predicted_ms(self, target: Target, *, model_version: str, from_ms: int) -> int | None:
        """Return the first stored as-of time, from a given time on, that a version predicted; None if there is none.

        Args:
            target: The target.
            model_version: The version.
            from_ms: The earliest as-of time.
        """
        row = self._pool.row(
            "SELECT event_time_ms FROM predictions WHERE stream = %s AND instrument = %s AND interval = %s "
            "AND horizon = %s AND arm = %s AND event_time_ms >= %s AND model_version = %s ORDER BY event_time_ms LIMIT 1",
            (*target, from_ms, model_version),
        )
        return None if row is None else row[0]

    def unresolved(self) -> list[events.PredictionMade]:
        """Return the stored predictions of all runs that have no outcome yet, oldest first."""
        columns = ", ".join(f"found.{column}" for column in events.PredictionMade.__struct_fields__)
        # The limit makes Postgres look up each row by its key; without it a join may read all predictions.
        rows = self._pool.dicts(
            f"SELECT {columns} FROM unresolved_predictions waiting CROSS JOIN LATERAL ("
            f"SELECT * FROM predictions made WHERE {_same_target('made', 'waiting')} "
            "AND made.event_time_ms = waiting.event_time_ms LIMIT 1) AS found ORDER BY found.event_time_ms",
            (),
        )
        return [msgspec.convert(row, events.PredictionMade) for row in rows]

    def predictions(self, target: Target, *, limit: int, before_ms: int | None = None) -> PredictionPage:
        """Return stored predictions with their outcomes, newest first.

        Args:
            target: The target.
            limit: The most that are returned.
            before_ms: Only as-of times before this one; None for the newest.
        """
        with self._pool.snapshot() as cursor:
            return _page(cursor, target, limit=limit, before_ms=before_ms)

    def predictions_with_record(
        self, target: Target, *, limit: int
    ) -> tuple[PredictionPage, PredictionRecord]:
        """Return the newest predictions with their outcomes, and the record of the same moment."""
        with self._pool.snapshot() as cursor:
            return _page(cursor, target, limit=limit, before_ms=None), _record(cursor, target)

    def record(self, target: Target) -> PredictionRecord:
        """Return the running record of a target. Triggers keep it while rows are written, so only one row is read."""
        with self._pool.cursor() as cursor:
            return _record(cursor, target)


def _same_target(one: str, other: str) -> str:
    """The condition that rows of two tables are of the same target."""
    return " AND ".join(f"{one}.{column} = {other}.{column}" for column in Target._fields)


def _page(
    cursor: psycopg.Cursor[dict[str, Any]], target: Target, *, limit: int, before_ms: int | None
) -> PredictionPage:
    where = "stream = %s AND instrument = %s AND interval = %s AND horizon = %s AND arm = %s"
    made = cursor.execute(
        f"SELECT * FROM predictions WHERE {where} AND event_time_ms < %s ORDER BY event_time_ms DESC LIMIT %s",
        (*target, 2**62 if before_ms is None else before_ms, limit),
    ).fetchall()
    if not made:
        return []
    resolved = cursor.execute(
        f"SELECT * FROM outcomes WHERE {where} AND features_as_of_ms BETWEEN %s AND %s "
        "ORDER BY features_as_of_ms DESC",
        (*target, made[-1]["event_time_ms"], made[0]["event_time_ms"]),
    ).fetchall()
    outcomes = {row["features_as_of_ms"]: msgspec.convert(row, events.OutcomeResolved) for row in resolved}
    return [(msgspec.convert(row, events.PredictionMade), outcomes.get(row["event_time_ms"])) for row in made]


def _record(cursor: psycopg.Cursor[dict[str, Any]], target: Target) -> PredictionRecord:
    row = cursor.execute(
        f"SELECT {', '.join(PredictionRecord._fields)} FROM prediction_records "
        "WHERE stream = %s AND instrument = %s AND interval = %s AND horizon = %s AND arm = %s",
        target,
    ).fetchone()
    return PredictionRecord(0, 0, 0, 0, 0) if row is None else PredictionRecord(**row)

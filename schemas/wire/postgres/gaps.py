"""The ledger of gaps: which data are missing, why, and who closed a gap later.

The collector writes it itself, so that it can say what is missing when nothing was published. It is no part of the
log. Every operation is idempotent by the key of a gap, so that a collector that starts again may repeat it.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg

from schemas.gaps import Gap, GapLedger
from schemas.wire.postgres.pools import PostgresPool

_COLUMNS = ", ".join(Gap.__struct_fields__)
_VALUES = ", ".join(f"%({column})s" for column in Gap.__struct_fields__)
_KEY = "stream, source, instrument, kind, start_ms, end_ms"
_SAME = " AND ".join(f"{column} = %({column})s" for column in _KEY.split(", "))

_MOVED_COLUMNS = _COLUMNS.replace("end_ms", "%(moved_ms)s::bigint")
_MOVED = (
    f"WITH moved AS (DELETE FROM gaps WHERE {_SAME} AND closed_ms IS NULL AND end_ms <> %(moved_ms)s RETURNING *), "
    f"added AS (INSERT INTO gaps ({_COLUMNS}) SELECT {_MOVED_COLUMNS} FROM moved ON CONFLICT ({_KEY}) DO NOTHING) "
    "SELECT count(*) FROM moved"
)


class StoredGaps(GapLedger):
    """The ledger in Postgres."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def open(self, gap: Gap) -> bool:
        """Add a gap; see the port, :class:`schemas.gaps.GapLedger`."""
        with self._pool.writes() as cursor:
            return open_gap(cursor, gap)

    def close(self, gap: Gap, *, by: str, at_ms: int, remaining: Sequence[Gap] = ()) -> bool:
        """Close a gap; see the port, :class:`schemas.gaps.GapLedger`."""
        with self._pool.writes() as cursor:
            return close_gap(cursor, gap, by=by, at_ms=at_ms, remaining=remaining)

    def move_end(self, gaps: Sequence[Gap], end_ms: int) -> bool:
        """Move the end of open gaps; see the port, :class:`schemas.gaps.GapLedger`."""
        n_open = 0
        with self._pool.writes() as cursor:
            for gap in gaps:
                cursor.execute(_MOVED, _row(gap) | {"moved_ms": end_ms})
                n_open += (cursor.fetchone() or (0,))[0]
        return n_open == len(gaps)

    def gaps(
        self,
        stream: str,
        *,
        instrument: str | None = None,
        source: str | None = None,
        is_open: bool | None = None,
    ) -> list[Gap]:
        """Return gaps; see the port, :class:`schemas.gaps.GapLedger`."""
        rows = self._pool.dicts(
            f"SELECT {_COLUMNS} FROM gaps WHERE stream = %s AND (%s::text IS NULL OR instrument = %s) "
            "AND (%s::text IS NULL OR source = %s) AND (%s::boolean IS NULL OR (closed_ms IS NULL) = %s) "
            "ORDER BY start_ms, end_ms, source, instrument, kind",
            (stream, *[instrument] * 2, *[source] * 2, *[is_open] * 2),
        )
        return [msgspec.convert(row, Gap) for row in rows]


def _row(gap: Gap) -> dict[str, Any]:
    return msgspec.structs.asdict(gap) | {"kind": str(gap.kind)}


def open_gap(cursor: psycopg.Cursor[Any], gap: Gap) -> bool:
    """Add a gap within a transaction of the caller; see the port, :class:`schemas.gaps.GapLedger`."""
    cursor.execute(
        f"INSERT INTO gaps ({_COLUMNS}) VALUES ({_VALUES}) ON CONFLICT ({_KEY}) DO NOTHING", _row(gap)
    )
    return cursor.rowcount > 0


def close_gap(
    cursor: psycopg.Cursor[Any], gap: Gap, *, by: str, at_ms: int, remaining: Sequence[Gap] = ()
) -> bool:
    """Close a gap within a transaction of the caller; see the port, :class:`schemas.gaps.GapLedger`."""
    cursor.execute(
        f"UPDATE gaps SET closed_ms = %(at_ms)s, closed_by = %(by)s WHERE {_SAME} AND closed_ms IS NULL",
        _row(gap) | {"at_ms": at_ms, "by": by},
    )
    is_closed = cursor.rowcount > 0
    for part in remaining:
        open_gap(cursor, part)
    return is_closed

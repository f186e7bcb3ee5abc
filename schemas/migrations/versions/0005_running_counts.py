"""Counts that are kept while rows are written, so that no reader counts all rows anew.

``prediction_records`` holds how each kind of prediction turned out, ``unresolved_predictions`` the keys of
those without an outcome, ``market_positions`` how far an instrument's stored market data go. Triggers keep
them in the transaction of the write, whoever writes: a row that is written again fires none, a row that is
changed or deleted is taken out of the counts. Writers of predictions and outcomes wait for one another, so
that a pick and its outcome are never counted by neither.

The functions turn off the plans that read whole tables: a plan that was made while a table was small is kept
by the connection, and would be used when it is large.
"""

from collections.abc import Mapping
from typing import NamedTuple

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TARGET = "stream, instrument, interval, horizon"
_COUNTS = ("n_predictions", "n_hits", "n_misses", "n_ties", "n_voids", "n_pick_hits", "n_pick_misses")
#: Rows that a statement added count once, rows that it took away are subtracted.
_CHANGED = {
    "insert": "SELECT 1 AS sign, added.* FROM added",
    "delete": "SELECT -1 AS sign, removed.* FROM removed",
    "update": "SELECT 1 AS sign, added.* FROM added UNION ALL SELECT -1 AS sign, removed.* FROM removed",
}
_REFERENCING = {
    "insert": "NEW TABLE AS added",
    "delete": "OLD TABLE AS removed",
    "update": "OLD TABLE AS removed NEW TABLE AS added",
}

TABLES = f"""
CREATE TABLE prediction_records (
    stream text NOT NULL, instrument text NOT NULL, interval text NOT NULL, horizon text NOT NULL,
    {", ".join(f"{name} bigint NOT NULL DEFAULT 0" for name in _COUNTS)},
    PRIMARY KEY ({_TARGET})
) WITH (fillfactor = 50);
CREATE TABLE unresolved_predictions (
    stream text NOT NULL, instrument text NOT NULL, interval text NOT NULL, horizon text NOT NULL,
    event_time_ms bigint NOT NULL,
    PRIMARY KEY ({_TARGET}, event_time_ms)
);
CREATE TABLE market_positions (
    stream text NOT NULL, instrument text NOT NULL,
    last_candle_end_ms bigint, last_tick_known_ms bigint, last_trade_id bigint,
    PRIMARY KEY (stream, instrument)
) WITH (fillfactor = 50);
"""

_LOOK_UP = """
    (SELECT {column} FROM {table} there WHERE there.stream = changed.stream
        AND there.instrument = changed.instrument AND there.interval = changed.interval
        AND there.horizon = changed.horizon AND there.{time} = changed.{own_time})
"""
_PREDICTION = _LOOK_UP.format(
    column="{column}", table="predictions", time="event_time_ms", own_time="{own_time}"
)
_OUTCOME = _LOOK_UP.format(
    column="{column}", table="outcomes", time="features_as_of_ms", own_time="{own_time}"
)


class Counted(NamedTuple):
    """What a changed row of a table is in the counts.

    Attributes:
        time: The column that says which as-of time a row is of.
        rows: Selects changed rows, with what the other table says of them.
        counts: By count, the rows that are counted in it.
    """

    time: str
    rows: str
    counts: Mapping[str, str]


_COUNTED = {
    "predictions": Counted(
        time="event_time_ms",
        rows=f"SELECT changed.*, {_OUTCOME.format(column='is_hit', own_time='event_time_ms')} AS was_hit FROM ",
        counts={
            "n_predictions": "true",
            "n_pick_hits": "is_pick AND was_hit",
            "n_pick_misses": "is_pick AND NOT was_hit",
        },
    ),
    "outcomes": Counted(
        time="features_as_of_ms",
        rows=f"SELECT changed.*, {_PREDICTION.format(column='is_pick', own_time='features_as_of_ms')} AS was_pick FROM ",
        counts={
            "n_hits": "is_hit",
            "n_misses": "NOT is_hit",
            "n_ties": "outcome = 'tie'",
            "n_voids": "outcome = 'void'",
            "n_pick_hits": "was_pick AND is_hit",
            "n_pick_misses": "was_pick AND NOT is_hit",
        },
    ),
}


def _waiting(table: str, operation: str) -> str:
    """Which predictions wait for an outcome, of the keys that a statement changed.

    What was only added needs less: a new outcome ends a wait, a new prediction begins one if it has no outcome.
    """
    time, changed = _COUNTED[table].time, f"({_CHANGED[operation]}) changed"
    has_prediction = _PREDICTION.format(column="true", own_time=time)
    has_outcome = _OUTCOME.format(column="true", own_time=time)
    end = f"""
    DELETE FROM unresolved_predictions held USING {changed}
    WHERE held.stream = changed.stream AND held.instrument = changed.instrument
        AND held.interval = changed.interval AND held.horizon = changed.horizon
        AND held.event_time_ms = changed.{time}"""
    begin = f"""
    INSERT INTO unresolved_predictions ({_TARGET}, event_time_ms)
    SELECT {_TARGET}, {time} FROM {changed} WHERE {has_outcome} IS NULL"""
    match table, operation:
        case "outcomes", "insert":
            return f"{end};"
        case "predictions", "insert":
            return f"{begin} ON CONFLICT DO NOTHING;"
        case _:
            return f"""
    {end} AND ({has_prediction} AND {has_outcome} IS NULL) IS NOT TRUE;
    {begin} AND {has_prediction} ON CONFLICT DO NOTHING;"""


def _counting(table: str, operation: str) -> str:
    counted = _COUNTED[table]
    counts, changed = counted.counts, f"({_CHANGED[operation]}) changed"
    sums = ", ".join(f"coalesce(sum(sign) FILTER (WHERE {when}), 0)" for when in counts.values())
    added = ", ".join(f"{name} = held.{name} + excluded.{name}" for name in counts)
    name = f"count_{table}_{operation}"
    return f"""
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $body$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('driftline prediction records'));
    INSERT INTO prediction_records AS held ({_TARGET}, {", ".join(counts)})
    SELECT {_TARGET}, {sums} FROM ({counted.rows} {changed}) AS signed
    GROUP BY {_TARGET} ORDER BY {_TARGET}
    ON CONFLICT ({_TARGET}) DO UPDATE SET {added};
    {_waiting(table, operation)}
    RETURN NULL;
END
$body$;
CREATE TRIGGER {name} AFTER {operation.upper()} ON {table}
REFERENCING {_REFERENCING[operation]} FOR EACH STATEMENT EXECUTE FUNCTION {name}();
"""


_FILL_RECORDS = f"""
    INSERT INTO prediction_records ({_TARGET}, {", ".join(_COUNTS)})
    SELECT {_TARGET}, count(p.stream), count(*) FILTER (WHERE o.is_hit), count(*) FILTER (WHERE NOT o.is_hit),
        count(*) FILTER (WHERE o.outcome = 'tie'), count(*) FILTER (WHERE o.outcome = 'void'),
        count(*) FILTER (WHERE p.is_pick AND o.is_hit), count(*) FILTER (WHERE p.is_pick AND NOT o.is_hit)
    FROM (SELECT *, event_time_ms AS as_of_ms FROM predictions) p
    FULL JOIN (SELECT *, features_as_of_ms AS as_of_ms FROM outcomes) o USING ({_TARGET}, as_of_ms)
    GROUP BY {_TARGET};
    INSERT INTO unresolved_predictions ({_TARGET}, event_time_ms)
    SELECT {_TARGET}, p.as_of_ms
    FROM (SELECT {_TARGET}, event_time_ms AS as_of_ms FROM predictions) p
    LEFT JOIN (SELECT {_TARGET}, features_as_of_ms AS as_of_ms, true AS is_resolved FROM outcomes) o
        USING ({_TARGET}, as_of_ms)
    WHERE o.is_resolved IS NULL;
"""

#: A table that is emptied whole is rare: what is left is counted anew.
_RECOUNTING = f"""
CREATE FUNCTION recount_predictions() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('driftline prediction records'));
    DELETE FROM prediction_records;
    DELETE FROM unresolved_predictions;
    {_FILL_RECORDS}
    RETURN NULL;
END
$body$;
CREATE TRIGGER recount_predictions AFTER TRUNCATE ON predictions
FOR EACH STATEMENT EXECUTE FUNCTION recount_predictions();
CREATE TRIGGER recount_predictions AFTER TRUNCATE ON outcomes
FOR EACH STATEMENT EXECUTE FUNCTION recount_predictions();
"""

_POSITION_COLUMNS = {
    "candles": {"last_candle_end_ms": "event_time_ms"},
    "ticks": {"last_tick_known_ms": "known_time_ms", "last_trade_id": "trade_id"},
}


def _reaching(table: str, source: str) -> str:
    columns = _POSITION_COLUMNS[table]
    newest = ", ".join(f"max({column})" for column in columns.values())
    moved = ", ".join(f"{name} = greatest(held.{name}, excluded.{name})" for name in columns)
    return f"""
    INSERT INTO market_positions AS held (stream, instrument, {", ".join(columns)})
    SELECT stream, instrument, {newest} FROM {source} GROUP BY stream, instrument ORDER BY stream, instrument
    ON CONFLICT (stream, instrument) DO UPDATE SET {moved};
"""


def _following(table: str) -> str:
    return f"""
CREATE FUNCTION note_{table}() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    {_reaching(table, "added")}
    RETURN NULL;
END
$body$;
CREATE TRIGGER note_{table} AFTER INSERT ON {table}
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION note_{table}();
"""


def upgrade() -> None:
    """Create the counts and what keeps them, and count what is stored."""
    op.execute(TABLES)
    for table in _COUNTED:
        for operation in _CHANGED:
            op.execute(_counting(table, operation))
    op.execute(_RECOUNTING)
    op.execute(_FILL_RECORDS)
    for table in _POSITION_COLUMNS:
        op.execute(_following(table))
        op.execute(_reaching(table, table))


def downgrade() -> None:
    """Drop them; what they were counted from stays."""
    for table in _COUNTED:
        op.execute(f"DROP TRIGGER recount_predictions ON {table}")
        for operation in _CHANGED:
            op.execute(f"DROP FUNCTION count_{table}_{operation} CASCADE")
    op.execute("DROP FUNCTION recount_predictions CASCADE")
    for table in _POSITION_COLUMNS:
        op.execute(f"DROP FUNCTION note_{table} CASCADE")
    op.execute("DROP TABLE market_positions, unresolved_predictions, prediction_records")

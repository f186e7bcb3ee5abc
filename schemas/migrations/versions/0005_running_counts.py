"""Counts that are kept while rows are written, so that no reader counts all rows anew.

``prediction_records`` holds how each kind of prediction turned out, ``unresolved_predictions`` the keys of
those without an outcome, ``market_positions`` how far an instrument's stored market data go. Triggers keep
them in the transaction of the write, whoever writes: a row that is written again fires none, a row that is
changed or deleted is taken out of the counts. Writers of predictions and outcomes wait for one another, so
that a pick and its outcome are never counted by neither.

The functions turn off the plans that read whole tables: a plan that was made while a table was small is kept
by the connection, and would be used when it is large.
"""

from alembic import op

from schemas.migrations.running_counts import COUNTS, RunningCounts

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_COUNTING = RunningCounts("stream", "instrument", "interval", "horizon")
_TARGET = _COUNTING.target
TABLES = f"""
CREATE TABLE prediction_records (
    stream text NOT NULL, instrument text NOT NULL, interval text NOT NULL, horizon text NOT NULL,
    {", ".join(f"{name} bigint NOT NULL DEFAULT 0" for name in COUNTS)},
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
    for statement in _COUNTING.create():
        op.execute(statement)
    op.execute(_COUNTING.fill())
    for table in _POSITION_COLUMNS:
        op.execute(_following(table))
        op.execute(_reaching(table, table))


def downgrade() -> None:
    """Drop them; what they were counted from stays."""
    for statement in _COUNTING.drop():
        op.execute(statement)
    for table in _POSITION_COLUMNS:
        op.execute(f"DROP FUNCTION note_{table} CASCADE")
    op.execute("DROP TABLE market_positions, unresolved_predictions, prediction_records")

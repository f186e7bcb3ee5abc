"""The arm of predictions and outcomes: several versions may predict the same close.

The arm is part of every key that names a prediction. Rows that are stored already are the champion's. It
has no default in the counts, so that whoever writes them names it. Both tables are rewritten by their new
keys, which takes some seconds for a million rows.
"""

from alembic import op

from schemas.migrations.running_counts import TIMES, RunningCounts

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_BEFORE = RunningCounts("stream", "instrument", "interval", "horizon")
_AFTER = RunningCounts("stream", "instrument", "interval", "horizon", "arm")
#: By table, what tells rows of one target apart.
_PLACES = {**TIMES, "prediction_records": None, "unresolved_predictions": "event_time_ms"}


def _key(table: str, counts: RunningCounts) -> str:
    place = _PLACES[table]
    columns = counts.target if place is None else f"{counts.target}, {place}"
    return (
        f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey, "
        f"ADD CONSTRAINT {table}_pkey PRIMARY KEY ({columns})"
    )


def upgrade() -> None:
    """Add the arm to the tables, their keys and what keeps the counts."""
    for statement in _BEFORE.drop():
        op.execute(statement)
    for table in _PLACES:
        op.execute(f"ALTER TABLE {table} ADD COLUMN arm text NOT NULL DEFAULT 'champion'")
        op.execute(_key(table, _AFTER))
    for table in sorted(set(_PLACES) - set(TIMES)):
        op.execute(f"ALTER TABLE {table} ALTER COLUMN arm DROP DEFAULT")
    for statement in _AFTER.create():
        op.execute(statement)


def downgrade() -> None:
    """Take it away again, with what other arms than the champion predicted."""
    for statement in _AFTER.drop():
        op.execute(statement)
    for table in _PLACES:
        op.execute(f"DELETE FROM {table} WHERE arm <> 'champion'")
        op.execute(_key(table, _BEFORE))
        op.execute(f"ALTER TABLE {table} DROP COLUMN arm")
    for statement in _BEFORE.create():
        op.execute(statement)

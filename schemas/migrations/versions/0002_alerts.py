"""Alerts about the platform itself: raised, and resolved, as they were published."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE alerts (
    stream text NOT NULL, name text NOT NULL, subject text NOT NULL, source text NOT NULL,
    event_time_ms bigint NOT NULL, is_resolved boolean NOT NULL,
    severity text NOT NULL, summary text NOT NULL, value float8,
    known_time_ms bigint NOT NULL,
    PRIMARY KEY (stream, name, subject, source, event_time_ms, is_resolved)
);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it, with what it holds."""
    op.execute("DROP TABLE alerts")

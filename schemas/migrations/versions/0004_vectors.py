"""Vectors: features with companions' beside them, as they were published."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE vectors (
    stream text NOT NULL, instrument text NOT NULL, interval text NOT NULL, event_time_ms bigint NOT NULL,
    feature_spec_hash text NOT NULL,
    close float8 NOT NULL, is_warm boolean NOT NULL, feature_values float8[] NOT NULL,
    known_time_ms bigint NOT NULL, source text NOT NULL,
    joined jsonb NOT NULL, n_late bigint NOT NULL,
    PRIMARY KEY (stream, instrument, interval, event_time_ms, feature_spec_hash)
);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it, with what it holds."""
    op.execute("DROP TABLE vectors")

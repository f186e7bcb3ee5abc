"""From when on promotions took effect in fact, as scoring recorded it."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE promotion_effects (
    stream text NOT NULL, instrument text NOT NULL, interval text NOT NULL, horizon text NOT NULL,
    alias text NOT NULL, effective_from_ms bigint NOT NULL, model_version text NOT NULL,
    model_hash text NOT NULL, n_let_go bigint NOT NULL,
    event_time_ms bigint NOT NULL, known_time_ms bigint NOT NULL, source text NOT NULL,
    PRIMARY KEY (stream, instrument, interval, horizon, alias, effective_from_ms, model_version)
);
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Drop it, with what it holds."""
    op.execute("DROP TABLE promotion_effects")

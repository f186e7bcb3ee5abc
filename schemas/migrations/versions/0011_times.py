"""Indexes of event times: of ticks, by which days are exported and deleted, and of prices in quarantine.

The key of ticks begins with the run and the instrument and goes on with the venue's ids, so it does not help to find a
day. Ticks are stored nearly in the order of their times, so the least and the largest time of each stretch of the table
(BRIN) find a day, and an insert costs nothing that can be measured. Few prices are in quarantine.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the indexes."""
    op.execute("CREATE INDEX ticks_by_time ON ticks USING brin (event_time_ms) WITH (autosummarize = on)")
    op.execute("CREATE INDEX quarantined_prices ON prices (stream, event_time_ms) WHERE is_quarantined")


def downgrade() -> None:
    """Drop them."""
    op.execute("DROP INDEX ticks_by_time, quarantined_prices")

"""How far the stored events of a run go, source by source: several sources may share a partition.

What was stored before is of the one source that a run had then.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

BY_SOURCE = """
ALTER TABLE stream_progress ADD COLUMN source text NOT NULL DEFAULT '';
UPDATE stream_progress SET source = coalesce(described.description ->> 'source', '')
    FROM streams described WHERE described.stream = stream_progress.stream;
ALTER TABLE stream_progress DROP CONSTRAINT stream_progress_pkey,
    ADD PRIMARY KEY (stream, topic, partition, source);
"""
AS_BEFORE = """
CREATE TEMP TABLE slowest ON COMMIT DROP AS
    SELECT stream, topic, partition, min(watermark_ms) AS watermark_ms FROM stream_progress GROUP BY 1, 2, 3;
DELETE FROM stream_progress;
ALTER TABLE stream_progress DROP CONSTRAINT stream_progress_pkey, DROP COLUMN source,
    ADD PRIMARY KEY (stream, topic, partition);
INSERT INTO stream_progress SELECT * FROM slowest;
"""


def upgrade() -> None:
    """Add the source to the table and to its key."""
    op.execute(BY_SOURCE)


def downgrade() -> None:
    """Keep the slowest source of each partition."""
    op.execute(AS_BEFORE)

"""The epoch of trade ids: a venue's ids may start again, and the trades after that are not repeats.

Ticks that are stored already are of the first epoch. The table is rewritten by its new key, which takes some
seconds for a million rows.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _key(columns: str) -> str:
    return f"ALTER TABLE ticks DROP CONSTRAINT ticks_pkey, ADD CONSTRAINT ticks_pkey PRIMARY KEY ({columns})"


def upgrade() -> None:
    """Add the epoch to the table and to its key."""
    op.execute("ALTER TABLE ticks ADD COLUMN id_epoch bigint NOT NULL DEFAULT 0")
    op.execute(_key("stream, instrument, id_epoch, trade_id"))


def downgrade() -> None:
    """Remove the epoch, and every tick of a later epoch than the first: their ids are not unique without it."""
    op.execute("DELETE FROM ticks WHERE id_epoch > 0")
    op.execute(_key("stream, instrument, trade_id"))
    op.execute("ALTER TABLE ticks DROP COLUMN id_epoch")

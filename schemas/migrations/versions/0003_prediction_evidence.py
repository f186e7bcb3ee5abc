"""What predictions say beside their probability: set, pick, evidence. Older rows have none of it."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

COLUMNS = {
    "prediction_set": "text",
    "miscoverage": "float8",
    "is_pick": "boolean",
    "evidence_target": "float8",
    "evidence_coverage": "float8",
    "evidence_n": "bigint",
    "evidence_accuracy": "float8",
    "evidence_low": "float8",
    "evidence_high": "float8",
    "late_accuracy": "float8",
    "late_low": "float8",
    "late_high": "float8",
}


def upgrade() -> None:
    """Add the columns."""
    added = ", ".join(f"ADD COLUMN {name} {kind}" for name, kind in COLUMNS.items())
    op.execute(f"ALTER TABLE predictions {added}")


def downgrade() -> None:
    """Drop them, with what they hold."""
    op.execute("ALTER TABLE predictions " + ", ".join(f"DROP COLUMN {name}" for name in COLUMNS))

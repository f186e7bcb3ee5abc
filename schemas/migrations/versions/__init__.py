"""The durable store's tables, as Alembic revisions written in SQL."""

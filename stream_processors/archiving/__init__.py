"""Keeps the durable store small: days of it as parquet files, and the deletion of days that are old."""

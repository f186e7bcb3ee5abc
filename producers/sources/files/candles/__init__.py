"""Reads files of candles in the forms in which people have them: text, JSON, parquet and feather."""

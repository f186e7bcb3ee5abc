"""The backfill: fetches the candles of every venue as far as its API reaches, and accounts for those that are missing."""

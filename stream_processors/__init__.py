"""The stream processors: they read topics, and write topics, views in Redis and rows in Postgres."""

"""Stream processors: topics in, topics and views out."""

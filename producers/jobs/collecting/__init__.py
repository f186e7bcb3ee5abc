"""Collects news and latest prices by a schedule, publishes what is new, and says how healthy each source is."""

"""The two-day replay of both coins under load, again and again."""

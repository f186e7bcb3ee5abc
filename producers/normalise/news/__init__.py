"""Turns what a page or a feed states into an article: its address, times, texts, assets and versions."""

"""Kraken: the adapter of its public APIs."""

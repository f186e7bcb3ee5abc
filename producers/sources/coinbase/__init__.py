"""Coinbase: the adapter of its public APIs."""

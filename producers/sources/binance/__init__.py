"""Binance: the adapter of its public APIs."""

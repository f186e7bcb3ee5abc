"""CoinGecko: the adapter of its public APIs."""

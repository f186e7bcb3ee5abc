"""The sources of market data, one package for each kind."""

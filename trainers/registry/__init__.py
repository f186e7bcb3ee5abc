"""The registry: versions, aliases and their ledger. Published; the only way to load a model."""

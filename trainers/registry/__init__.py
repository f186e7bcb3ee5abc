"""Keeps versions, aliases and their ledger. Other packages may use it; nothing else loads a model."""

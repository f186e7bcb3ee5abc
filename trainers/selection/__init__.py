"""Searches parameters, ranks models, and chooses one by a declared rule. Pure."""

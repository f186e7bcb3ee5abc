"""Tests beside busy processes: ``make test-loaded``."""

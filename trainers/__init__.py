"""Trains models on history, judges them, and keeps them with their evidence."""

"""Publishes recorded files and the simulated market as market events."""

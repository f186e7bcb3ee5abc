"""Datasets: feature tables become decision sets, and these are split into training rows and test stretches; pure."""

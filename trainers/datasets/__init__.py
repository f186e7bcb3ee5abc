"""Datasets: feature tables into labelled samples, and samples into training and test stretches; pure."""

"""Failures of the outside sources, and kills of the collecting processes, on live code with a mirror."""

"""Evaluation: how good a model is, how certain that figure is, and how good the simplest rules would have been.

Published; pure. The caller passes the generator of random numbers.
"""

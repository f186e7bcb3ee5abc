"""Evaluation: how good a model is, how sure that is, and what the simplest rules would have done.

Published; pure. Randomness is a generator that the caller hands over.
"""

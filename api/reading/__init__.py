"""Reads what the routes answer: one reader for each subject, handed to the routes that need it.

A new feature brings a reader of its own and names it in :mod:`api.app`; no reader gathers the others.
"""

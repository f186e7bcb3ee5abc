"""The scoring job, which publishes predictions, and the HTTP API, which serves them.

Nothing imports this package but the launcher.
"""

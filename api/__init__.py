"""The scoring job, which publishes predictions, and the HTTP API, which serves them.

Only the launcher imports this package.
"""

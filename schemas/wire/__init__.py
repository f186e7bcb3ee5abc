"""The only clients of servers: Kafka, Redis and Postgres, with their settings and the clock.

Each client translates the exceptions of its library into the tree of :mod:`schemas.errors`.
"""

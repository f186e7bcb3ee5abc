"""The only doors to servers: Kafka, Redis and Postgres clients, their settings, the clock.

Each client translates its library's exceptions into the tree of :mod:`schemas.errors`.
"""

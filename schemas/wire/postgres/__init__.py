"""The door to Postgres: the durable store, one class for each subject over one pool of connections.

Callers open a :class:`~schemas.wire.postgres.pools.PostgresPool` and make the subjects that they need from
it, such as ``StoredPredictions(pool)``. A new subject is a new module here; no class gathers all subjects.

Writing an event twice changes nothing; a later revision of a candle replaces it. A batch is one
transaction: it is staged by COPY and then merged. What is read back equals what was written, to the bit.
Only :mod:`.refusals` translates the errors of the driver.
"""

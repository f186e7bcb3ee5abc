"""The door to Postgres: the durable store, one class for each subject over one pool of connections.

Callers open a :class:`~schemas.wire.postgres.pools.Database` and make the subjects that they need from
it, such as ``StoredPredictions(pool)``. A new subject is a new module here; no class gathers them all.

Writing an event twice changes nothing; a candle's later revision replaces it. A batch is one
transaction: staged by COPY, then merged. What is read back is what was written, to the bit. Errors of
the driver are translated in :mod:`.refusals` alone.
"""

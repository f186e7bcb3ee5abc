"""The stored descriptions of runs, and the time up to which their events are stored completely."""

from collections.abc import Collection

import msgspec

from schemas.streams import StreamDescription
from schemas.wire.postgres.pools import PostgresPool


class StoredStreams:
    """Reads and registers the runs of the durable store."""

    def __init__(self, pool: PostgresPool) -> None:
        self._pool = pool

    def register_stream(self, description: StreamDescription) -> StreamDescription:
        """Store the description of a run; the first description of a run stays.

        Returns:
            The stored description.
        """
        with self._pool.connection() as connection:
            connection.execute(
                "INSERT INTO streams VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
                (
                    description.stream,
                    str(description.kind),
                    msgspec.json.encode(description).decode(),
                    description.created_ms,
                ),
            )
        stored = self.stream(description.stream)
        return description if stored is None else stored

    def stream(self, stream: str) -> StreamDescription | None:
        """Return the stored description of a run, or None."""
        row = self._pool.row("SELECT description::text FROM streams WHERE stream = %s", (stream,))
        return None if row is None else msgspec.json.decode(row[0], type=StreamDescription)

    def watermark_ms(
        self, stream: str, topic: str, *, places: Collection[tuple[str, int]] | None = None
    ) -> int | None:
        """Return the time up to which the events of a run in a topic are stored completely.

        Args:
            stream: The run.
            topic: The name of the topic.
            places: The sources and partitions to look at; None means all.

        Returns:
            The least of their watermarks; None until each of them has one.
        """
        sources = None if places is None else [source for source, _ in places]
        partitions = None if places is None else [partition for _, partition in places]
        row = self._pool.row(
            "SELECT min(watermark_ms), count(*) FROM stream_progress WHERE stream = %s AND topic = %s "
            "AND (%s::text[] IS NULL OR (source, partition) IN "
            "(SELECT * FROM unnest(%s::text[], %s::integer[])))",
            (stream, topic, sources, sources, partitions),
        )
        n_wanted = 1 if places is None else len(set(places))
        return None if row is None or row[1] < n_wanted else row[0]

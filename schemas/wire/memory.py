"""In-memory twins of the log, its publisher and the views, on which tests run without servers.

The log keeps partitions with offsets, keys and headers, and places keys as the platform's partitioner
does. It shows what was published in a transaction when the transaction is committed, and never when it is
aborted. It has no groups, no retention and no transaction markers; tests of those need a broker.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.topics import BY_NAME, partition_of
from schemas.wire.kafka import Positions, Publisher
from schemas.wire.redis import Views
from schemas.wire.runs import Record, Run


class StoredMessage:
    """A message of the twin, with the methods of a message of the client library."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def topic(self) -> str:
        """Return the topic of the record."""
        return self._record.topic

    def partition(self) -> int:
        """Return the partition of the record."""
        return self._record.partition

    def offset(self) -> int:
        """Return its offset in the partition."""
        return self._record.offset

    def key(self) -> bytes | None:
        """Return the key of the record."""
        return self._record.key

    def value(self) -> bytes | None:
        """Return its bytes; None for a tombstone."""
        return self._record.value

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the headers of the record."""
        return list(self._record.headers)

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of its timestamp and when it was published; kind 0 if no time is stated."""
        at_ms = self._record.timestamp_ms
        return (0, -1) if at_ms is None else (1, at_ms)

    def error(self) -> None:
        """Return None, because it is no error."""


class MemoryLog:
    """Topics in memory.

    Args:
        n_partitions: The number of partitions of topics that are not in the table.
    """

    def __init__(self, *, n_partitions: int = 4) -> None:
        self._n_partitions = n_partitions
        self._messages: dict[tuple[str, int], list[StoredMessage]] = {}
        self.committed: Positions = {}

    def append(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        timestamp_ms: int | None = None,
    ) -> Record:
        """Append a record to its partition, and return it.

        Args:
            topic: The name of the topic.
            value: The bytes; None is a tombstone.
            key: The key, which decides the partition if none is stated.
            partition: The partition; None chooses it by the key.
            headers: The headers.
            timestamp_ms: When it was published; None if not stated.
        """
        n = BY_NAME[topic].n_partitions if topic in BY_NAME else self._n_partitions
        number = partition if partition is not None else 0 if key is None else partition_of(key, n)
        held = self._messages.setdefault((topic, number), [])
        record = Record(topic, number, len(held), key, value, tuple(headers), timestamp_ms)
        held.append(StoredMessage(record))
        return record

    def run(self, topic: str, partition: int, start: int, end: int | None = None) -> Run | None:
        """Return the messages of a partition from one offset up to another; None if there are none.

        Args:
            topic: The name of the topic.
            partition: The partition.
            start: The first offset.
            end: The offset after the last one; None for all that there are.
        """
        held = self._messages.get((topic, partition), [])[start:end]
        return Run(topic, partition, held) if held else None

    def records(self, topic: str) -> list[Record]:
        """Return all records of a topic, partition by partition."""
        places = sorted(place for place in self._messages if place[0] == topic)
        return [Run(*place, [message]).record(0) for place in places for message in self._messages[place]]


class MemoryPublisher(Publisher):
    """Publishes into a log in memory, in transactions."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self._held: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self._positions: Positions = {}

    def publish(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None,
        partition: int | None = None,
        headers: list[tuple[str, str | bytes | None]] | None = None,
    ) -> None:
        """Keep a record until the commit; see the port, :class:`Publisher`."""
        whole = [
            (name, part.encode() if isinstance(part, str) else part or b"") for name, part in headers or ()
        ]
        self._held.append(((topic, value), {"key": key, "partition": partition, "headers": whole}))

    def begin(self) -> None:
        """Begin a transaction that holds no records."""
        self._held.clear()
        self._positions = {}

    def send_offsets(
        self, positions: Mapping[tuple[str, int], int], group_metadata: Any, *, timeout_s: float
    ) -> None:
        """Keep offsets until the commit; see the port, :class:`Publisher`."""
        del group_metadata, timeout_s
        self._positions = dict(positions)

    def commit(self, *, timeout_s: float) -> None:
        """Append everything that was kept."""
        del timeout_s
        for arguments, named in self._held:
            self._log.append(*arguments, **named)
        self._log.committed |= self._positions
        self.begin()

    def abort(self, *, timeout_s: float) -> None:
        """Forget everything that was kept."""
        del timeout_s
        self.begin()


class MemoryViews(Views):
    """Views in memory; an older view never replaces a newer one."""

    def __init__(self) -> None:
        self._views: dict[str, tuple[int, bytes]] = {}

    def write(self, views: Mapping[str, tuple[int, bytes]]) -> None:
        """Write views by key, each of them an order and a body."""
        for key, (order, body) in views.items():
            if key not in self._views or order >= self._views[key][0]:
                self._views[key] = (order, body)

    def read(self, key: str) -> bytes | None:
        """Return the body of a view, or None."""
        return self._views[key][1] if key in self._views else None

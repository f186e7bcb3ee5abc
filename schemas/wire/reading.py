"""Reads topics, record by record or run by run, and ranges of the log.

There are two ways to read. In a *group* the broker assigns partitions to readers. A *fixed* reader
takes every partition at once and joins no group. It is for the embedded broker, which delays a first join by
3 s and a join after a kill by 11 s, and where each job has one worker. Both commit offsets to the group.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import confluent_kafka as ck

from schemas.errors import BrokerUnavailableError
from schemas.topics import Topic
from schemas.wire.connections import connection, fetching, translate, translated
from schemas.wire.runs import Positions, Record, Run, Taken, record_of, taken_apart
from schemas.wire.settings import KafkaEndpoint

_BEGINNING = -2
_RANGE_BUDGET_S = 15.0


class Reader:
    """Reads topics in batches, as a read_committed consumer that never commits by itself.

    It keeps no state per partition. A worker keeps such state, and is a :class:`~schemas.wire.members.Member`.

    Args:
        endpoint: The address of the broker.
        group: The consumer group; offsets are committed under this name.
        topics: The topics to read.
        is_fixed: Whether to take every partition at once, without joining the group.
        sees_ends: Whether to report the end of each partition, too; for :func:`read_range`.
        member: A name within the group, under which a reader that was killed gets its partitions back at
            once; two readers with one name fence each other. None is a member that the group does not wait for.
    """

    def __init__(
        self,
        endpoint: KafkaEndpoint,
        *,
        group: str,
        topics: Sequence[Topic],
        is_fixed: bool,
        sees_ends: bool = False,
        member: str | None = None,
    ) -> None:
        self._is_fixed = is_fixed
        identity = {} if is_fixed or member is None else {"group.instance.id": f"{group}-{member}"}
        self._consumer = ck.Consumer(
            {
                **connection(endpoint, group),
                **fetching(endpoint),
                "group.id": group,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "session.timeout.ms": 6000,
                "heartbeat.interval.ms": 1500,
                "fetch.wait.max.ms": 100,
                "fetch.queue.backoff.ms": 5,
                "queued.max.messages.kbytes": 16_384,
                "partition.assignment.strategy": "range",
                "enable.partition.eof": sees_ends,
                **identity,
            }
        )
        self._topics = topics
        self._held: frozenset[tuple[str, int]] = frozenset()

    def open(self) -> None:
        """Start reading after the committed offsets."""
        if not self._is_fixed:
            with translated():
                self._consumer.subscribe([topic.name for topic in self._topics])
            return
        owned = [(topic.name, p) for topic in self._topics for p in range(topic.n_partitions)]
        self._assign(owned, self.committed(owned))

    def _assign(self, owned: list[tuple[str, int]], positions: Mapping[tuple[str, int], int]) -> None:
        with translated():
            self._consumer.assign(
                [ck.TopicPartition(t, p, positions.get((t, p), _BEGINNING)) for t, p in owned]
            )

    def poll(self, *, max_records: int, timeout_s: float) -> list[Record]:
        """Wait for the first record, then return it with all records that have arrived."""
        with translated():
            first = self._consumer.consume(1, timeout_s)
            rest = self._consumer.consume(max_records - 1, 0) if first and max_records > 1 else []
        return [_checked(message) for message in (*first, *rest)]

    def idle(self, timeout_s: float) -> None:
        """Read nothing for some time, and stay in the group, which a reader that does not poll would leave."""
        with translated():
            held = self._consumer.assignment()
            self._consumer.pause(held)
            messages = self._consumer.consume(1, timeout_s)
            # A record of a partition that was assigned in the meantime is read again.
            for record in [record_of(message) for message in messages if message.error() is None]:
                self._consumer.seek(ck.TopicPartition(record.topic, record.partition, record.offset))
            # Partitions that were revoked are resumed, too: the library keeps a pause, and would apply it later.
            self._consumer.resume([*held, *self._consumer.assignment()])

    def messages(self, *, timeout_s: float) -> list[Any]:
        """Return the messages of the library that have arrived, ends of partitions included."""
        with translated():
            first = self._consumer.consume(1, timeout_s)
            return [*first, *self._consumer.consume(10_000, 0)] if first else []

    def take(self, *, max_messages: int, timeout_s: float) -> Taken:
        """Return the same as :meth:`poll`, as runs, and the ends of partitions if they are reported."""
        with translated():
            messages = self._consumer.consume(1, timeout_s)
            if messages and max_messages > 1:
                messages += self._consumer.consume(max_messages - 1, 0)
        return taken_apart(messages)

    def hold(self, places: Collection[tuple[str, int]]) -> None:
        """Do not fetch from these partitions, and continue with all others."""
        wanted = frozenset(places)
        begun, ended = wanted - self._held, self._held - wanted
        with translated():
            if begun:
                self._consumer.pause([ck.TopicPartition(*place) for place in begun])
            if ended:
                self._consumer.resume([ck.TopicPartition(*place) for place in ended])
        self._held = wanted

    def seek(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Read from these offsets on; partitions that are not named start at their beginning."""
        self.hold(())
        self._assign(list(positions), positions)

    def committed(self, partitions: Sequence[tuple[str, int]]) -> Positions:
        """Return the committed offsets of partitions; partitions without an offset are left out."""
        with translated():
            found = self._consumer.committed([ck.TopicPartition(t, p) for t, p in partitions], timeout=15)
        return {(p.topic, p.partition): p.offset for p in found if p.offset >= 0}

    def ends(self, partitions: Iterable[tuple[str, int]]) -> Positions:
        """Return the offset after the last record of each partition."""
        with translated():
            return {
                (t, p): self._consumer.get_watermark_offsets(ck.TopicPartition(t, p), timeout=15)[1]
                for t, p in partitions
            }

    def commit(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Commit offsets, and return when the broker has stored them."""
        with translated():
            self._consumer.commit(
                offsets=[ck.TopicPartition(t, p, offset) for (t, p), offset in positions.items()],
                asynchronous=False,
            )

    def group_metadata(self) -> Any:
        """Return what a transaction needs to know about the group."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Leave the group and close the connection."""
        self._consumer.close()


def read_range(
    endpoint: KafkaEndpoint,
    starts: Mapping[tuple[str, int], int],
    ends: Mapping[tuple[str, int], int] | None = None,
) -> Iterator[Record]:
    """Yield the committed records of partitions, from given offsets up to others or to the end of the log.

    Args:
        endpoint: The address of the broker.
        starts: The first offset, by topic and partition; 0 is the beginning. Records that the log
            no longer has are left out.
        ends: The offset after the last one; None reads to the present end.

    Yields:
        The records, in order per partition.

    Raises:
        BrokerUnavailableError: If no record arrived for a quarter of a minute.
    """
    for run in read_runs(endpoint, starts, ends):
        for message in run.messages:
            yield record_of(message)


def read_runs(
    endpoint: KafkaEndpoint,
    starts: Mapping[tuple[str, int], int],
    ends: Mapping[tuple[str, int], int] | None = None,
) -> Iterator[Run]:
    """Yield the same records as :func:`read_range`, run by run.

    Args:
        endpoint: The address of the broker.
        starts: The first offset, by topic and partition.
        ends: The offset after the last one; None reads to the present end.
    """
    wanted = {where for where, start in starts.items() if ends is None or ends.get(where, start) > start}
    if not wanted:
        return
    # The embedded broker sometimes states its ends too low, so there the stated end is read up to.
    trusts_end = ends is None or not endpoint.is_embedded
    reader = Reader(endpoint, group="driftline-range", topics=(), is_fixed=True, sees_ends=trusts_end)
    try:
        reader.seek({where: starts[where] for where in wanted})
        idle_s = 0.0
        while wanted:
            messages = reader.messages(timeout_s=0.5)
            idle_s = 0.0 if messages else idle_s + 0.5
            if idle_s > _RANGE_BUDGET_S:
                message = f"Kafka: no record came within {_RANGE_BUDGET_S:g} s from {sorted(wanted)}"
                raise BrokerUnavailableError(message)
            yield from _within(taken_apart(messages), wanted, ends)
    finally:
        reader.close()


def _within(
    taken: Taken, wanted: set[tuple[str, int]], ends: Mapping[tuple[str, int], int] | None
) -> Iterator[Run]:
    """The runs inside the ranges; a partition is removed from ``wanted`` when its range was read."""
    for run in taken.runs:
        if run.place not in wanted:
            continue
        inside = run if ends is None else run.until(ends[run.place])
        if ends is not None and run.next_offset >= ends[run.place]:
            wanted.discard(run.place)
        if inside is not None:
            yield inside
    wanted.difference_update(taken.ends)


def _checked(message: Any) -> Record:
    error = message.error()
    if error is not None:
        raise translate(error)
    return record_of(message)

"""The door to Kafka: reading, publishing, transactions; administration has a door of its own.

Two ways to read. In a *group* the broker shares partitions out among workers. *Fixed* reading
takes every partition at once and joins nothing: the embedded broker holds a first join back for
3 s and a join after a kill for 11 s, and has one worker per job. Both commit offsets to the group.

Every exception of the library is translated into the tree of :mod:`schemas.errors`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import confluent_kafka as ck

from schemas.errors import (
    BrokerUnavailableError,
    ConfigurationError,
    OffsetRegressionError,
    PlatformError,
    ProducerFencedError,
)
from schemas.topics import Topic
from schemas.wire.settings import KafkaEndpoint

Headers = Sequence[tuple[str, bytes]]
Positions = dict[tuple[str, int], int]
Callback = Callable[[list[tuple[str, int]]], None]

_BEGINNING = -2
_ANY_PARTITION = -1
#: Delivery reports are looked at once per so many records; each look costs as much as a record.
_REPORTS_EVERY = 64
#: Of a record with its headers: snapshots and dead letters may be larger than events.
LARGEST_MESSAGE_BYTES = 16_000_000
_RANGE_BUDGET_S = 15.0
_FENCED = {ck.KafkaError._FENCED, ck.KafkaError.INVALID_PRODUCER_EPOCH, ck.KafkaError.PRODUCER_FENCED}
_MISCONFIGURED = {
    ck.KafkaError._INVALID_ARG,
    ck.KafkaError.TOPIC_AUTHORIZATION_FAILED,
    ck.KafkaError.GROUP_AUTHORIZATION_FAILED,
    ck.KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    ck.KafkaError._AUTHENTICATION,
}
_REGRESSED = {ck.KafkaError.OFFSET_OUT_OF_RANGE, ck.KafkaError._AUTO_OFFSET_RESET}


class Record(NamedTuple):
    """One message as it was read.

    Attributes:
        timestamp_ms: When it was published; asked only by :func:`read_range`, as it costs.
    """

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int | None = None


def translate(error: ck.KafkaError) -> PlatformError:
    """The platform's error for one of librdkafka's.

    What is neither fencing, nor a wrong setting, nor a shortened log is a broker that does not
    do what it was asked: the same call may succeed later.
    """
    code = error.code()
    text = f"Kafka: {error.str()} ({error.name()})"
    if code in _FENCED:
        return ProducerFencedError(text)
    if code in _MISCONFIGURED:
        return ConfigurationError(text)
    if code in _REGRESSED:
        return OffsetRegressionError(text)
    return BrokerUnavailableError(text)


@contextmanager
def translated() -> Iterator[None]:
    """Raise the platform's errors for librdkafka's within the block."""
    try:
        yield
    except ck.KafkaException as error:
        raise translate(error.args[0]) from error


def connection(endpoint: KafkaEndpoint, role: str) -> dict[str, Any]:
    """What every client of the library is told: where the broker is, and who asks."""
    return {
        "bootstrap.servers": endpoint.bootstrap_servers,
        "client.id": f"driftline-{role}",
        "log_level": 2,
        "reconnect.backoff.max.ms": 2000,
    }


class Reader:
    """Reads topics in batches, as a read_committed consumer that never commits by itself.

    Args:
        group: The consumer group; offsets are kept under this name.
        topics: What to read.
        is_fixed: Take every partition at once, without joining the group.
        on_assigned: Called with the partitions that this reader now owns, before any of their
            records; the place to restore state and to :meth:`seek`.
        on_revoked: Called before partitions are given up; the place to commit.
        sees_ends: Report the end of each partition too; for :func:`read_range`.
    """

    def __init__(
        self,
        endpoint: KafkaEndpoint,
        *,
        group: str,
        topics: Sequence[Topic],
        is_fixed: bool,
        on_assigned: Callback | None = None,
        on_revoked: Callback | None = None,
        sees_ends: bool = False,
    ) -> None:
        self._is_fixed = is_fixed
        self._consumer = ck.Consumer(
            {
                **connection(endpoint, group),
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
            }
        )
        self._topics = topics
        self._on_assigned = on_assigned
        self._on_revoked = on_revoked

    def open(self) -> None:
        """Start reading; what was committed before is not read again."""
        if not self._is_fixed:
            self._subscribe()
            return
        owned = [(topic.name, p) for topic in self._topics for p in range(topic.n_partitions)]
        self._assign(owned, self.committed(owned))
        if self._on_assigned is not None:
            self._on_assigned(owned)

    def _assign(self, owned: list[tuple[str, int]], positions: Mapping[tuple[str, int], int]) -> None:
        with translated():
            self._consumer.assign(
                [ck.TopicPartition(t, p, positions.get((t, p), _BEGINNING)) for t, p in owned]
            )

    def _subscribe(self) -> None:
        def assigned(consumer: Any, partitions: list[Any]) -> None:
            consumer.assign(partitions)
            if self._on_assigned is not None:
                self._on_assigned([(p.topic, p.partition) for p in partitions])

        def revoked(consumer: Any, partitions: list[Any]) -> None:
            if self._on_revoked is not None:
                self._on_revoked([(p.topic, p.partition) for p in partitions])
            consumer.unassign()

        with translated():
            self._consumer.subscribe(
                [topic.name for topic in self._topics], on_assign=assigned, on_revoke=revoked
            )

    def poll(self, *, max_records: int, timeout_s: float) -> list[Record]:
        """The records at hand: waits for the first, then takes what has already arrived."""
        with translated():
            first = self._consumer.consume(1, timeout_s)
            rest = self._consumer.consume(max_records - 1, 0) if first and max_records > 1 else []
        return [_record(message) for message in (*first, *rest)]

    def messages(self, *, timeout_s: float) -> list[Any]:
        """What has arrived, ends of partitions included, as the library has it."""
        with translated():
            first = self._consumer.consume(1, timeout_s)
            return [*first, *self._consumer.consume(10_000, 0)] if first else []

    def seek(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Read on from these offsets; partitions that are not named start at their beginning."""
        self._assign(list(positions), positions)

    def committed(self, partitions: Sequence[tuple[str, int]]) -> Positions:
        """The committed offsets of partitions; those without one are left out."""
        with translated():
            found = self._consumer.committed([ck.TopicPartition(t, p) for t, p in partitions], timeout=15)
        return {(p.topic, p.partition): p.offset for p in found if p.offset >= 0}

    def ends(self, partitions: Iterable[tuple[str, int]]) -> Positions:
        """The offset behind the last record of each partition."""
        with translated():
            return {
                (t, p): self._consumer.get_watermark_offsets(ck.TopicPartition(t, p), timeout=15)[1]
                for t, p in partitions
            }

    def commit(self, positions: Mapping[tuple[str, int], int]) -> None:
        """Commit offsets, and return when the broker has them."""
        with translated():
            self._consumer.commit(
                offsets=[ck.TopicPartition(t, p, offset) for (t, p), offset in positions.items()],
                asynchronous=False,
            )

    def group_metadata(self) -> Any:
        """What a transaction needs to know of the group."""
        return self._consumer.consumer_group_metadata()

    def close(self) -> None:
        """Leave the group and free the connection."""
        self._consumer.close()


def read_range(
    endpoint: KafkaEndpoint,
    starts: Mapping[tuple[str, int], int],
    ends: Mapping[tuple[str, int], int] | None = None,
) -> Iterator[Record]:
    """The committed records of partitions, from given offsets up to others or to the log's end.

    Args:
        starts: The first offset wanted, by topic and partition; 0 is the beginning.
        ends: The offset behind the last one wanted; None reads to the present end.

    Yields:
        The records, in order per partition.
    """
    wanted = {where for where, start in starts.items() if ends is None or ends.get(where, start) > start}
    if not wanted:
        return
    reader = Reader(endpoint, group="driftline-range", topics=(), is_fixed=True, sees_ends=ends is None)
    try:
        reader.seek({where: starts[where] for where in wanted})
        idle_s = 0.0
        while wanted:
            messages = reader.messages(timeout_s=0.5)
            idle_s = 0.0 if messages else idle_s + 0.5
            if idle_s > _RANGE_BUDGET_S:
                message = f"Kafka: no record came within {_RANGE_BUDGET_S:g} s from {sorted(wanted)}"
                raise BrokerUnavailableError(message)
            yield from _within(messages, wanted, ends)
    finally:
        reader.close()


def _within(
    messages: Iterable[Any], wanted: set[tuple[str, int]], ends: Mapping[tuple[str, int], int] | None
) -> Iterator[Record]:
    """The records inside the ranges; takes a partition out of ``wanted`` when it is through."""
    for message in messages:
        where = (message.topic(), message.partition())
        if where not in wanted:
            continue
        if _is_end(message):
            wanted.discard(where)
            continue
        record = _record(message, timestamp_ms=message.timestamp()[1])
        if ends is not None and record.offset >= ends[where] - 1:
            wanted.discard(where)
        if ends is None or record.offset < ends[where]:
            yield record


def _is_end(message: Any) -> bool:
    error = message.error()
    return error is not None and error.code() == ck.KafkaError._PARTITION_EOF


def _record(message: Any, timestamp_ms: int | None = None) -> Record:
    error = message.error()
    if error is not None:
        raise translate(error)
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        message.headers() or (),
        timestamp_ms,
    )


class Publisher:
    """Publishes records, each acknowledged by the broker and written once."""

    def __init__(self, endpoint: KafkaEndpoint, *, role: str, transactional_id: str | None = None) -> None:
        config = {
            **connection(endpoint, role),
            "enable.idempotence": True,
            "linger.ms": 2,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 200_000,
            "message.max.bytes": LARGEST_MESSAGE_BYTES,
        }
        if transactional_id is not None:
            config |= {"transactional.id": transactional_id, "transaction.timeout.ms": 30_000}
        self._producer = ck.Producer(config)
        self._failed: ck.KafkaError | None = None
        self._n_published = 0

    def publish(
        self,
        topic: str,
        value: bytes | None,
        *,
        key: bytes | None,
        partition: int | None = None,
        headers: list[tuple[str, str | bytes | None]] | None = None,
    ) -> None:
        """Hand a record over; it is on its way when this returns, and there after :meth:`flush`.

        Raises:
            BrokerUnavailableError: If this or an earlier record could not be delivered.
        """
        where = _ANY_PARTITION if partition is None else partition
        while True:
            try:
                self._producer.produce(topic, value, key, where, self._delivered, None, 0, headers)
            except BufferError:
                self._producer.poll(0.05)
            except ck.KafkaException as error:
                raise translate(error.args[0]) from error
            else:
                break
        self._n_published += 1
        if self._n_published % _REPORTS_EVERY == 0:
            self._producer.poll(0)
            self._check()

    def flush(self, *, timeout_s: float = 15.0) -> None:
        """Wait until every record is acknowledged.

        Raises:
            BrokerUnavailableError: If one was not, within the time.
        """
        if self._producer.flush(timeout_s):
            message = f"Kafka: {len(self._producer)} records were not acknowledged within {timeout_s:g} s"
            raise BrokerUnavailableError(message)
        self._check()

    def _delivered(self, error: ck.KafkaError | None, _message: Any) -> None:
        if error is not None:
            self._failed = error

    def _check(self) -> None:
        if self._failed is not None:
            raise translate(self._failed)

    def prepare_transactions(self, *, timeout_s: float) -> None:
        """Fence any earlier worker with the same transactional id; call once, first."""
        with translated():
            self._producer.init_transactions(timeout_s)

    def begin(self) -> None:
        """Start a transaction."""
        with translated():
            self._producer.begin_transaction()

    def send_offsets(
        self, positions: Mapping[tuple[str, int], int], group_metadata: Any, *, timeout_s: float
    ) -> None:
        """Make consumed offsets part of the transaction."""
        offsets = [ck.TopicPartition(t, p, offset) for (t, p), offset in positions.items()]
        with translated():
            self._producer.send_offsets_to_transaction(offsets, group_metadata, timeout_s)

    def commit(self, *, timeout_s: float) -> None:
        """Commit the transaction; when this returns, all of it is visible."""
        with translated():
            self._producer.commit_transaction(timeout_s)
        self._check()

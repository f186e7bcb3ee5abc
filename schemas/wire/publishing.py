"""Publishes records, each acknowledged by the broker and written once, with or without transactions."""

from collections.abc import Mapping
from typing import Any

import confluent_kafka as ck

from schemas.errors import BrokerUnavailableError
from schemas.wire.connections import LARGEST_MESSAGE_BYTES, connection, translate, translated
from schemas.wire.settings import KafkaEndpoint

_ANY_PARTITION = -1
#: Delivery reports are read once per this many records, because reading them takes as long as publishing a record.
_REPORTS_EVERY = 64
#: The broker still writes the markers of the last transaction when the offsets of the next one arrive, and asks
#: the client to retry. With the library's default of 100 ms, that made the slowest commits: at 5 ms the 99th
#: percentile of 150 transactions on Apache Kafka fell from 124 to 31 ms.
_RETRY_MS = 5
_LONGEST_RETRY_MS = 500
#: The broker itself ends a transaction that is open longer. A transaction that a dead worker left open
#: blocks every read_committed reader for that long.
TRANSACTION_TIMEOUT_S = 15.0
#: For how long records wait for others, to be sent together. A job waits for its acknowledgements, so this is short.
_LINGER_MS = 2
#: The embedded broker keeps every batch in memory as it came. Compressed, a record of a feature takes a quarter and a trade
#: in a batch of 30 a fifth (`make bench-broker`). Level 1 keeps what the higher levels reach
#: and costs no rate. Apache Kafka keeps its log on disk, and its records stay as they are.
_COMPRESSION = {"compression.type": "zstd", "compression.level": 1}
#: The library sends offsets to the coordinator of the group. If that broker is lost, the library looks for the
#: next one only when some other connection opens or closes (librdkafka issue 5511), which may never happen.
#: Therefore idle connections are closed; they are opened again when they are needed.
_IDLE_MS = 2000


class Publisher:
    """Publishes records, each acknowledged by the broker and written once.

    Args:
        endpoint: The address of the broker.
        role: The name of the client for the broker's logs.
        transactional_id: The id of its transactions, by which a later publisher fences it; None publishes without
            transactions.
        transaction_timeout_s: The seconds after which the broker ends an open transaction.
        linger_ms: For how long a record waits for others in its batch. Each batch costs the embedded broker 1.5 kB.
        is_compressed: Whether batches are compressed for the embedded broker. Not those that an agent reads: its client
            lacks the library for it.
    """

    def __init__(
        self,
        endpoint: KafkaEndpoint,
        *,
        role: str,
        transactional_id: str | None = None,
        transaction_timeout_s: float = TRANSACTION_TIMEOUT_S,
        linger_ms: int = _LINGER_MS,
        is_compressed: bool = True,
    ) -> None:
        config = {
            **connection(endpoint, role),
            **(_COMPRESSION if endpoint.is_embedded and is_compressed else {}),
            "enable.idempotence": True,
            "linger.ms": linger_ms,
            "partitioner": "murmur2_random",
            "queue.buffering.max.messages": 200_000,
            "message.max.bytes": LARGEST_MESSAGE_BYTES,
        }
        if transactional_id is not None:
            config |= {
                "transactional.id": transactional_id,
                "retry.backoff.ms": _RETRY_MS,
                "retry.backoff.max.ms": _LONGEST_RETRY_MS,
                "connections.max.idle.ms": _IDLE_MS,
                "transaction.timeout.ms": int(transaction_timeout_s * 1000),
            }
        self._owner = transactional_id
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
        """Hand a record over. It is on its way when this returns, and acknowledged after :meth:`flush`.

        Args:
            topic: The name of the topic.
            value: The bytes; None is a tombstone.
            key: The key, which decides the partition if none is stated.
            partition: The partition; None chooses it by the key.
            headers: The headers; None for none.

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

    def connect(self, *, timeout_s: float) -> None:
        """Connect to the broker now rather than at the first record. This creates no topic.

        Raises:
            BrokerUnavailableError: If no broker answered in time.
        """
        with translated():
            self._producer.list_topics(timeout=timeout_s)

    def flush(self, *, timeout_s: float = 15.0) -> None:
        """Wait until every record is acknowledged.

        Raises:
            BrokerUnavailableError: If a record was not acknowledged within the time.
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
        """Fence any earlier worker with the same transactional id. Call it once, before everything else."""
        with translated():
            self._producer.init_transactions(timeout_s)

    def begin(self) -> None:
        """Start a transaction."""
        with translated():
            self._producer.begin_transaction()

    def send_offsets(
        self, positions: Mapping[tuple[str, int], int], group_metadata: Any, *, timeout_s: float
    ) -> None:
        """Make consumed offsets part of the transaction, with the transactional id as their metadata.

        Args:
            positions: The next offset to read, by topic and partition.
            group_metadata: The metadata of the consumer group.
            timeout_s: The longest wait for the broker.
        """
        offsets = [ck.TopicPartition(t, p, offset, self._owner) for (t, p), offset in positions.items()]
        with translated():
            self._producer.send_offsets_to_transaction(offsets, group_metadata, timeout_s)

    def commit(self, *, timeout_s: float) -> None:
        """Commit the transaction. When this returns, all of it is visible."""
        with translated():
            self._producer.commit_transaction(timeout_s)
        self._check()

    def abort(self, *, timeout_s: float) -> None:
        """Abort the transaction. Nothing of it becomes visible, and another one may begin."""
        with translated():
            self._producer.abort_transaction(timeout_s)
        self._failed = None

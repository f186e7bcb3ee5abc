"""Publishing records: each acknowledged by the broker and written once, in transactions or without."""

from collections.abc import Mapping
from typing import Any

import confluent_kafka as ck

from schemas.errors import BrokerUnavailableError
from schemas.wire.connections import LARGEST_MESSAGE_BYTES, connection, translate, translated
from schemas.wire.settings import KafkaEndpoint

_ANY_PARTITION = -1
#: Delivery reports are looked at once per so many records; each look costs as much as a record.
_REPORTS_EVERY = 64
#: The broker is still marking the last transaction when the next one's offsets come, and asks to come
#: again. At the library's own 100 ms that was the whole tail of a commit's time: the 99th percentile
#: of 150 transactions on Apache Kafka fell from 124 to 31 ms.
_RETRY_MS = 5
_LONGEST_RETRY_MS = 500
#: The broker ends a transaction by itself that is open longer: what a worker that never came back
#: left open holds up every reader behind it for so long.
TRANSACTION_TIMEOUT_S = 15.0
#: The library sends offsets to the group's coordinator, and when that broker is lost it looks for the
#: next one only when some other connection opens or closes (librdkafka issue 5511): for ever, perhaps.
#: Idle connections that are closed, and opened again when needed, see to that.
_IDLE_MS = 2000


class Publisher:
    """Publishes records, each acknowledged by the broker and written once.

    Args:
        transaction_timeout_s: For how long a transaction may be open, before the broker ends it.
    """

    def __init__(
        self,
        endpoint: KafkaEndpoint,
        *,
        role: str,
        transactional_id: str | None = None,
        transaction_timeout_s: float = TRANSACTION_TIMEOUT_S,
    ) -> None:
        config = {
            **connection(endpoint, role),
            "enable.idempotence": True,
            "linger.ms": 2,
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

    def connect(self, topic: str, *, timeout_s: float) -> None:
        """Find the broker and a topic's leaders now; by itself that happens at the first record.

        Raises:
            BrokerUnavailableError: If nobody answered in time.
        """
        with translated():
            self._producer.list_topics(topic, timeout_s)

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
        """Make consumed offsets part of the transaction; they say whose they are."""
        offsets = [ck.TopicPartition(t, p, offset, self._owner) for (t, p), offset in positions.items()]
        with translated():
            self._producer.send_offsets_to_transaction(offsets, group_metadata, timeout_s)

    def commit(self, *, timeout_s: float) -> None:
        """Commit the transaction; when this returns, all of it is visible."""
        with translated():
            self._producer.commit_transaction(timeout_s)
        self._check()

    def abort(self, *, timeout_s: float) -> None:
        """Abort the transaction; nothing of it will be visible, and another may begin."""
        with translated():
            self._producer.abort_transaction(timeout_s)
        self._failed = None

"""Puts a market into the log: a part that may be read at once, and a part that waits for a signal.

What waits lies in a transaction that is not committed: it is in the broker, whole, and no
read_committed consumer sees any of it until :meth:`Feed.let_go`, when all of it is there at once.
So no competitor's rate depends on how fast ticks are published, or on its own start.
"""

import time
import uuid
from collections.abc import Iterable

import confluent_kafka as ck

from schemas.topics import MARKET_TICK
from schemas.wire.settings import KafkaEndpoint
from tests.benchmarks.stream.records import Piece

#: The longest that the broker lets a transaction wait.
_PATIENCE_MS = 900_000
_POLL_EVERY = 10_000
_FLUSH_S = 60.0


def plain_producer(endpoint: KafkaEndpoint, **more: object) -> ck.Producer:
    """A producer that takes much at once."""
    return ck.Producer(
        {
            "bootstrap.servers": endpoint.bootstrap_servers,
            "enable.idempotence": True,
            "linger.ms": 20,
            "queue.buffering.max.messages": 500_000,
            "queue.buffering.max.kbytes": 500_000,
            "log_level": 2,
            **more,
        }
    )


class Feed:
    """Records in the log, some of which wait.

    Args:
        ready: What can be read at once.
        held: What waits behind it.
    """

    def __init__(self, endpoint: KafkaEndpoint, *, ready: Iterable[Piece], held: Iterable[Piece]) -> None:
        publish(plain_producer(endpoint), ready)
        self._held = plain_producer(
            endpoint,
            **{"transactional.id": f"bench-{uuid.uuid4()}", "transaction.timeout.ms": _PATIENCE_MS},
        )
        self._held.init_transactions(_FLUSH_S)
        self._held.begin_transaction()
        self.n_waiting = publish(self._held, held)

    def let_go(self) -> float:
        """Commit; return the moment before it, on the clock of :func:`time.monotonic`."""
        moment = time.monotonic()
        self._held.commit_transaction(_FLUSH_S)
        return moment


def publish(producer: ck.Producer, pieces: Iterable[Piece]) -> int:
    """Publish and wait until all of it is acknowledged; return how many records it was."""
    topic = MARKET_TICK.name
    n = 0
    for piece in pieces:
        while True:
            try:
                producer.produce(topic, piece.value, piece.key, piece.partition, headers=piece.headers)
            except BufferError:
                producer.poll(0.1)
            else:
                break
        n += 1
        if n % _POLL_EVERY == 0:
            producer.poll(0)
    if producer.flush(_FLUSH_S):
        raise TimeoutError("the broker did not acknowledge the ticks")
    return n

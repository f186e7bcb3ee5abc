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
from tests.benchmarks.stream.markets import Market
from tests.benchmarks.stream.records import Piece, records

#: The longest that the broker lets a transaction wait.
_PATIENCE_MS = 900_000
_POLL_EVERY = 10_000
_FLUSH_S = 60.0


def _producer(endpoint: KafkaEndpoint, **more: object) -> ck.Producer:
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
    """Ticks of one market in the log.

    Args:
        n_ready: How many ticks can be read at once; those behind them wait.
    """

    def __init__(self, endpoint: KafkaEndpoint, market: Market, *, n_ready: int, n_partitions: int) -> None:
        self.n_waiting = len(market.trades) - n_ready
        at_once = _producer(endpoint)
        _publish(at_once, records(market, 0, n_ready, n_partitions=n_partitions))
        self._held = _producer(
            endpoint,
            **{"transactional.id": f"bench-{uuid.uuid4()}", "transaction.timeout.ms": _PATIENCE_MS},
        )
        self._held.init_transactions(_FLUSH_S)
        self._held.begin_transaction()
        n = _publish(self._held, records(market, n_ready, len(market.trades), n_partitions=n_partitions))
        self.n_watermarks = n - self.n_waiting

    def let_go(self) -> float:
        """Commit; return the moment before it, on the clock of :func:`time.monotonic`."""
        moment = time.monotonic()
        self._held.commit_transaction(_FLUSH_S)
        return moment


def _publish(producer: ck.Producer, pieces: Iterable[Piece]) -> int:
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

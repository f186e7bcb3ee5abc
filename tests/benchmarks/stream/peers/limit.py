"""The limit: confluent-kafka consuming in batches and msgspec decoding, nothing else.

No group, no bars, no output: it says on its standard output when it has decoded the ticks that
were there (``ready``), and the moment at which it has decoded them all.
"""

import os
import sys
import time

import confluent_kafka as ck

from schemas.events import TickObserved
from schemas.topics import MARKET_TICK
from tests.benchmarks.stream.peers.outputs import decode
from tests.benchmarks.stream.telling import tell

_BATCH = 5_000


def main() -> None:
    """Decode until there are as many ticks as asked for."""
    n_ready, n_all = int(sys.argv[1]), int(sys.argv[2])
    consumer = ck.Consumer(
        {
            "bootstrap.servers": os.environ["BENCH_BROKER"],
            "group.id": "bench-limit",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
            "log_level": 2,
        }
    )
    consumer.assign([ck.TopicPartition(MARKET_TICK.name, p, 0) for p in range(MARKET_TICK.n_partitions)])
    n = 0
    is_ready = False
    while n < n_all:
        events = [decode(message.value()) for message in consumer.consume(_BATCH, 0.1)]
        n += sum([type(event) is TickObserved for event in events])
        if n >= n_ready and not is_ready:
            tell("ready")
            is_ready = True
    tell(time.monotonic())
    consumer.close()


if __name__ == "__main__":
    main()

"""``make bench-broker``: what a record costs the embedded broker, which keeps its log in memory.

Trades with their headers are published in batches of several sizes, as they come and as our publisher compresses
them, each into a broker of its own; the growth of its memory is divided by their number.
"""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from deploy.local.servers import binaries
from schemas import codec
from schemas.errors import PlatformError
from schemas.events import TickObserved
from schemas.topics import MARKET_TICK
from schemas.wire.administration import Administration
from schemas.wire.publishing import Publisher
from schemas.wire.settings import KafkaEndpoint
from tests.benchmarks.reporting import Figure, report

BATCHES = (1, 10, 30, 100)
N_BATCHES = 1_500
INSTRUMENT = "BTC-USDT.BINANCE"


@contextmanager
def _broker() -> Iterator[tuple[KafkaEndpoint, psutil.Process]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    url = f"tcp://{address}"
    command = [str(binaries.tansu()), "broker", "--storage-engine", "memory://tansu/"]
    process = subprocess.Popen(
        [*command, "--listener-url", url, "--advertised-listener-url", url],
        env={"RUST_LOG": "error"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield KafkaEndpoint(bootstrap_servers=address, is_embedded=True), psutil.Process(process.pid)
    finally:
        process.kill()
        process.wait()


def _trade(number: int) -> tuple[bytes, codec.Headers]:
    time_ms = 1_733_000_000_000 + number * 8
    value = codec.encode(
        TickObserved(
            event_time_ms=time_ms,
            known_time_ms=time_ms + 120,
            source="binance",
            stream="live",
            instrument=INSTRUMENT,
            trade_id=3_735_693_016 + number,
            price=64_000 + number * 7_919 % 3_001 / 100,
            size=number * 104_729 % 30_011 / 100_000,
            is_buyer_maker=number % 3 == 0,
        )
    )
    return value, codec.headers(TickObserved, codec.trace_id(value))


def cost_bytes(batch: int, *, is_compressed: bool) -> float:
    """Return the bytes of memory that the broker takes for a trade in batches of a size."""
    with _broker() as (endpoint, process):
        _create_topic(endpoint)
        publisher = Publisher(endpoint, role="bench", linger_ms=1_000, is_compressed=is_compressed)
        numbers = iter(range(10**9))

        def publish(n_batches: int) -> None:
            for _ in range(n_batches):
                for number in (next(numbers) for _ in range(batch)):
                    value, headers = _trade(number)
                    publisher.publish(
                        MARKET_TICK.name, value, key=INSTRUMENT.encode(), partition=0, headers=headers
                    )
                publisher.flush()

        publish(N_BATCHES // 5)
        before = process.memory_info().rss
        publish(N_BATCHES)
        return (process.memory_info().rss - before) / (N_BATCHES * batch)


def _create_topic(endpoint: KafkaEndpoint) -> None:
    until_s = time.monotonic() + 60
    while True:
        try:
            Administration(endpoint).create_topics([MARKET_TICK])
        except PlatformError:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.1)
        else:
            return


def main() -> None:
    """Run it."""
    figures = []
    for batch in BATCHES:
        plain, compressed = (cost_bytes(batch, is_compressed=each) for each in (False, True))
        figures.append(
            Figure(
                metric=f"a trade in batches of {batch}",
                value=compressed,
                unit="bytes",
                bar=None,
                holds=None,
                peer="uncompressed",
                ratio=compressed / plain,
            )
        )
    report("broker", figures)


if __name__ == "__main__":
    main()

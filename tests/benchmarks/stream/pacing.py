"""Publishes a market at a speed, as a process of its own: ``python -m tests.benchmarks.stream.pacing``.

The first minutes at once; then it says ``ready``, waits for a line on its standard input, and
publishes the rest when it is due: every five milliseconds what has come due by then. Everything
is encoded beforehand. It writes down when it handed over each record that closes bars: the
watermark on a minute's end, which goes out with the first tick at or behind that end.
"""

import gc
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import confluent_kafka as ck
import msgspec

from schemas.topics import MARKET_TICK
from tests.benchmarks.stream.markets import make_market
from tests.benchmarks.stream.records import Piece, records
from tests.benchmarks.stream.telling import tell

BURST_S = 0.005


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to publish.

    Attributes:
        n_ready_minutes: At once; the rest at ``speed`` times the clock.
        stamps: The file to write.
    """

    broker: str
    n_minutes: int
    n_ready_minutes: int
    speed: float
    n_partitions: int
    stamps: str


class Stamps(msgspec.Struct, frozen=True):
    """When closing records were handed over.

    Attributes:
        closings: Partition, the bars' end, and the moment on :func:`time.monotonic`.
        late_s: How much later than due each burst began.
        took_s: From the first paced record to the last.
        n_ticks: How many were paced, watermarks included.
    """

    closings: list[tuple[int, int, float]]
    late_s: list[float]
    took_s: float
    n_ticks: int


def bursts(pieces: list[Piece], *, speed: float) -> Iterator[tuple[float, list[Piece]]]:
    """The records by when they are due: seconds from the start, and what has come due by then."""
    first_ms = pieces[0].event_ms
    at = 0
    n = 0
    while at < len(pieces):
        n += 1
        due_ms = first_ms + n * BURST_S * 1000 * speed
        begin = at
        while at < len(pieces) and pieces[at].event_ms < due_ms:
            at += 1
        if at > begin:
            yield n * BURST_S, pieces[begin:at]


def _publish(producer: ck.Producer, piece: Piece) -> None:
    producer.produce(MARKET_TICK.name, piece.value, piece.key, piece.partition, headers=piece.headers)


def _pace(producer: ck.Producer, planned: list[tuple[float, list[Piece]]]) -> Stamps:
    closings: list[tuple[int, int, float]] = []
    late_s: list[float] = []
    began = time.monotonic()
    for due_s, burst in planned:
        wait_s = began + due_s - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        late_s.append(time.monotonic() - began - due_s)
        for piece in burst:
            if piece.closes_ms is not None:
                closings.append((piece.partition, piece.closes_ms, time.monotonic()))
            _publish(producer, piece)
        producer.poll(0)
    n_ticks = sum(len(burst) for _, burst in planned)
    return Stamps(closings, late_s, time.monotonic() - began, n_ticks)


def main() -> None:
    """Publish what the plan on the command line says."""
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    market = make_market(plan.n_minutes)
    n_ready = market.n_before(plan.n_ready_minutes)
    producer = ck.Producer(
        {"bootstrap.servers": plan.broker, "enable.idempotence": True, "linger.ms": 0, "log_level": 2}
    )
    for piece in records(market, 0, n_ready, n_partitions=plan.n_partitions):
        _publish(producer, piece)
    producer.flush(30)
    paced = list(records(market, n_ready, len(market.trades), n_partitions=plan.n_partitions))
    planned = list(bursts(paced, speed=plan.speed))
    gc.freeze()
    gc.disable()
    tell("ready")
    sys.stdin.readline()
    stamps = _pace(producer, planned)
    producer.flush(30)
    Path(plan.stamps).write_bytes(msgspec.json.encode(stamps))


if __name__ == "__main__":
    main()

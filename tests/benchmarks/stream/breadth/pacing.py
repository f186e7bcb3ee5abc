"""Publishes ticks by the clock, as a process of its own: ``python -m tests.benchmarks.stream.breadth.pacing``.

It says ``ready``, waits for a line on its standard input, and publishes what has come due every few
milliseconds. Of each record that closes a minute it says the minute's end and the moment, on the
clock of :func:`time.monotonic`, at which it was handed to the client library; it ends with the market
or by a signal.
"""

import gc
import itertools
import signal
import sys
import threading
import time
from collections.abc import Iterable

import confluent_kafka as ck
import msgspec

from schemas.topics import MARKET_TICK
from tests.benchmarks.stream.breadth.markets import paced
from tests.benchmarks.stream.records import Piece, records
from tests.benchmarks.stream.telling import tell

_BURST_S = 0.005


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to publish."""

    broker: str
    n_instruments: int
    n_minutes: int
    start_ms: int
    speed: float


class Closing(msgspec.Struct, frozen=True, array_like=True):
    """What is said of a record that closes a minute.

    Attributes:
        late_s: How much later than due it was handed over.
    """

    end_ms: int
    moment: float
    late_s: float


def main() -> None:
    """Publish what the plan on the command line says."""
    plan = msgspec.json.decode(sys.argv[1], type=Plan)
    market = paced(plan.n_instruments, n_minutes=plan.n_minutes, start_ms=plan.start_ms)
    producer = ck.Producer(
        {"bootstrap.servers": plan.broker, "enable.idempotence": True, "linger.ms": 2, "log_level": 2}
    )
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    gc.freeze()
    tell("ready")
    sys.stdin.readline()
    pieces = records(market, 0, len(market.trades), n_partitions=MARKET_TICK.n_partitions)
    _pace(plan, producer, itertools.takewhile(lambda _: not is_over.is_set(), pieces))
    producer.flush(30)


def _pace(plan: Plan, producer: ck.Producer, pieces: Iterable[Piece]) -> None:
    began = time.monotonic()
    now_s = 0.0
    for piece in pieces:
        due_s = (piece.event_ms - plan.start_ms) / 1000 / plan.speed
        while due_s > now_s:
            producer.poll(0)
            time.sleep(_BURST_S)
            now_s = time.monotonic() - began
        if piece.closes_ms is not None:
            moment = time.monotonic()
            closing = Closing(piece.closes_ms, moment, moment - began - due_s)
            tell(msgspec.json.encode(closing).decode())
        while True:
            try:
                producer.produce(
                    MARKET_TICK.name, piece.value, piece.key, piece.partition, headers=piece.headers
                )
            except BufferError:
                producer.poll(0.05)
            else:
                break


if __name__ == "__main__":
    main()

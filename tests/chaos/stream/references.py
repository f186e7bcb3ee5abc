"""A run in which nothing happens, on servers of its own: what all others are held against."""

import itertools
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from schemas.topics import MARKET_TICK
from schemas.wire.kafka import Publisher
from tests.benchmarks.stream.telling import tell
from tests.chaos.stream.markets import N_INSTRUMENTS, Piece, endless
from tests.chaos.stream.runs import NotRecoveredError
from tests.chaos.stream.servers import running_chaos_servers
from tests.chaos.stream.watching import TOPICS, Seen, Subscriber
from tests.chaos.stream.workers import Fleet

_IDLE_S = 60.0

#: Values by topic and key, in order.
Outputs = dict[tuple[str, bytes], list[bytes]]


def until(seed: int, end_ms: int, n_instruments: int = N_INSTRUMENTS) -> Iterator[Piece]:
    """The market up to the record in every partition that closes the bars of an end."""
    n_left = MARKET_TICK.n_partitions
    for piece in endless(seed, n_instruments):
        yield piece
        n_left -= piece.closes_ms == end_ms
        if not n_left:
            return


def outputs_of(seen: Iterable[Seen], *, end_ms: int) -> Outputs:
    """What a subscriber saw of bars that end by a time."""
    found: Outputs = {}
    for record in seen:
        if record.event_ms <= end_ms:
            found.setdefault((record.topic, record.key), []).append(record.value)
    return found


def uninterrupted(path: Path, *, seed: int, end_ms: int, n_instruments: int) -> list[Seen]:
    """Everything at once into one worker that lives to the end."""
    tell("a run in which nothing happens ...")
    with (
        running_chaos_servers(path, n_nodes=1) as servers,
        Subscriber(servers.kafka) as subscriber,
    ):
        fleet = Fleet(servers.directory)
        try:
            publisher = Publisher(servers.kafka, role="reference")
            for piece in until(seed, end_ms, n_instruments):
                publisher.publish(
                    MARKET_TICK.name,
                    piece.value,
                    key=piece.key,
                    partition=piece.partition,
                    headers=list(piece.headers),
                )
            publisher.flush()
            fleet.add("0")
            _read_to_the_end(subscriber, fleet, end_ms)
        finally:
            fleet.close()
        return subscriber.seen


def _read_to_the_end(subscriber: Subscriber, fleet: Fleet, end_ms: int) -> None:
    deadline = time.monotonic() + _IDLE_S
    n_seen = 0
    while not is_through(subscriber, end_ms):
        if fleet.ends:
            message = f"the worker of the uninterrupted run ended: {fleet.ends}"
            raise NotRecoveredError(message)
        if len(subscriber.seen) > n_seen:
            n_seen, deadline = len(subscriber.seen), time.monotonic() + _IDLE_S
        if time.monotonic() > deadline:
            message = f"the uninterrupted run stands still after {n_seen} records"
            raise NotRecoveredError(message)
        fleet.look()
        time.sleep(0.05)


def is_through(subscriber: Subscriber, end_ms: int) -> bool:
    """Whether the last bars and their features are there in every partition."""
    return all(
        subscriber.newest_ms(topic.name, partition) >= end_ms
        for topic, partition in itertools.product(TOPICS, range(MARKET_TICK.n_partitions))
    )

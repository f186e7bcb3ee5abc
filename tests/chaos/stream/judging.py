"""Holds what a subscriber saw, the input topic and Redis against what they must be."""

import time
from collections import Counter
from itertools import zip_longest
from typing import NamedTuple

import msgspec

from schemas.topics import FEATURES_MARKET, MARKET_BAR, MARKET_TICK
from schemas.wire.kafka import read_runs
from schemas.wire.redis import Views, connect, features_key
from schemas.wire.settings import KafkaEndpoint
from tests.benchmarks.stream.records import STREAM
from tests.chaos.stream.markets import MINUTE_MS
from tests.chaos.stream.references import Outputs, until

_VIEWS_S = 10.0
_TICK = "TickObserved"


class Difference(NamedTuple):
    """Where a topic's values of one key first depart from the uninterrupted run's."""

    topic: str
    key: bytes
    end_ms: int
    expected: bytes | None
    found: bytes | None

    def __str__(self) -> str:
        return f"{self.topic} {self.key.decode()} at {self.end_ms}: {self.found!r} for {self.expected!r}"


class Inputs(NamedTuple):
    """How the input topic departs from what was acknowledged."""

    n_lost: int
    n_doubled: int


class _Said(msgspec.Struct):
    type: str
    event_time_ms: int
    instrument: str = ""
    interval: str = ""
    n_trades: int = 0


_said = msgspec.json.Decoder(_Said)


def differences(found: Outputs, expected: Outputs) -> list[Difference]:
    """The first of every topic and key: keys and values, in order per key."""
    return [
        _difference(*place, expected.get(place, []), found.get(place, []))
        for place in sorted(expected.keys() | found.keys())
        if expected.get(place, []) != found.get(place, [])
    ]


def _difference(topic: str, key: bytes, expected: list[bytes], found: list[bytes]) -> Difference:
    wanted, seen = next((a, b) for a, b in zip_longest(expected, found) if a != b)
    either = wanted if wanted is not None else seen
    assert either is not None
    return Difference(topic, key, _said.decode(either).event_time_ms, wanted, seen)


def inputs(endpoint: KafkaEndpoint, *, seed: int, end_ms: int, n_instruments: int) -> Inputs:
    """Every record was acknowledged, so that the topic must hold each once."""
    places = {(MARKET_TICK.name, number): 0 for number in range(MARKET_TICK.n_partitions)}
    held: Counter[bytes] = Counter()
    for run in read_runs(endpoint, places):
        held.update(value for value in run.values() if value is not None)
    held.subtract(piece.value for piece in until(seed, end_ms, n_instruments))
    return Inputs(-sum(n for n in held.values() if n < 0), sum(n for n in held.values() if n > 0))


def bars_that_miss_trades(found: Outputs, *, seed: int, end_ms: int, n_instruments: int) -> int:
    """One-minute bars whose number of trades is not that of the ticks that were published."""
    ticks: Counter[tuple[str, int]] = Counter()
    for piece in until(seed, end_ms, n_instruments):
        said = _said.decode(piece.value)
        if said.type == _TICK:
            minute_end_ms = piece.event_ms - piece.event_ms % MINUTE_MS + MINUTE_MS
            ticks[said.instrument, minute_end_ms] += 1
    bars: Counter[tuple[str, int]] = Counter()
    for (topic, _), values in found.items():
        for said in map(_said.decode, values if topic == MARKET_BAR.name else ()):
            if said.interval == "1m":
                bars[said.instrument, said.event_time_ms] += said.n_trades
    return sum(ticks[place] != bars[place] for place in ticks.keys() | bars.keys() if place[1] <= end_ms)


def views_that_are_not_newest(redis_url: str, found: Outputs) -> list[str]:
    """The views that do not come to equal the newest features of their instrument and interval."""
    newest: dict[str, bytes] = {}
    for (topic, _), values in found.items():
        for value in values if topic == FEATURES_MARKET.name else ():
            said = _said.decode(value)
            newest[features_key(STREAM, said.instrument, said.interval)] = value
    deadline = time.monotonic() + _VIEWS_S
    with connect(redis_url) as client:
        views = Views(client, job="chaos")
        while stale := [key for key, value in newest.items() if views.read(key) != value]:
            if time.monotonic() > deadline:
                return stale
            time.sleep(0.05)
    return []

"""From the tick that closes a bar to its features: as a committed record, and in Redis.

At 5,000 ticks/s with event time at 60 times the clock, so that eight bars close each second. The
moment of publication is that of the record that closes the bar: the watermark on its end, which
is handed to the client library just before the first tick behind it. The features are taken as
seen when a read_committed subscriber has them, and when Redis gives them out.
"""

import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np

from schemas.topics import MARKET_TICK
from tests.benchmarks.reporting import Figure
from tests.benchmarks.stream.competitors import LOGS, running_worker
from tests.benchmarks.stream.expectations import Key, expected_features
from tests.benchmarks.stream.markets import INSTRUMENTS, MINUTE_MS, ORIGIN_MS, make_market, partitions
from tests.benchmarks.stream.options import Options
from tests.benchmarks.stream.pacing import Plan, Stamps
from tests.benchmarks.stream.rates import READY_MINUTES
from tests.benchmarks.stream.servers import Servers
from tests.benchmarks.stream.telling import tell
from tests.benchmarks.stream.view_watching import ViewsWatch
from tests.benchmarks.stream.watching import FeaturesWatch, check_output

SPEED = 60.0
COMMITTED_BAR_MS, REDIS_BAR_MS = 100.0, 120.0
#: Seconds at the beginning that are not counted.
_SETTLE_MINUTES = 10
_READY_S, _LAST_S = 120.0, 30.0


def latency(servers: Servers, options: Options, directory: Path) -> list[Figure]:
    """Measure as many closings as asked for."""
    n_minutes = READY_MINUTES + _SETTLE_MINUTES + -(-options.n_samples // len(INSTRUMENTS))
    tell(f"latency: {n_minutes * MINUTE_MS / SPEED / 1000:.0f} s at {SPEED:g} times the clock")
    servers.empty()
    watch = FeaturesWatch(servers.kafka, n_partitions=MARKET_TICK.n_partitions)
    try:
        with ViewsWatch(servers.redis_url) as views:
            stamps = _run(servers, watch, n_minutes=n_minutes, stamps=directory / "stamps.json")
        committed, in_redis = _samples(stamps, watch, views)
    finally:
        watch.close()
    return _figures(stamps, committed, in_redis)


def _run(servers: Servers, watch: FeaturesWatch, *, n_minutes: int, stamps: Path) -> Stamps:
    plan = Plan(
        broker=servers.kafka.bootstrap_servers,
        n_minutes=n_minutes,
        n_ready_minutes=READY_MINUTES,
        speed=SPEED,
        n_partitions=MARKET_TICK.n_partitions,
        stamps=str(stamps),
    )
    expected = expected_features(make_market(n_minutes))
    ready_ms = ORIGIN_MS + (READY_MINUTES - 1) * MINUTE_MS
    with running_worker(servers) as is_alive, _pacing(plan) as pacing:
        assert pacing.stdin is not None
        watch.wait_for([key for key in expected if key[1] <= ready_ms], timeout_s=_READY_S, is_alive=is_alive)
        pacing.stdin.write("go\n")
        pacing.stdin.flush()
        while pacing.poll() is None:
            watch.look()
        watch.wait_for(expected, timeout_s=_LAST_S, is_alive=is_alive)
        check_output(watch, expected, redis_url=servers.redis_url)
    return msgspec.json.decode(stamps.read_bytes(), type=Stamps)


def _pacing(plan: Plan) -> "subprocess.Popen[str]":
    LOGS.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.benchmarks.stream.pacing", msgspec.json.encode(plan).decode()]
    with (LOGS / "pacing.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _samples(stamps: Stamps, watch: FeaturesWatch, views: ViewsWatch) -> tuple[list[float], list[float]]:
    """Milliseconds to the record and to the view, by bar."""
    from_ms = ORIGIN_MS + (READY_MINUTES + _SETTLE_MINUTES) * MINUTE_MS
    of_partition = partitions(MARKET_TICK.n_partitions)
    committed, in_redis = [], []
    for partition, end_ms, handed_over in stamps.closings:
        if end_ms <= from_ms:
            continue
        for listing, instrument in enumerate(INSTRUMENTS):
            if of_partition[listing] == partition:
                key: Key = (instrument, end_ms)
                committed.append(1000 * (watch.moments[key] - handed_over))
                in_redis.append(1000 * (views.moment_of(key) - handed_over))
    return committed, in_redis


def _figures(stamps: Stamps, committed: list[float], in_redis: list[float]) -> list[Figure]:
    late_ms = 1000 * float(np.percentile(stamps.late_s, 99))
    return [
        *_percentiles("closing tick to committed feature", committed, COMMITTED_BAR_MS),
        *_percentiles("closing tick to Redis", in_redis, REDIS_BAR_MS),
        Figure(metric="closings measured", value=len(committed), unit="bars", bar=None, holds=None),
        Figure(
            metric="records published, watermarks included",
            value=stamps.n_ticks / stamps.took_s,
            unit="records/s",
            bar=None,
            holds=None,
        ),
        Figure(metric="the publisher behind its time, p99", value=late_ms, unit="ms", bar=None, holds=None),
    ]


def _percentiles(metric: str, samples: list[float], bar: float) -> list[Figure]:
    found = dict(zip(("p50", "p99", "p99.9"), np.percentile(samples, [50, 99, 99.9]).tolist(), strict=True))
    return [
        Figure(
            metric=f"{metric}, {name}",
            value=value,
            unit="ms",
            bar=bar if name == "p99" else None,
            holds=value <= bar if name == "p99" else None,
        )
        for name, value in found.items()
    ]

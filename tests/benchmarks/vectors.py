"""``make bench-vectors``: the second-stage join in batch, by its operator alone, and through the embedded broker.

The job runs as it does in production, a process of its own. First it is given a backlog of minutes of an
instrument and two companions; then a minute at a time, and what is timed is how long after the last of
the three watermarks the vector's record lies on its topic, by the records' own times.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from deploy.local.memory import footprint
from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from schemas import codec
from schemas.codec import null_from_nan
from schemas.companions import Companions, text_of
from schemas.events import Event, FeaturesComputed, VectorComputed, WatermarkAdvanced
from schemas.features import FeatureTable
from schemas.time import Interval
from schemas.topics import FEATURES_MARKET, FEATURES_VECTOR
from schemas.wire.kafka import Publisher, Reader
from schemas.wire.settings import KafkaEndpoint
from stream_processors.features.batch import compute_table
from stream_processors.features.vectors import warm_up_vectors, with_companions
from stream_processors.operators.join_targets import features_partition
from stream_processors.operators.vectors import VectorOperator
from tests.benchmarks.reporting import Figure, report
from tests.fixtures.bar_tables import random_walk

TARGET, COIN, PERPETUAL = "BTC-USDT.BINANCE", "ETH-USDT.BINANCE", "BTC-USDT-PERP.BINANCE"
NAMES = (TARGET, COIN, PERPETUAL)
COMPANIONS = Companions(coin=COIN, perpetual=PERPETUAL)
STREAM = "replay-bench-vectors"
N_YEAR, N_BACKLOG, N_PACED = 525_600, 5_000, 300
_EVERY_S = 0.05
Spoken = tuple[int, Event]


def _tables(n: int) -> dict[str, FeatureTable]:
    return {name: compute_table(random_walk(n, seed=number)) for number, name in enumerate(NAMES)}


def batch() -> Figure:
    """A year of minutes, both companions."""
    tables = _tables(N_YEAR)
    warm_up_vectors()
    began_s = time.process_time()
    with_companions(tables[TARGET], tables, COMPANIONS, interval=Interval.ONE_MINUTE)
    return _figure("a year of minutes in batch, processor time", time.process_time() - began_s, "s")


def spoken(tables: dict[str, FeatureTable], first: int, until: int) -> Iterator[Spoken]:
    """Rows and watermarks of all three, minute by minute, with their partitions."""
    for i in range(first, until):
        for name, table in tables.items():
            times = {"source": "binance", "stream": STREAM, "known_time_ms": int(table.known_ms[i])}
            at_ms = int(table.as_of_ms[i])
            yield (
                features_partition(name),
                FeaturesComputed(
                    event_time_ms=at_ms,
                    instrument=name,
                    interval=Interval.ONE_MINUTE,
                    close=float(table.close[i]),
                    feature_spec_hash=table.feature_spec_hash,
                    is_warm=bool(table.is_warm[i]),
                    values=dict(zip(table.names, null_from_nan(table.values[i].tolist()), strict=True)),
                    **times,  # type: ignore[arg-type]
                ),
            )
        for number in {features_partition(name) for name in tables}:
            yield number, WatermarkAdvanced(event_time_ms=at_ms, **times)  # type: ignore[arg-type]


def operator_alone(tables: dict[str, FeatureTable]) -> Figure:
    """What a vector costs without decoding, encoding and broker."""
    events = list(spoken(tables, 0, 3_000))
    machine = VectorOperator(partition=features_partition(TARGET), companions={TARGET: COMPANIONS})
    began_s = time.process_time()
    for number, event in events:
        is_own = number == machine.partition
        outputs = (
            machine.step(FEATURES_MARKET, event)
            if is_own
            else machine.step_beside((FEATURES_MARKET.name, number), event)
        )
        for _ in outputs:
            pass
    return _figure("operator alone, per vector", (time.process_time() - began_s) / 3_000 * 1e6, "us")


class Through:
    """The job's process on a broker, and what comes out of it."""

    def __init__(self, kafka: KafkaEndpoint, tables: dict[str, FeatureTable]) -> None:
        self._tables = tables
        self._publisher = Publisher(kafka, role="bench")
        self._vectors = Reader(kafka, group="bench-vectors", topics=(FEATURES_VECTOR,), is_fixed=True)
        self._vectors.open()

    def say(self, first: int, until: int) -> int:
        """Publish minutes; when, in milliseconds, the last was acknowledged."""
        for number, event in spoken(self._tables, first, until):
            headers = codec.headers(type(event))
            self._publisher.publish(
                FEATURES_MARKET.name, codec.encode(event), key=b"bench", partition=number, headers=headers
            )
        self._publisher.flush()
        return time.time_ns() // 1_000_000

    def await_vectors(self, n: int) -> list[int]:
        """When each of the next n vectors was published, in milliseconds."""
        found: list[int] = []
        while len(found) < n:
            for record in self._vectors.poll(max_records=1_000, timeout_s=1.0):
                event = codec.decode(FEATURES_VECTOR, record.value, record.headers)
                if isinstance(event, VectorComputed):
                    found.append(record.timestamp_ms or 0)
        return found


def through_the_broker(tables: dict[str, FeatureTable]) -> list[Figure]:
    """Rate over a backlog, latency by the minute, memory."""
    with tempfile.TemporaryDirectory() as folder:
        settings = LauncherSettings(data_dir=Path(folder) / "data")
        with running_servers(settings, {"PATH": os.environ.get("PATH", "")}) as endpoints:
            through = Through(endpoints.kafka, tables)
            through.say(0, N_BACKLOG)
            environment = os.environ | {
                "DRIFTLINE_DATA_DIR": str(settings.data_dir),
                "DRIFTLINE_COMPANIONS": text_of({TARGET: COMPANIONS}),
            }
            command = [sys.executable, "-m", "stream_processors", "vectors"]
            with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
                times_ms = through.await_vectors(N_BACKLOG)
                late_ms = list(_paced(through))
                memory = footprint({"vectors": process.pid})
                process.terminate()
    seconds = max(1, times_ms[-1] - times_ms[0]) / 1000
    return [
        _figure("backlog through the embedded broker", N_BACKLOG / seconds, "vectors/s"),
        _figure("from the last watermark to the vector, p50", float(np.percentile(late_ms, 50)), "ms"),
        _figure("from the last watermark to the vector, p99", float(np.percentile(late_ms, 99)), "ms"),
        _figure(f"memory of the process ({memory.kind})", memory.total_bytes / 1e6, "MB"),
    ]


def _paced(through: Through) -> Iterator[float]:
    for i in range(N_BACKLOG, N_BACKLOG + N_PACED):
        said_ms = through.say(i, i + 1)
        (made_ms,) = through.await_vectors(1)
        yield float(made_ms - said_ms)
        time.sleep(_EVERY_S)


def _figure(metric: str, value: float, unit: str) -> Figure:
    return Figure(metric=metric, value=value, unit=unit, bar=None, holds=None)


def main() -> Sequence[Figure]:
    """Measure and report."""
    tables = _tables(N_BACKLOG + N_PACED)
    figures = [batch(), operator_alone(tables), *through_the_broker(tables)]
    report("vectors", figures)
    return figures


if __name__ == "__main__":
    main()

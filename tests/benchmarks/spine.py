"""``make bench-spine``: ticks/s through the whole spine, and the latency of a prediction.

On the embedded servers, with the market and the scoring job as processes of their own:

- *Rate*: from the first tick published until the predictions of the last bars can be read, beside
  the limit of the same run: the client library consuming ticks and msgspec decoding them, nothing else.
- *Latency*: from publishing the tick that closes a bar until its prediction can be read by a
  read_committed subscriber, with event time at 60 times the clock.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import confluent_kafka
import msgspec
import numpy as np

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from schemas import codec
from schemas.arms import CHAMPION
from schemas.events import ModelPromoted, PredictionMade, TickObserved
from schemas.time import Interval
from schemas.topics import MARKET_TICK, MODELS_EVENT, PREDICTIONS
from schemas.wire.kafka import Publisher, Reader
from schemas.wire.settings import Endpoints, KafkaEndpoint
from stream_processors.features.declarations import SPEC
from tests.benchmarks.reporting import Figure, report
from tests.benchmarks.small_models import publish_small_model
from trainers.registry.folders import FolderRegistry

N_INSTRUMENTS = 8
N_TICKS = 400_000
TICKS_PER_MINUTE = 200
N_CLOSINGS = 60
STREAM = "simulation-benchmark"
_ORIGIN_MS = 1_750_000_020_000 - 1_750_000_020_000 % 60_000


def _instruments(prefix: str) -> list[str]:
    return [f"{prefix}{i}-USDT.SIMULATED" for i in range(N_INSTRUMENTS)]


def _ticks(instruments: Sequence[str], n: int, *, per_minute: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of ticks in turn, every instrument on the same random walk."""
    rng = np.random.default_rng(7)
    n_each = n // len(instruments)
    prices = 60_000.0 * np.exp(np.cumsum(rng.normal(0, 1e-5, n_each)))
    sizes = rng.exponential(0.05, n_each)
    step_ms = 60_000 // per_minute
    for i in range(n_each):
        at_ms = _ORIGIN_MS + i * step_ms
        for instrument in instruments:
            tick = TickObserved(
                event_time_ms=at_ms,
                known_time_ms=at_ms,
                source="simulated",
                stream=STREAM,
                instrument=instrument,
                trade_id=i + 1,
                price=round(float(prices[i]), 2),
                size=float(sizes[i]),
                is_buyer_maker=i % 3 == 0,
            )
            yield instrument.encode(), codec.encode(tick)


@contextmanager
def _jobs(data_dir: Path) -> Iterator[None]:
    environment = os.environ | {"DRIFTLINE_DATA_DIR": str(data_dir), "DRIFTLINE_STREAM": STREAM}
    commands = (["stream_processors", "market"], ["api", "scoring"])
    processes = [subprocess.Popen([sys.executable, "-m", *command], env=environment) for command in commands]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=20)


def _promote(data_dir: Path, publisher: Publisher, instruments: Sequence[str]) -> None:
    registry = FolderRegistry(data_dir / "registry")
    for instrument in instruments:
        manifest = publish_small_model(registry, instrument=instrument, stream=STREAM)
        promoted = ModelPromoted(
            event_time_ms=_ORIGIN_MS,
            known_time_ms=_ORIGIN_MS,
            source="simulated",
            stream=STREAM,
            instrument=instrument,
            interval=Interval.ONE_MINUTE,
            horizon=Interval.ONE_MINUTE,
            alias=CHAMPION,
            model_version=manifest.version,
            model_hash=manifest.model_hash,
            feature_spec_hash=SPEC.hash,
            effective_from_ms=_ORIGIN_MS,
        )
        publisher.publish(MODELS_EVENT.name, codec.encode(promoted), key=instrument.encode())
    publisher.flush()


def _wait_for_predictions(reader: Reader, instruments: Sequence[str], as_of_ms: int) -> None:
    waiting = set(instruments)
    deadline = time.monotonic() + 300
    while waiting and time.monotonic() < deadline:
        for record in reader.poll(max_records=10_000, timeout_s=0.05):
            made: PredictionMade = codec.decode(PREDICTIONS, record.value)
            if made.event_time_ms >= as_of_ms:
                waiting.discard(made.instrument)
    if waiting:
        sys.exit(f"no prediction of {sorted(waiting)} came within 300 s")


def _measure_rate(
    endpoint: KafkaEndpoint, publisher: Publisher, instruments: Sequence[str]
) -> tuple[float, float]:
    """Ticks/s through the spine, and ticks/s of consuming and decoding alone."""
    messages = list(_ticks(instruments, N_TICKS, per_minute=TICKS_PER_MINUTE))
    n_minutes = (N_TICKS // len(instruments)) // TICKS_PER_MINUTE
    reader = Reader(endpoint, group="bench-rate", topics=(PREDICTIONS,), is_fixed=True)
    reader.open()
    headers = codec.headers(TickObserved)
    began = time.perf_counter()
    for key, value in messages:
        publisher.publish(MARKET_TICK.name, value, key=key, headers=headers)
    publisher.flush(timeout_s=60)
    _wait_for_predictions(reader, instruments, _ORIGIN_MS + (n_minutes - 1) * 60_000)
    rate = len(messages) / (time.perf_counter() - began)
    reader.close()
    return rate, _limit(endpoint, len(messages))


def _limit(endpoint: KafkaEndpoint, n_wanted: int) -> float:
    """Ticks/s of the client library and the decoder alone, in batches, nothing kept."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": endpoint.bootstrap_servers,
            "group.id": "bench-limit",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 5,
        }
    )
    partitions = range(MARKET_TICK.n_partitions)
    consumer.assign([confluent_kafka.TopicPartition(MARKET_TICK.name, p, 0) for p in partitions])
    decode = msgspec.json.Decoder(MARKET_TICK.event_type).decode
    n = 0
    began = time.perf_counter()
    while n < n_wanted:
        for message in consumer.consume(5_000, 0.2):
            decode(message.value())
            n += 1
    took_s = time.perf_counter() - began
    consumer.close()
    return n / took_s


def _measure_latency(
    endpoint: KafkaEndpoint, publisher: Publisher, instruments: Sequence[str]
) -> list[float]:
    """Milliseconds from the closing tick's publication to the readable prediction."""
    reader = Reader(endpoint, group="bench-latency", topics=(PREDICTIONS,), is_fixed=True)
    reader.open()
    warm_minutes = SPEC.warm_up_bars + 5
    messages = list(_ticks(instruments, (warm_minutes + N_CLOSINGS) * N_INSTRUMENTS, per_minute=1))
    n_warm = warm_minutes * N_INSTRUMENTS
    for key, value in messages[:n_warm]:
        publisher.publish(MARKET_TICK.name, value, key=key)
    publisher.flush()
    _wait_for_predictions(reader, instruments, _ORIGIN_MS + (warm_minutes - 1) * 60_000)
    samples: list[float] = []
    next_s = time.monotonic()
    for key, value in messages[n_warm:]:
        next_s += 1.0 / N_INSTRUMENTS
        time.sleep(max(0.0, next_s - time.monotonic()))
        sent = time.perf_counter()
        publisher.publish(MARKET_TICK.name, value, key=key)
        publisher.flush()
        records = reader.poll(max_records=100, timeout_s=5.0)
        if records:
            samples.append((time.perf_counter() - sent) * 1000)
    reader.close()
    return samples


def _figures(rate: float, limit: float, latencies: Sequence[float]) -> list[Figure]:
    p50, p99 = np.percentile(latencies, [50, 99])
    return [
        Figure(
            metric="ticks through the spine to predictions",
            value=rate,
            unit="ticks/s",
            bar=None,
            holds=None,
            peer="consume and decode only",
            ratio=rate / limit,
        ),
        Figure(metric="consume and decode only", value=limit, unit="ticks/s", bar=None, holds=None),
        Figure(metric="closing tick to prediction, p50", value=float(p50), unit="ms", bar=None, holds=None),
        Figure(metric="closing tick to prediction, p99", value=float(p99), unit="ms", bar=None, holds=None),
        Figure(metric="closings measured", value=len(latencies), unit="bars", bar=None, holds=None),
    ]


def _run(data_dir: Path, endpoints: Endpoints) -> list[Figure]:
    publisher = Publisher(endpoints.kafka, role="bench")
    fast, paced = _instruments("RATE"), _instruments("PACED")
    _promote(data_dir, publisher, [*fast, *paced])
    with _jobs(data_dir):
        latencies = _measure_latency(endpoints.kafka, publisher, paced)
        rate, limit = _measure_rate(endpoints.kafka, publisher, fast)
    return _figures(rate, limit, latencies)


def main() -> None:
    """Run it."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        with running_servers(LauncherSettings(data_dir=data_dir), dict(os.environ)) as endpoints:
            figures = _run(data_dir, endpoints)
    report("spine", figures)


if __name__ == "__main__":
    main()

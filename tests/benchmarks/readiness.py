"""``make bench-ready``: how long ``/readyz`` takes where a run has thousands of instruments.

On the embedded servers, with the API as a process of its own. A run of 10,000 instruments (``INSTRUMENTS=``) is
registered with one target for each. First all targets have a prediction in Redis, then one in a hundred has none in
Redis, and none in Postgres either. Every request reads the stores anew. The processor time of the API for a request is
shown too, because it does not depend on what else the machine does.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from schemas.streams import StreamDescription, StreamKind
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.redis import Views, connect, prediction_key
from schemas.wire.settings import Endpoints
from tests.benchmarks.reporting import Figure, report
from tests.fixtures.market_events import T0

WHOLE, PARTIAL = "replay-00000000whole", "replay-000000partial"
N_REQUESTS = 100
BAR_MS = 50.0
_ONE_IN = 100
_WAIT_S = 120.0


def _instruments(n: int) -> tuple[str, ...]:
    return tuple(f"C{number}-USDT.BINANCE" for number in range(n))


def _prepare(endpoints: Endpoints, *, n_instruments: int) -> None:
    names = _instruments(n_instruments)
    with PostgresPool(endpoints.database_url) as pool, connect(endpoints.redis_url) as client:
        for stream, missing in ((WHOLE, ()), (PARTIAL, names[::_ONE_IN])):
            StoredStreams(pool).register_stream(
                StreamDescription(
                    stream=stream, kind=StreamKind.REPLAY, title="a benchmark", source="binance", instruments=names,
                    origin_ms=T0, warm_up_until_ms=T0, end_ms=None, speed=0.0, parameters={}, created_ms=0,
                )
            )  # fmt: skip
            served = [name for name in names if name not in set(missing)]
            # Only the orders of the views are read; bodies are as long as those of predictions.
            Views(client, job="bench").write(
                {prediction_key(stream, name, "1m", "1m"): (T0, bytes(1_000)) for name in served}
            )


@contextmanager
def _api(data_dir: Path, stream: str) -> Iterator[tuple[httpx.Client, psutil.Process]]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    environment = os.environ | {
        "DRIFTLINE_DATA_DIR": str(data_dir),
        "DRIFTLINE_STREAM": stream,
        "DRIFTLINE_PORT": str(port),
        "DRIFTLINE_DEFAULT_TARGET": "1m:1m",
        "DRIFTLINE_TARGETS": "1m:1m",
    }
    process = subprocess.Popen([sys.executable, "-m", "api", "serve"], env=environment)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            ends_s = time.monotonic() + _WAIT_S
            while not _is_alive(client):
                if time.monotonic() > ends_s:
                    sys.exit(f"the API did not answer within {_WAIT_S:g} s")
                time.sleep(0.05)
            yield client, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _is_alive(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


def _figures(data_dir: Path, stream: str, what: str, *, n_instruments: int) -> list[Figure]:
    with _api(data_dir, stream) as (client, process):
        first_ms, answer = _request_ms(client, "/readyz")
        began_s = _processor_s(process)
        samples = [_request_ms(client, "/readyz")[0] for _ in range(N_REQUESTS)]
        processor_ms = (_processor_s(process) - began_s) / N_REQUESTS * 1000
        idle = [_request_ms(client, "/healthz")[0] for _ in range(N_REQUESTS)]
        if len(answer.json()["targets"]) != n_instruments or not answer.json()["is_ready"]:
            sys.exit(f"/readyz must list {n_instruments} targets and be ready, was {answer.text[:500]}")
    median = float(np.median(samples))
    return [
        Figure(
            metric=f"readiness of {n_instruments:,} targets, {what}, median",
            value=median,
            unit="ms",
            bar=BAR_MS,
            holds=median <= BAR_MS,
            peer=f"/healthz, median {np.median(idle):.1f} ms",
        ),
        _plain("the same, the quickest tenth", float(np.percentile(samples, 10))),
        _plain("the same, the first request", first_ms),
        _plain("the same, processor time of the API", processor_ms),
    ]


def _request_ms(client: httpx.Client, path: str) -> tuple[float, httpx.Response]:
    began_s = time.perf_counter()
    answer = client.get(path)
    return (time.perf_counter() - began_s) * 1000, answer


def _processor_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _plain(metric: str, value: float) -> Figure:
    return Figure(metric=metric, value=value, unit="ms", bar=None, holds=None)


def main() -> None:
    """Run it."""
    n_instruments = int(os.environ.get("INSTRUMENTS") or 10_000)
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        with running_servers(LauncherSettings(data_dir=data_dir), dict(os.environ)) as endpoints:
            _prepare(endpoints, n_instruments=n_instruments)
            figures = [
                *_figures(data_dir, WHOLE, "all served", n_instruments=n_instruments),
                *_figures(data_dir, PARTIAL, "one in a hundred not", n_instruments=n_instruments),
            ]
    report("ready", figures)


if __name__ == "__main__":
    main()

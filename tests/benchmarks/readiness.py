"""``make bench-ready``: how long ``/readyz`` takes where a run has thousands of instruments.

On the embedded servers, with the API as a process of its own. A run of 10,000 instruments (``INSTRUMENTS=``) is
registered with one target for each. First all targets have a prediction in Redis, then one in a hundred has none in
Redis, and none in Postgres either. Every request reads the stores anew. The processor time of the API for a request is
shown too, because it does not depend on what else the machine does.
"""

import os
import sys
import tempfile
from pathlib import Path

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
from tests.benchmarks.serving import request_ms, running_api
from tests.fixtures.market_events import T0

WHOLE, PARTIAL = "replay-00000000whole", "replay-000000partial"
N_REQUESTS = 100
BAR_MS = 50.0
_ONE_IN = 100


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


def _figures(data_dir: Path, stream: str, what: str, *, n_instruments: int) -> list[Figure]:
    with running_api(data_dir, stream, DRIFTLINE_TARGETS="1m:1m") as (client, process):
        first_ms, answer = request_ms(client, "/readyz")
        began_s = _processor_s(process)
        samples = [request_ms(client, "/readyz")[0] for _ in range(N_REQUESTS)]
        processor_ms = (_processor_s(process) - began_s) / N_REQUESTS * 1000
        idle = [request_ms(client, "/healthz")[0] for _ in range(N_REQUESTS)]
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

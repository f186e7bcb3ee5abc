"""``make bench-store``: what readers wait for with a large store, and how fast the sinks write.

On the embedded servers. A million predictions with their outcomes, and ten million rows of 99 features
(``PREDICTIONS=``, ``FEATURES=``), are made inside Postgres, which never analyses them: a freshly loaded store
is where plans go wrong. Then, through the API as a process of its own:

- the newest prediction, from Redis and from Postgres alone; readiness;
- the first page of the history, and a page from its middle; the whole history of ten days of minutes, written
  by the sink's own writes and read at once.

The sinks' rates are those of decoding and writing batches of 10,000 rows, a row per instrument: all that the
history sink does but reading the log. Views are 10,000 in one write.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import psycopg

from deploy.local.servers.fleets import running_servers
from deploy.local.settings import LauncherSettings
from schemas import codec
from schemas.arms import CHAMPION
from schemas.events import Event, FeaturesComputed, OutcomeResolved, PredictionMade
from schemas.streams import StreamDescription, StreamKind
from schemas.time import Interval
from schemas.topics import (
    FEATURES_MARKET,
    MARKET_BAR,
    MARKET_TICK,
    OUTCOMES,
    PREDICTIONS,
    Topic,
)
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.writing import EventWriter
from schemas.wire.redis import Views, connect, features_key, prediction_key
from schemas.wire.settings import Endpoints
from stream_processors.jobs.history import writer
from stream_processors.runtime.sinks import MAX_BATCH, ReceivedEvent
from tests.benchmarks.reporting import Figure, report
from tests.benchmarks.serving import request_ms, running_api
from tests.contract.schemas.samples import SAMPLES
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0, bar, tick

MILLION, TEN_DAYS = "replay-000000million", "replay-0000000ten0days"
N_REQUESTS = 200
N_DAYS_PREDICTIONS = 4_321
N_FEATURES = 99
N_BATCHES = 3
BAR_MS = 50.0
TABLES = ("predictions", "outcomes", "features", "prediction_records", "unresolved_predictions")


_PREDICTIONS = """
INSERT INTO predictions (stream, instrument, interval, horizon, event_time_ms, probability_up, direction,
    reference_price, model_version, model_hash, feature_spec_hash, known_time_ms, source, is_pick)
SELECT %(stream)s, %(instrument)s, '1m', '1m', %(begin)s + i * 60000, 0.5, 'up', 100.0,
    'xgboost-btc-usdt.binance-1m-1m-9f2c4e1b', repeat('ab', 32), repeat('cd', 32), %(begin)s + i * 60000,
    'binance', i %% 10 = 0
FROM generate_series(1::bigint, %(n)s) i
"""
_OUTCOMES = """
INSERT INTO outcomes SELECT stream, instrument, interval, horizon, event_time_ms, probability_up, direction,
    reference_price, 101.0, 'up', event_time_ms %% 180000 = 0, model_version, model_hash, event_time_ms + 60000,
    event_time_ms + 60000, source
FROM predictions WHERE stream = %(stream)s AND event_time_ms < %(begin)s + %(n)s::bigint * 60000
"""
_FEATURES = """
INSERT INTO features SELECT %(stream)s, %(instrument)s, '1m', %(begin)s + i * 60000, repeat('cd', 32), 100.0, true,
    row_of_values, %(begin)s + i * 60000, 'binance'
FROM generate_series(1::bigint, %(n)s) i,
    (SELECT array_agg(random()) AS row_of_values FROM generate_series(1, %(width)s)) AS made
"""


def _load(endpoints: Endpoints, *, n_predictions: int, n_features: int) -> list[Figure]:
    """Fill the store, which is told never to analyse what it holds."""
    n_instruments = 20
    began = time.perf_counter()
    with psycopg.connect(endpoints.database_url, autocommit=True) as connection:
        for table in TABLES:
            connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
        named = {"stream": MILLION, "instrument": INSTRUMENT, "begin": T0, "n": n_predictions}
        connection.execute(_PREDICTIONS, named)
        connection.execute(_OUTCOMES, named)
        predictions_s = time.perf_counter() - began
        connection.execute(
            "INSERT INTO feature_specs SELECT repeat('cd', 32), array_agg('feature_' || i) FROM generate_series(1, %s) i",
            (N_FEATURES,),
        )
        for number in range(n_instruments):
            instrument = INSTRUMENT if number == 0 else f"C{number}-USDT.BINANCE"
            own = {"instrument": instrument, "n": n_features // n_instruments, "width": N_FEATURES}
            connection.execute(_FEATURES, named | own)
    return [
        _plain("predictions stored, with outcomes", n_predictions, "rows"),
        _plain("rows of features stored", n_features, "rows"),
        _plain("loading predictions and outcomes, counts kept", predictions_s, "s"),
    ]


def _register(pool: PostgresPool) -> None:
    for stream in (MILLION, TEN_DAYS):
        StoredStreams(pool).register_stream(
            StreamDescription(
                stream=stream, kind=StreamKind.REPLAY, title="a benchmark", source="binance", instruments=(INSTRUMENT,),
                origin_ms=T0, warm_up_until_ms=T0, end_ms=None, speed=0.0, parameters={}, created_ms=0,
            )
        )  # fmt: skip


def _p99(client: httpx.Client, path: str, metric: str) -> Figure:
    """The first requests included: a store that was just loaded is asked for the first time.

    Beside each stands an answer that reads nothing, in the same seconds: so much of it is the machine's.
    """
    samples, idle = [], []
    for _ in range(N_REQUESTS):
        idle.append(request_ms(client, "/healthz")[0])
        samples.append(request_ms(client, path)[0])
    value, beside = (float(np.percentile(times, 99)) for times in (samples, idle))
    return Figure(
        metric=f"{metric}, p99",
        value=value,
        unit="ms",
        bar=BAR_MS,
        holds=value <= BAR_MS,
        peer=f"/healthz, p99 {beside:.1f} ms",
        ratio=value / beside,
    )


def _million(data_dir: Path, endpoints: Endpoints, *, n_predictions: int) -> list[Figure]:
    middle_ms = T0 + n_predictions // 2 * MINUTE
    with running_api(data_dir, MILLION) as (client, _):
        figures = [
            _p99(client, "/v1/predictions/BTC/history", "history, first page"),
            _p99(client, "/v1/predictions/BTC/history?limit=500", "history, first page of 500"),
            _p99(
                client, f"/v1/predictions/BTC/history?before={middle_ms}", "history, a page from its middle"
            ),
            _p99(client, "/v1/predictions/BTC", "newest prediction, Redis empty"),
            _p99(client, "/readyz", "readiness"),
            _p99(client, "/v1/features/BTC", "newest features, Redis empty"),
        ]
        newest = _sample(PredictionMade, stream=MILLION, event_time_ms=T0 + (n_predictions + 1) * MINUTE)
        Views(connect(endpoints.redis_url), job="bench").write(
            {prediction_key(MILLION, INSTRUMENT, "1m", "1m"): (newest.event_time_ms, codec.encode(newest))}
        )
        figures.append(_p99(client, "/v1/predictions/BTC", "newest prediction"))
        record = client.get("/v1/predictions/BTC/history").json()["record"]
    if record["n_predictions"] != n_predictions:
        sys.exit(f"the record must count {n_predictions} predictions, was {record}")
    return figures


def _ten_days(data_dir: Path, pool: PostgresPool) -> list[Figure]:
    """Write what a replay of ten days leaves, and read all of its history at once."""
    made = [
        _sample(PredictionMade, stream=TEN_DAYS, event_time_ms=T0 + i * MINUTE)
        for i in range(N_DAYS_PREDICTIONS)
    ]
    outcomes = [
        _sample(OutcomeResolved, stream=TEN_DAYS, features_as_of_ms=one.event_time_ms) for one in made[:-1]
    ]
    with running_api(data_dir, TEN_DAYS) as (client, _):
        for begin in range(0, len(made), 500):
            EventWriter(pool).write([*made[begin : begin + 500], *outcomes[begin : begin + 500]])
        path: str | None = "/v1/predictions/BTC/history?limit=500"
        samples, n_items = [], 0
        while path is not None:
            took_ms, answer = request_ms(client, path)
            samples.append(took_ms)
            n_items += len(answer.json()["items"])
            path = answer.json()["next"]
    if n_items != N_DAYS_PREDICTIONS:
        sys.exit(f"the history must have {N_DAYS_PREDICTIONS} predictions, had {n_items}")
    slowest = max(samples)
    return [
        Figure(
            metric="ten days of minutes just written, slowest page of 500",
            value=slowest,
            unit="ms",
            bar=BAR_MS,
            holds=slowest <= BAR_MS,
        ),
        _plain("ten days of minutes just written, whole history", sum(samples), "ms"),
    ]


def _sample(kind: type[Event], **altered: object) -> Any:
    found = next(event for event in SAMPLES.values() if type(event) is kind)
    of_minutes = {"interval": Interval.ONE_MINUTE, "horizon": Interval.ONE_MINUTE}
    at_ms = altered.get("event_time_ms", found.event_time_ms)
    arm = {"arm": CHAMPION} if "arm" in found.__struct_fields__ else {}
    return msgspec.structs.replace(found, **(of_minutes | arm | {"known_time_ms": at_ms} | altered))


def _rates(pool: PostgresPool) -> list[Figure]:
    """Rows/s of what the history sink does with a batch, by kind of event."""
    rng = np.random.default_rng(7)
    names = [f"feature_{i}" for i in range(N_FEATURES)]

    def features(i: int, minute: int) -> Event:
        values = dict(zip(names, rng.normal(size=N_FEATURES).tolist(), strict=True))
        at_ms = T0 + minute * MINUTE
        return FeaturesComputed(
            event_time_ms=at_ms, known_time_ms=at_ms, source="binance", stream="replay-0000000rates",
            instrument=f"C{i}-USDT.BINANCE", interval=Interval.ONE_MINUTE, close=100.0, feature_spec_hash="ef" * 32,
            is_warm=True, values=values,
        )  # fmt: skip

    def of(kind: type[Event], time_field: str) -> Callable[[int, int], Event]:
        return lambda i, minute: _sample(
            kind,
            stream="replay-0000000rates",
            instrument=f"C{i}-USDT.BINANCE",
            **{time_field: T0 + minute * MINUTE},
        )

    kinds: list[tuple[str, Topic, Callable[[int, int], Event]]] = [
        ("rows of 99 features", FEATURES_MARKET, features),
        ("bars", MARKET_BAR, lambda i, m: bar(m * MINUTE, instrument=f"C{i}-USDT.BINANCE")),
        ("predictions", PREDICTIONS, of(PredictionMade, "event_time_ms")),
        ("outcomes", OUTCOMES, of(OutcomeResolved, "features_as_of_ms")),
        ("ticks", MARKET_TICK, lambda i, m: tick(m * MINUTE, trade_id=i + m * MAX_BATCH)),
    ]
    figures = []
    for name, topic, make in kinds:
        rate = _rate(pool, topic, make)
        figures.append(_plain(f"history sink, {name}", rate, "rows/s"))
    # Of 10,000 instruments a minute holds a million ticks, and one row each of the others.
    *closes, ticks = (figure.value for figure in figures)
    minute_s = sum(10_000 / rate for rate in closes) + 1_000_000 / ticks
    close_s = sum(10_000 / rate for rate in closes)
    return [
        *figures,
        Figure(
            metric="a close of 10,000 instruments", value=close_s, unit="s", bar=60.0, holds=close_s <= 60.0
        ),
        Figure(
            metric="a minute of 10,000 instruments, 100 ticks each",
            value=minute_s,
            unit="s",
            bar=60.0,
            holds=minute_s <= 60.0,
        ),
    ]


def _rate(pool: PostgresPool, topic: Topic, make: Callable[[int, int], Event]) -> float:
    write, took_s = writer(EventWriter(pool)), 0.0
    for minute in range(N_BATCHES):
        values = [codec.encode(make(i, minute)) for i in range(MAX_BATCH)]
        began = time.perf_counter()
        write([ReceivedEvent(topic.name, 0, codec.decode(topic, value)) for value in values])
        took_s += time.perf_counter() - began
    return N_BATCHES * MAX_BATCH / took_s


def _views(endpoints: Endpoints) -> Figure:
    views = Views(connect(endpoints.redis_url), job="bench-views")
    body = bytes(2_600)
    samples = []
    for order in range(10):
        batch = {features_key("bench", f"C{i}-USDT.BINANCE", "1m"): (order, body) for i in range(MAX_BATCH)}
        began = time.perf_counter()
        views.write(batch)
        samples.append((time.perf_counter() - began) * 1000)
    return _plain("10,000 views in one write, median", float(np.median(samples)), "ms")


def _plain(metric: str, value: float, unit: str) -> Figure:
    return Figure(metric=metric, value=value, unit=unit, bar=None, holds=None)


def _run(data_dir: Path, endpoints: Endpoints) -> Sequence[Figure]:
    n_predictions = int(os.environ.get("PREDICTIONS") or 1_000_000)
    n_features = int(os.environ.get("FEATURES") or 10_000_000)
    pool = PostgresPool(endpoints.database_url)
    pool.open()
    try:
        _register(pool)
        return [
            *_load(endpoints, n_predictions=n_predictions, n_features=n_features),
            *_million(data_dir, endpoints, n_predictions=n_predictions),
            *_ten_days(data_dir, pool),
            *_rates(pool),
            _views(endpoints),
        ]
    finally:
        pool.close()


def main() -> None:
    """Run it."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        with running_servers(LauncherSettings(data_dir=data_dir), dict(os.environ)) as endpoints:
            figures = _run(data_dir, endpoints)
    report("store", figures)


if __name__ == "__main__":
    main()

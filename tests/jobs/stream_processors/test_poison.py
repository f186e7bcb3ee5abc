"""Messages that once stopped a job for good: each is dead-lettered, and what follows is processed."""

import json

import pytest

from schemas import codec
from schemas.events import CandleObserved
from schemas.topics import MARKET_CANDLE, dead_letters
from schemas.wire.kafka import Publisher, read_range
from schemas.wire.redis import Views, connect, features_key
from schemas.wire.settings import Endpoints
from stream_processors.jobs.market import market_job
from stream_processors.runtime.worker_settings import WorkerSettings
from stream_processors.runtime.workers import Worker
from stream_processors.settings import ProcessorSettings

INSTRUMENT = "POISON-USDT.BINANCE"
FAR_MS = 4_102_444_800_000


def candle(stream: str, start_ms: int, *, known_ms: int | None = None) -> bytes:
    end_ms = start_ms + 60_000
    return codec.encode(
        CandleObserved(
            event_time_ms=end_ms,
            known_time_ms=end_ms if known_ms is None else known_ms,
            source="binance",
            stream=stream,
            instrument=INSTRUMENT,
            interval="1m",
            start_ms=start_ms,
            open=1.0,
            high=1.0,
            low=1.0,
            close=1.0,
            volume=1.0,
        )
    )


POISON = {
    "two megabytes of nothing": lambda _stream: b"x" * 2_000_000,
    "an event type of 600,000 characters": lambda _stream: json.dumps({"type": "A" * 600_000}).encode(),
    "nesting without an end": lambda _stream: b'{"type":"CandleObserved","x":' + b"[" * 50_000,
    "deep nesting in an unknown field": lambda stream: (
        candle(stream, 0)[:-1] + b',"x":' + b"[" * 5_000 + b"]" * 5_000 + b"}"
    ),
    "a candle of the year 2100": lambda stream: candle(stream, FAR_MS, known_ms=120_000),
    "a number beyond all prices": lambda stream: candle(stream, 0).replace(
        b'"volume":1.0', b'"volume":1e300'
    ),
}


@pytest.mark.parametrize("kind", POISON)
def test_poison_is_put_aside_and_what_follows_is_processed(
    endpoints: Endpoints, kind: str, request: pytest.FixtureRequest
) -> None:
    stream = f"replay-poison-{abs(hash(request.node.name)):x}"
    publisher = Publisher(endpoints.kafka, role="poison")
    before = sum(1 for _ in _dead(endpoints))
    for value in (POISON[kind](stream), candle(stream, 60_000)):
        publisher.publish(MARKET_CANDLE.name, value, key=INSTRUMENT.encode())
    publisher.flush()

    views = Views(connect(endpoints.redis_url), job="market")
    key = features_key(stream, INSTRUMENT, "1m")
    worker = Worker(
        market_job(ProcessorSettings.from_environment({})),
        endpoint=endpoints.kafka,
        views=views,
        stop=lambda: views.read(key) is not None,
        settings=WorkerSettings(checkpoint_every_s=3600.0),
    )
    worker.run()
    views.close()

    reasons = [dict(record.headers)["reason"] for record in _dead(endpoints)][before:]
    assert len(reasons) == 1
    assert 0 < len(reasons[0]) <= 600


def _dead(endpoints: Endpoints):
    return read_range(endpoints.kafka, {(dead_letters("market").name, 0): 0})

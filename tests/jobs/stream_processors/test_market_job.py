"""The market job on a real broker: right, effectively once, and whole again behind any crash."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from schemas import codec
from schemas.events import BarClosed, Event, FeaturesComputed, WatermarkAdvanced
from schemas.time import Interval
from schemas.topics import (
    ALERTS,
    FEATURES_MARKET,
    MARKET_BAR,
    MARKET_CANDLE,
    MARKET_TICK,
    Topic,
    dead_letters,
)
from schemas.wire.clocks import SystemClock
from schemas.wire.redis import Views, clock_key, connect, features_key
from schemas.wire.settings import Endpoints
from stream_processors.jobs.market import market_job
from stream_processors.operators.market import MarketOperator
from stream_processors.runtime.worker_settings import WorkerSettings
from stream_processors.runtime.workers import Worker
from stream_processors.settings import ProcessorSettings
from tests.fixtures.crashing import CrashError, CrashingClock
from tests.fixtures.logs import once, publish, records
from tests.fixtures.market_events import INSTRUMENT, MINUTE, T0, candle, silence, tick, watermark

DEADLINE_S = 180.0
SETTINGS = ProcessorSettings.from_environment({})
INTERVALS = SETTINGS.bar_intervals


@pytest.fixture
def stream() -> str:
    return f"replay-{uuid4().hex[:12]}"


@pytest.fixture
def views(endpoints: Endpoints) -> Iterator[Views]:
    with connect(endpoints.redis_url) as client:
        yield Views(client, job="market")


def candles(stream: str, *, start: int = 0, n: int = 300) -> list[Event]:
    """Minutes with their watermarks; one in the middle is missing, and behind an outage it goes on."""
    chance, events, price = random.Random(start), list[Event](), 100.0
    for i in range(start, start + n):
        close = price * (1 + chance.gauss(0, 1e-3))
        at = (i + (30 if i >= start + n // 2 else 0)) * MINUTE
        if i == start + n // 2:
            events.append(silence(i * MINUTE, stream=stream))
        if i != start + n // 3:
            prices = (price, max(price, close), min(price, close), close)
            events.append(candle(at, prices, volume=chance.expovariate(1.0), stream=stream))
        events.append(watermark(at + MINUTE, stream=stream))
        price = close
    return events


def ticks(stream: str) -> list[Event]:
    """Twenty minutes of trades a few seconds apart, a few of them late, a watermark every second."""
    chance, events, known_ms = random.Random(3), list[Event](), 0
    for trade_id in range(600):
        gap_ms = chance.randrange(4000)
        for second in range(known_ms // 1000 + 1, (known_ms + gap_ms) // 1000 + 1):
            events.append(watermark(second * 1000, stream=stream))
        known_ms += gap_ms
        at_ms = known_ms - (70_000 if chance.random() < 0.02 else 0)
        price = 100.0 + chance.random()
        events.append(
            tick(at_ms, price, trade_id=trade_id, size=chance.random(), known_ms=known_ms, stream=stream)
        )
    return [*events, watermark(known_ms - known_ms % 1000 + 1000, stream=stream)]


def expected(topic: Topic, events: list[Event], into: Topic) -> list[bytes]:
    """What an uninterrupted run makes: the operator, without a runtime."""
    operator = MarketOperator(intervals=INTERVALS)
    outputs = [output for event in events for output in operator.step(topic, event)]
    return [
        codec.encode(output.event)
        for output in outputs
        if output.topic is into and not isinstance(output.event, WatermarkAdvanced)
    ]


def reached(views: Views, stream: str, events: list[Event]) -> Callable[[], bool]:
    """Whether the stream's clock stands at the last watermark of a script; fails at a deadline."""
    last = max(event.event_time_ms for event in events if isinstance(event, WatermarkAdvanced))
    until = time.monotonic() + DEADLINE_S

    def check() -> bool:
        assert time.monotonic() < until, "the job did not get there in time"
        return int(views.read(clock_key(stream)) or 0) >= last

    return check


def run(
    endpoints: Endpoints,
    stop: Callable[[], bool],
    *,
    max_batch: int = 5000,
    clock: SystemClock | None = None,
    checkpoint_every_records: int = 20_000,
) -> None:
    settings = WorkerSettings(
        max_batch=max_batch,
        poll_s=0.3,
        checkpoint_every_s=3600.0,
        checkpoint_every_records=checkpoint_every_records,
    )
    with connect(endpoints.redis_url) as client:
        Worker(
            market_job(SETTINGS),
            endpoint=endpoints.kafka,
            views=Views(client, job="market"),
            stop=stop,
            settings=settings,
            clock=clock,
        ).run()


@pytest.mark.parametrize(("topic", "script"), [(MARKET_CANDLE, candles), (MARKET_TICK, ticks)])
def test_outputs_are_what_the_operator_makes(
    endpoints: Endpoints,
    views: Views,
    stream: str,
    topic: Topic,
    script: Callable[[str], list[Event]],
) -> None:
    events = script(stream)
    publish(endpoints.kafka, topic, events)
    run(endpoints, reached(views, stream, events))
    for into in (MARKET_BAR, FEATURES_MARKET):
        made = expected(topic, events, into)
        assert len(made) > 15
        assert once(records(endpoints.kafka, into), stream) == made


def test_views_hold_the_newest_features_of_each_interval(
    endpoints: Endpoints, views: Views, stream: str
) -> None:
    events = candles(stream)
    publish(endpoints.kafka, MARKET_CANDLE, events)
    run(endpoints, reached(views, stream, events))
    made = [
        codec.decode(FEATURES_MARKET, value) for value in expected(MARKET_CANDLE, events, FEATURES_MARKET)
    ]
    for interval in INTERVALS:
        newest = [
            event for event in made if isinstance(event, FeaturesComputed) and event.interval is interval
        ][-1]
        assert views.read(features_key(stream, INSTRUMENT, str(interval))) == codec.encode(newest)


@pytest.mark.parametrize("seed", range(3))
def test_worker_stopped_and_started_at_any_batch_makes_the_same_bytes(
    endpoints: Endpoints, views: Views, stream: str, seed: int
) -> None:
    chance = random.Random(seed)
    events = candles(stream)
    publish(endpoints.kafka, MARKET_CANDLE, events)
    is_through = reached(views, stream, events)
    while not is_through():
        remaining = chance.randrange(1, 12)

        def stop() -> bool:
            nonlocal remaining
            remaining -= 1
            return remaining < 0

        run(endpoints, stop, max_batch=chance.randrange(1, 60))
    made = once(records(endpoints.kafka, FEATURES_MARKET), stream)
    assert made == expected(MARKET_CANDLE, events, FEATURES_MARKET)


@pytest.mark.parametrize("seed", range(3))
def test_worker_that_crashed_inside_its_transactions_makes_the_same_bytes(
    endpoints: Endpoints, views: Views, stream: str, seed: int
) -> None:
    chance = random.Random(seed)
    events = ticks(stream)
    publish(endpoints.kafka, MARKET_TICK, events)
    is_through = reached(views, stream, events)
    for _ in range(4):
        clock = CrashingClock(chance.randrange(8, 30))
        with pytest.raises(CrashError):
            run(endpoints, lambda: False, max_batch=97, clock=clock, checkpoint_every_records=250)
    run(endpoints, is_through)
    for into in (MARKET_BAR, FEATURES_MARKET):
        assert once(records(endpoints.kafka, into), stream) == expected(MARKET_TICK, events, into)


def test_process_killed_at_once_makes_the_same_bytes(
    endpoints: Endpoints, servers_directory: Path, views: Views, stream: str
) -> None:
    first, second = candles(stream), candles(stream, start=400)
    is_half, is_through = reached(views, stream, first), reached(views, stream, second)
    command = [sys.executable, "-m", "stream_processors", "market"]
    environment = os.environ | {"DRIFTLINE_DATA_DIR": str(servers_directory)}
    publish(endpoints.kafka, MARKET_CANDLE, first)
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        wait_until(is_half)
        publish(endpoints.kafka, MARKET_CANDLE, second)
        process.send_signal(signal.SIGKILL)
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
        wait_until(is_through)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    made = once(records(endpoints.kafka, FEATURES_MARKET), stream)
    assert made == expected(MARKET_CANDLE, [*first, *second], FEATURES_MARKET)


def wait_until(is_true: Callable[[], bool]) -> None:
    """Poll until it is; the callable itself keeps the deadline."""
    while not is_true():
        time.sleep(0.05)


def test_bad_messages_are_dead_lettered_with_their_reason_and_the_flow_goes_on(
    endpoints: Endpoints, views: Views, stream: str
) -> None:
    events = candles(stream)
    bad: list[bytes] = [
        f'{{"type":"CandleObserved","stream":"{stream}"}}'.encode(),
        f"not JSON of {stream}".encode(),
        codec.encode(candle(0, interval=Interval.FIVE_MINUTES, stream=stream)),
    ]
    publish(endpoints.kafka, MARKET_CANDLE, [*events[:20], *bad, *events[20:]])
    run(endpoints, reached(views, stream, events))
    made = once(records(endpoints.kafka, FEATURES_MARKET), stream)
    assert made == expected(MARKET_CANDLE, events, FEATURES_MARKET)
    letters = [
        record
        for record in records(endpoints.kafka, dead_letters("market"), partition=0)
        if stream.encode() in (record.value or b"")
    ]
    assert [record.value for record in letters] == bad
    reasons = [dict(record.headers) for record in letters]
    assert [r["error-class"] for r in reasons] == [b"DecodeError", b"DecodeError", b"ContractError"]
    assert {r["topic"] for r in reasons} == {b"market.candle.v1"}
    assert all(r["reason"] and int(r["offset"]) >= 0 for r in reasons)


def test_redis_emptied_midway_holds_every_view_again(endpoints: Endpoints, views: Views, stream: str) -> None:
    first, second = candles(stream), candles(stream, start=400, n=10)
    is_half, is_through = reached(views, stream, first), reached(views, stream, second)
    publish(endpoints.kafka, MARKET_CANDLE, first)
    state = "first half"

    def stop() -> bool:
        nonlocal state
        if state == "first half" and is_half():
            with connect(endpoints.redis_url) as client:
                client.flushall()
            publish(endpoints.kafka, MARKET_CANDLE, second)
            state = "emptied"
        return state == "emptied" and is_through()

    run(endpoints, stop)
    hour = codec.decode(FEATURES_MARKET, views.read(features_key(stream, INSTRUMENT, "1h")))
    assert isinstance(hour, FeaturesComputed)
    assert hour.event_time_ms < T0 + 400 * MINUTE


def test_late_trades_are_counted_in_the_bars(endpoints: Endpoints, views: Views, stream: str) -> None:
    events = ticks(stream)
    publish(endpoints.kafka, MARKET_TICK, events)
    run(endpoints, reached(views, stream, events))
    bars = [codec.decode(MARKET_BAR, value) for value in once(records(endpoints.kafka, MARKET_BAR), stream)]
    minutes = [bar for bar in bars if isinstance(bar, BarClosed) and bar.interval is Interval.ONE_MINUTE]
    assert sum(bar.n_late for bar in minutes) > 3


def test_long_run_of_repeats_is_an_alert_on_its_topic(
    endpoints: Endpoints, views: Views, stream: str
) -> None:
    trades: list[Event] = [tick(i, trade_id=i, stream=stream) for i in range(300)]
    events = [*trades, *trades, tick(301, trade_id=301, stream=stream), watermark(MINUTE, stream=stream)]
    publish(endpoints.kafka, MARKET_TICK, events)
    run(endpoints, reached(views, stream, events))
    found = once(records(endpoints.kafka, ALERTS, partition=0), stream)
    alerts = [codec.decode(ALERTS, value) for value in found]
    assert [(alert.name, alert.subject, alert.is_resolved) for alert in alerts] == [
        ("repeated_trades", INSTRUMENT, False),
        ("repeated_trades", INSTRUMENT, True),
    ]

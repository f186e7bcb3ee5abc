"""The producers on real servers: what is published is there, in order, where watermarks vouch for it."""

import threading
import uuid
from contextlib import contextmanager

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from producers.commands import commands
from producers.jobs.publishing import MarketReadWait
from producers.jobs.replaying import replay
from producers.jobs.sessions import open_session
from producers.jobs.warming import warm_up
from producers.settings import ProducerSettings
from schemas import codec
from schemas.errors import ConfigurationError
from schemas.events import CandleObserved, SourceFellSilent, TickObserved, WatermarkAdvanced
from schemas.topics import BY_NAME, MARKET_CANDLE, MARKET_TICK, partition_of
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Publisher, Reader
from schemas.wire.postgres.pools import PostgresPool
from schemas.wire.postgres.streams import StoredStreams
from schemas.wire.postgres.writing import EventWriter

CLOCK = SystemClock()
DEADLINE_S = 180.0
N_MINUTES = 600


@pytest.fixture
def stream():
    return f"replay-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def settings(tmp_path, stream):
    return ProducerSettings.from_environment(
        {}, data=minutes_file(tmp_path), stream=stream, speed=0.0, consumer_wait_s=0.0
    )


def minutes_file(tmp_path):
    path = tmp_path / "btcusdt_binance_spot_1m.parquet"
    chance = np.random.default_rng(5)
    close = np.round(100 + np.cumsum(chance.normal(0, 0.1, N_MINUTES)), 2)
    times = np.datetime64("2025-06-01T00:00", "ms") + np.arange(N_MINUTES) * np.timedelta64(1, "m")
    parquet.write_table(
        pa.table(
            {
                "timestamp": times,
                "open": close,
                "high": close + 1,
                "low": close - 1,
                "close": close,
                "volume": np.ones(N_MINUTES),
            }
        ),
        path,
    )
    return path


@contextmanager
def session_of(settings, endpoints, *, is_stopped=lambda: False):
    with open_session(settings, endpoints, clock=CLOCK, is_stopped=is_stopped) as session:
        yield session


def read_events(endpoints, stream, topic, *, n):
    """Everything of a stream in a topic, with partitions, once there are ``n`` records of it."""
    reader = Reader(endpoints.kafka, group=uuid.uuid4().hex, topics=[topic], is_fixed=True)
    reader.open()
    found = []
    until_s = CLOCK.monotonic_s() + DEADLINE_S
    while len(found) < n and CLOCK.monotonic_s() < until_s:
        for record in reader.poll(max_records=5000, timeout_s=0.2):
            event = codec.decode(BY_NAME[record.topic], record.value)
            if event.stream == stream:
                found.append((record.partition, event))
    reader.close()
    return found


def stored(endpoints, events):
    with PostgresPool(endpoints.database_url) as pool:
        EventWriter(pool).write(
            [event for event in events if isinstance(event, CandleObserved | TickObserved)]
        )


def test_warm_up_registers_the_stream_and_publishes_its_first_seven_tenths(settings, stream, endpoints):
    with session_of(settings, endpoints) as session:
        warm_up(session)
        with PostgresPool(endpoints.database_url) as pool:
            assert StoredStreams(pool).stream(stream) == session.plan.description

    found = read_events(endpoints, stream, MARKET_CANDLE, n=2 * 420)
    assert {partition for partition, _ in found} == {partition_of(b"BTC-USDT.BINANCE", 4)}
    candles, watermarks = found[0::2], found[1::2]
    assert all(isinstance(event, CandleObserved) for _, event in candles)
    assert all(isinstance(event, WatermarkAdvanced) for _, event in watermarks)
    assert len(candles) == 420


def of_no_session(event):
    """An event without what tells the session that said it from others."""
    return msgspec.structs.replace(event, epoch=0) if isinstance(event, WatermarkAdvanced) else event


def test_a_later_start_says_the_stored_past_again_and_replay_says_the_rest(settings, stream, endpoints):
    with session_of(settings, endpoints) as session:
        warm_up(session)
    first = [event for _, event in read_events(endpoints, stream, MARKET_CANDLE, n=840)]
    stored(endpoints, first)

    with session_of(settings, endpoints) as session:
        warm_up(session)
        assert replay(session)

    found = [event for _, event in read_events(endpoints, stream, MARKET_CANDLE, n=840 + 1201)]
    assert list(map(of_no_session, found[840:1680])) == list(map(of_no_session, first))
    rest = [event for event in found[1680:] if isinstance(event, CandleObserved)]
    assert [event.start_ms for event in rest] == list(
        range(first[-1].event_time_ms, rest[-1].event_time_ms, 60_000)
    )
    assert len(rest) == N_MINUTES - 420
    assert isinstance(found[-1], SourceFellSilent)


def test_the_simulated_market_goes_on_in_real_time_with_a_watermark_each_second(stream, endpoints):
    settings = ProducerSettings.from_environment(
        {}, stream=stream, simulated_history_days=1, consumer_wait_s=0.0
    )
    until_s = CLOCK.monotonic_s() + 2.5
    with session_of(settings, endpoints, is_stopped=lambda: CLOCK.monotonic_s() > until_s) as session:
        description = session.plan.description
        assert not replay(session)
        now_ms = CLOCK.now_ms()

    n_seconds = (now_ms - description.warm_up_until_ms) // 1000 - 1
    found = [event for _, event in read_events(endpoints, stream, MARKET_TICK, n=n_seconds)]
    watermarks = [event.event_time_ms for event in found if isinstance(event, WatermarkAdvanced)]
    assert watermarks == list(range(description.warm_up_until_ms, watermarks[-1] + 1, 1000))
    assert 0 <= now_ms - max(watermarks) < 30_000


def test_a_job_that_left_a_topic_waits_until_the_processor_has_read_it(stream, endpoints):
    partitions = [(MARKET_CANDLE.name, number) for number in range(MARKET_CANDLE.n_partitions)]
    publisher = Publisher(endpoints.kafka, role="test")
    watermark = WatermarkAdvanced(event_time_ms=1, known_time_ms=1, source="binance", stream=stream)
    publisher.publish(MARKET_CANDLE.name, codec.encode(watermark), key=b"binance", partition=0)
    publisher.flush()
    waiting = threading.Thread(
        target=MarketReadWait(endpoints.kafka, clock=CLOCK, timeout_s=DEADLINE_S, is_stopped=lambda: False),
        args=(MARKET_CANDLE, lambda: None),
    )
    processor = Reader(endpoints.kafka, group="driftline-market", topics=[MARKET_CANDLE], is_fixed=True)
    processor.open()
    ends = processor.ends(partitions)

    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    processor.commit(ends)
    waiting.join(DEADLINE_S)

    assert not waiting.is_alive()
    processor.close()


def test_replay_without_a_file_names_the_variable(endpoints):
    with pytest.raises(ConfigurationError, match="DRIFTLINE_DATA"):
        commands.main(["replay"], obj={}, standalone_mode=False)

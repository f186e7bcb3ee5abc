"""The producers on Apache Kafka, whose log outlives them: what it has is not said again."""

import uuid

import msgspec
import pytest

from producers.jobs.positions import LoggedPosition, logged
from producers.jobs.replaying import replay
from producers.jobs.sessions import open_session
from producers.jobs.warming import warm_up
from producers.settings import ProducerSettings
from schemas import codec
from schemas.events import CandleObserved, TickObserved
from schemas.time import Clock
from schemas.topics import MARKET_CANDLE, MARKET_TICK
from schemas.wire.clocks import SystemClock
from schemas.wire.kafka import Publisher, read_range
from schemas.wire.settings import Endpoints
from tests.jobs.producers.test_on_servers import minutes_file, stored
from tests.unit.producers.fakes import candle, tick

CLOCK: Clock = SystemClock()


@pytest.fixture
def kept(endpoints, apache):
    """The session's servers with Apache Kafka as their broker."""
    return msgspec.structs.replace(endpoints, kafka=apache)


@pytest.fixture
def settings(tmp_path):
    stream = f"replay-{uuid.uuid4().hex[:12]}"
    return ProducerSettings.from_environment(
        {}, data=minutes_file(tmp_path), stream=stream, speed=0.0, consumer_wait_s=0.0
    )


def run(job, settings, kept: Endpoints, *, is_stopped=lambda: False):
    with open_session(settings, kept, clock=CLOCK, is_stopped=is_stopped) as session:
        job(session)
        session.outlet.flush()


def after(n):
    """Asks the source to stop behind so many questions."""
    asked = iter(range(n))
    return lambda: next(asked, None) is None


def candles(kept: Endpoints, stream: str) -> list[CandleObserved]:
    where = {(MARKET_CANDLE.name, partition): 0 for partition in range(MARKET_CANDLE.n_partitions)}
    events = [codec.decode(MARKET_CANDLE, record.value) for record in read_range(kept.kafka, where)]
    return [event for event in events if isinstance(event, CandleObserved) and event.stream == stream]


def test_each_candle_is_in_the_log_once_however_often_the_source_starts(settings, kept):
    for n in (50, 300):
        run(warm_up, settings, kept, is_stopped=after(n))
    run(warm_up, settings, kept)
    stored(kept, candles(kept, settings.stream)[:100])
    for job in (warm_up, replay, warm_up, replay):
        run(job, settings, kept)

    starts = [each.start_ms for each in candles(kept, settings.stream)]
    assert len(starts) == 600
    assert starts == sorted(set(starts))


def test_newest_events_are_found_behind_those_of_other_runs(settings, kept):
    """The end of the log is looked at first, in ever longer pieces."""
    ours, theirs = settings.stream, f"{settings.stream}-other"
    with open_session(settings, kept, clock=CLOCK, is_stopped=lambda: False) as session:
        (source,) = session.plan.description.sources
    assert logged(kept.kafka, ours, source) == LoggedPosition()

    publisher = Publisher(kept.kafka, role="tests")
    key = source.instruments[0].encode()
    told = {"instrument": source.instruments[0]}
    events = [candle(minute, stream=ours) for minute in range(3)]
    events += [tick(9_000_000, trade_id=number, stream=ours) for number in (1, 2)]
    events += [tick(9_000_000 + number, trade_id=number, stream=theirs) for number in range(1_500)]
    for event in events:
        topic = MARKET_TICK if isinstance(event, TickObserved) else MARKET_CANDLE
        publisher.publish(topic.name, codec.encode(msgspec.structs.replace(event, **told)), key=key)
    publisher.flush()

    found = logged(kept.kafka, ours, source)
    assert found.reached == (candle(2).event_time_ms, 9_000_000)
    assert found.trade_ids == {(told["instrument"], 0, 1), (told["instrument"], 0, 2)}

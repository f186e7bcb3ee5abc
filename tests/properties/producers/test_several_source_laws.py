"""Laws of runs with several sources: wherever they stop and start again, each source is published as it is alone."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from producers.jobs.merging import MergedRecords
from producers.jobs.replaying import replay
from producers.jobs.warming import warm_up
from producers.normalise.watermarks import SourceRecord, SourceTimes, with_watermarks
from producers.settings import ProducerSettings
from schemas.events import CandleObserved, Event
from tests.unit.producers.fakes import RememberingHistory, candle
from tests.unit.producers.test_positions import KeptLog
from tests.unit.producers.test_sessions import minutes_file

seeds = st.integers(0, 2**32)
LAWS = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def run_settings(tmp_path_factory: pytest.TempPathFactory) -> ProducerSettings:
    """A run of two venues, with outages at different times; the second ends first."""
    folder: Path = tmp_path_factory.mktemp("files")
    first = minutes_file(folder, n=200, missing=(70, 71, 150))
    other = minutes_file(folder, n=190, missing=(0, 1, 149, 151), coin="eth", venue="bybit")
    return ProducerSettings.from_environment({}, data=first, data_beside=str(other), speed=0.0)


def candles_of(events: list[Event], source: str) -> list[int]:
    return [
        event.start_ms for event in events if isinstance(event, CandleObserved) and event.source == source
    ]


@LAWS
@given(seed=seeds)
def test_each_event_of_each_source_is_in_the_log_once_and_in_order_wherever_sessions_stopped(
    run_settings: ProducerSettings, seed: int
) -> None:
    chance, whole, log, history = random.Random(seed), KeptLog(), KeptLog(), RememberingHistory()
    for job in (warm_up, replay):
        whole.run(job, run_settings, RememberingHistory())
    log.run(warm_up, run_settings, history, chance.randrange(200))
    for _ in range(chance.randrange(3)):
        log.run(warm_up, run_settings, history, chance.randrange(200))
    log.run(warm_up, run_settings, history)
    for _ in range(chance.randrange(4)):
        if chance.random() < 0.5:
            history.store(log.events()[: chance.randrange(300)])
        log.run(chance.choice([warm_up, replay]), run_settings, history, chance.randrange(60))
    log.run(replay, run_settings, history)
    for source in ("binance", "bybit"):
        assert candles_of(log.events(), source) == candles_of(whole.events(), source)


@given(counts=st.lists(st.integers(0, 12), min_size=1, max_size=4), seed=seeds)
def test_merged_records_keep_the_order_of_each_source_whoever_has_none_for_now(
    counts: list[int], seed: int
) -> None:
    chance = random.Random(seed)
    times = SourceTimes(source="binance", stream="s", ticks_from_ms=0)
    expected = [
        list(with_watermarks([candle(minute * (number + 1)) for minute in range(n)], times))
        for number, n in enumerate(counts)
    ]

    def now_and_then(records: list[SourceRecord]) -> Iterator[SourceRecord | None]:
        for record in records:
            while chance.random() < 0.4:
                yield None
            yield record

    merged = MergedRecords([now_and_then(records) for records in expected])
    taken: list[list[SourceRecord]] = [[] for _ in expected]
    while not merged.is_over:
        if merged.due_ms() is not None:
            number, record = merged.take()
            taken[number].append(record)
    assert taken == expected

"""Counting unknown fields on a real broker: each record once, bad messages left to the dead letters."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from click.testing import CliRunner

from deploy.local.mounting import driftline
from schemas import codec
from schemas.topics import MARKET_TICK
from schemas.wire.clocks import ManualClock
from schemas.wire.kafka import Publisher
from schemas.wire.settings import Endpoints, KafkaEndpoint
from stream_processors.monitoring.field_census import FieldCensus, FieldCounts
from stream_processors.monitoring.metrics import MonitorMetrics
from stream_processors.monitoring.monitors import Monitor
from tests.fixtures.market_events import INSTRUMENT, tick


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def kafka(request: pytest.FixtureRequest) -> KafkaEndpoint:
    found = request.getfixturevalue("apache" if request.param == "apache" else "endpoints")
    return found if isinstance(found, KafkaEndpoint) else found.kafka


class Source:
    """Publishes ticks, in a transaction as jobs do; some with a field that nobody declared."""

    def __init__(self, kafka: KafkaEndpoint) -> None:
        self._publisher = Publisher(kafka, role="tests", transactional_id=f"tests-{uuid4().hex}")
        self._publisher.prepare_transactions(timeout_s=60)
        self._ids: Iterator[int] = count()
        self._stream = uuid4().hex

    def publish(self, *added: bytes) -> None:
        self._publisher.begin()
        for field in added:
            value = codec.encode(tick(0, trade_id=next(self._ids), stream=self._stream))
            value = value[:-1] + field + b"}"
            self._publisher.publish(MARKET_TICK.name, value, key=INSTRUMENT.encode())
        self._publisher.commit(timeout_s=60)


def ticks(census: FieldCensus) -> tuple[int, int, dict[str, int]]:
    counts = census.look()[MARKET_TICK.name]
    return counts.n_checked, counts.n_with_unknown, dict(counts.names)


def test_each_record_is_looked_at_once(kafka: KafkaEndpoint) -> None:
    census, source = FieldCensus(kafka), Source(kafka)
    before = ticks(census)
    source.publish(b"", b',"venue":1', b"}")  # the last is no event

    n_checked, n_with_unknown, names = ticks(census)

    assert n_checked - before[0] == 2
    assert n_with_unknown - before[1] == 1
    assert names["venue"] - before[2].get("venue", 0) == 1
    assert ticks(census) == (n_checked, n_with_unknown, names)


def test_on_a_fast_topic_only_the_newest_are_looked_at(kafka: KafkaEndpoint) -> None:
    census, source = FieldCensus(kafka, n_newest=10), Source(kafka)
    census.look()
    before = ticks(census)[0]
    source.publish(*[b""] * 500)
    assert 5 <= ticks(census)[0] - before <= 10


def test_names_of_fields_that_others_chose_do_not_fill_the_memory() -> None:
    counts = FieldCounts()
    for i in range(1000):
        counts.take([f"{i}" + "x" * 10_000])
    assert counts.n_with_unknown == 1000
    assert len(counts.names) == 20
    assert max(map(len, counts.names)) == 100


def test_command_names_the_fields(kafka: KafkaEndpoint, tmp_path: Path) -> None:
    Source(kafka).publish(b',"ve\\u001bnue":1')
    stored = Endpoints(kafka=kafka, redis_url="-", database_url="-")
    (tmp_path / "endpoints.json").write_bytes(msgspec.json.encode(stored))
    environment = {"DRIFTLINE_DATA_DIR": str(tmp_path)}
    shown = CliRunner().invoke(driftline, ["topics", "--unknown-fields"], obj=environment)
    assert shown.exit_code == 0, shown.output
    assert "ve\\x1bnue 1" in shown.output


def test_monitor_shows_the_counts_as_metrics(kafka: KafkaEndpoint) -> None:
    clock, metrics = ManualClock(now_ms=1_000_000), MonitorMetrics()
    monitor = Monitor(kafka, stalled_after_s=3600, clock=clock, metrics=metrics)
    Source(kafka).publish(b',"venue":1')
    monitor.look()
    clock.sleep(31)
    monitor.look()
    found = metrics.registry.get_sample_value(
        "driftline_events_with_unknown_fields", {"topic": MARKET_TICK.name}
    )
    assert found is not None
    assert found >= 1

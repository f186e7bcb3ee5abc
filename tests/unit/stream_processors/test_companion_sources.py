"""From files to vectors: a companion of another source gives what it gives as one of the same source."""

import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from producers.jobs.replaying import replay
from producers.jobs.warming import warm_up
from producers.settings import ProducerSettings
from schemas import codec
from schemas.errors import SnapshotMismatchError
from schemas.events import VectorComputed
from schemas.topics import BY_NAME, FEATURES_MARKET, FEATURES_VECTOR, partition_of
from stream_processors.jobs.market import market_job
from stream_processors.jobs.vectors import vectors_job
from stream_processors.runtime.driving import TopologyDriver
from stream_processors.settings import ProcessorSettings
from tests.fixtures.keeping import kept, restored_from
from tests.unit.producers.fakes import RememberingHistory
from tests.unit.producers.test_sessions import minutes_file, session_of

COIN = "ETH-USDT.BINANCE"
APART = f"binance-futures:{COIN}"
COMPANIONS = f"BTC-USDT.BINANCE:{COIN}"


def published(settings: ProducerSettings) -> list[tuple[str, int, bytes]]:
    """What the producers say of a run from its beginning to its end, and where."""
    history, found = RememberingHistory(), []
    for job in (warm_up, replay):
        session = session_of(settings, history)
        job(session)
        history.store(session.outlet.events())
        for record in session.outlet.records:
            n_partitions = BY_NAME[record.topic].n_partitions
            own = partition_of(record.key, n_partitions) if record.partition is None else record.partition
            found.append((record.topic, own, record.value))
    return found


def vectors_of(folder: Path, environment: Mapping[str, str]) -> list[bytes]:
    """The vectors of two files, through the jobs as they are wired."""
    first, other = minutes_file(folder, n=90), minutes_file(folder, n=90, coin="eth", missing=(20, 21, 50))
    settings = ProducerSettings.from_environment(
        dict(environment), data=first, data_beside=str(other), speed=0.0, stream="replay-1"
    )
    market = TopologyDriver(market_job(ProcessorSettings.from_environment({})))
    for topic, partition, value in published(settings):
        market.send(BY_NAME[topic], value, key="any", partition=partition)
    while market.run():
        pass
    job = vectors_job(ProcessorSettings.from_environment({**environment, "DRIFTLINE_COMPANIONS": COMPANIONS}))
    vectors = TopologyDriver(job)
    for record in market.log.records(FEATURES_MARKET.name):
        vectors.send(FEATURES_MARKET, record.value, key="any", partition=record.partition)
    while vectors.run(max_messages=random.Random(1).randrange(5, 50)):
        pass
    values = [value for value in vectors.values(FEATURES_VECTOR) if value is not None]
    return [value for value in values if isinstance(codec.decode(FEATURES_VECTOR, value), VectorComputed)]


def test_companion_of_another_source_gives_the_vectors_that_it_gives_as_one_of_the_same(
    tmp_path: Path,
) -> None:
    together = vectors_of(tmp_path, {})
    assert len(together) > 90
    assert vectors_of(tmp_path, {"DRIFTLINE_SOURCES": APART}) == together


def test_state_of_other_sources_is_not_taken_over() -> None:
    def operator(sources: str) -> object:
        environment = {"DRIFTLINE_COMPANIONS": COMPANIONS, "DRIFTLINE_SOURCES": sources}
        job = vectors_job(ProcessorSettings.from_environment(environment))
        return job.make_operator(partition_of(b"BTC-USDT.BINANCE", 4))

    state = kept(operator(APART))
    restored_from(operator(APART), state)
    with pytest.raises(SnapshotMismatchError, match="other companions"):
        restored_from(operator(""), state)

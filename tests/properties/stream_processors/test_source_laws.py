"""Several sources in one stream: what is made of one is what is made of it alone.

Whatever another source does, whether it is faster or slower, silent, ended, dead or back, and wherever the
processors crash: the bars, features and watermarks of a source do not change, and neither do vectors whose
companions are all of sources that do the same.
"""

import random
from collections.abc import Mapping, Sequence

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.events import (
    END_OF_TIME_MS,
    BarClosed,
    FeaturesComputed,
    SourceFellSilent,
    VectorComputed,
    WatermarkAdvanced,
)
from schemas.streams import StreamSource
from schemas.topics import (
    BY_NAME,
    FEATURES_MARKET,
    FEATURES_VECTOR,
    MARKET_BAR,
    MARKET_CANDLE,
    MARKET_TICK,
    SOURCES_STATUS,
    Topic,
)
from stream_processors.jobs.market import market_job
from stream_processors.jobs.vectors import vectors_job
from stream_processors.operators.join_targets import features_partition
from stream_processors.runtime.driving import TopologyDriver
from stream_processors.settings import ProcessorSettings
from tests.fixtures.market_events import INSTRUMENT, MINUTE, STREAM, T0
from tests.fixtures.source_lives import Place, Published, by_place, interleaved_lives, life_of
from tests.properties.stream_processors.test_interleaving_laws import driven, named

LAWS = settings(max_examples=12, deadline=None)
OWN = features_partition(INSTRUMENT)
NEXT = (OWN + 1) % MARKET_TICK.n_partitions
#: Both sources have instruments in the same two partitions.
FIRST = StreamSource(
    name="binance", instruments=(INSTRUMENT, named(NEXT, "A{}-USDT.BINANCE")), skew_ms=1_270, lateness_ms=50
)
SECOND = StreamSource(
    name="simulated", instruments=(named(OWN, "B{}-USDT.SIMULATED"), named(NEXT, "B{}-USDT.SIMULATED"))
)
N_MINUTES = 25
seeds = st.integers(0, 2**32)


def market_of(records: Sequence[Published], chance: random.Random) -> TopologyDriver:
    """The market job over a log that is published bit by bit, with crashes."""
    empty: dict[Place, list[bytes]] = {
        (t.name, n): [] for t in (MARKET_CANDLE, MARKET_TICK) for n in (OWN, NEXT)
    }
    return driven(market_job(ProcessorSettings.from_environment({})), empty | by_place(records), chance)


def of_source(driver: TopologyDriver, topic: Topic, source: str) -> list[bytes]:
    """What lies in a topic of a source, partition by partition, in order."""
    found = [value for value in driver.values(topic) if value is not None]
    return [value for value in found if msgspec.json.decode(value)["source"] == source]


def made_of(driver: TopologyDriver, source: str) -> list[list[bytes]]:
    """Bars, features and watermarks in their order; what is told to people of presence in any."""
    in_order = [of_source(driver, topic, source) for topic in (MARKET_BAR, FEATURES_MARKET)]
    return [*in_order, sorted(of_source(driver, SOURCES_STATUS, source))]


def n_bars(driver: TopologyDriver) -> int:
    return sum(b'"BarClosed"' in (value or b"") for value in driver.values(MARKET_BAR))


@LAWS
@given(first=seeds, second=seeds, seed=seeds)
def test_two_sources_give_what_each_gives_alone_at_any_speeds_and_through_any_restarts(
    first: int, second: int, seed: int
) -> None:
    chance = random.Random(seed)
    lives = [life_of(FIRST, first, n_minutes=N_MINUTES), life_of(SECOND, second, n_minutes=N_MINUTES)]
    together = market_of(interleaved_lives(lives, chance), chance)
    for source, life in zip((FIRST, SECOND), lives, strict=True):
        alone = market_of(life, random.Random(seed + 1))
        assert made_of(together, source.name) == made_of(alone, source.name)


def test_lives_that_are_drawn_are_worth_looking_at() -> None:
    """Bars, watermarks, absences, returns, switches and takeovers are among what the laws are run over."""
    kinds = dict.fromkeys(
        ("TickObserved", "CandleObserved", "WatermarkAdvanced", "SourceFellSilent", "SourceReturned"), 0
    )
    epochs, n = set[int](), 0
    for seed in range(20):
        life = life_of(FIRST, seed, n_minutes=N_MINUTES)
        for place, value in life:
            event = codec.decode(BY_NAME[place[0]], value)
            kinds[type(event).__name__] = kinds.get(type(event).__name__, 0) + 1
            epochs.add(getattr(event, "epoch", 0))
        n += n_bars(market_of(life, random.Random(seed)))
    assert min(kinds.values()) > 20
    assert kinds["TopicSwitched"] > 20
    assert len(epochs) > 40
    assert n > 200


# Vectors


def features_log(records: Sequence[Published], seed: int) -> dict[Place, list[bytes]]:
    """The features that the market job makes, as the log has them."""
    driver = market_of(records, random.Random(seed))
    log: dict[Place, list[bytes]] = {}
    for record in driver.log.records(FEATURES_MARKET.name):
        log.setdefault((record.topic, record.partition), []).append(record.value or b"")
    return log


def vectors_of(companions: str, log: Mapping[Place, Sequence[bytes]], chance: random.Random) -> list[bytes]:
    job = vectors_job(ProcessorSettings.from_environment({"DRIFTLINE_COMPANIONS": companions}))
    driver = driven(job, log, chance)
    return [
        value
        for value in driver.values(FEATURES_VECTOR)
        if value is not None and isinstance(codec.decode(FEATURES_VECTOR, value), VectorComputed)
    ]


def ended(life: list[Published], source: StreamSource) -> list[Published]:
    """The same life, after which the source is declared absent for all time: nobody waits for it any more."""
    silence = SourceFellSilent(
        event_time_ms=T0 + 10 * N_MINUTES * MINUTE,
        known_time_ms=T0 + 10 * N_MINUTES * MINUTE,
        source=source.name,
        stream=STREAM,
        absent_until_ms=END_OF_TIME_MS,
        epoch=2**52,
    )
    last = [Published((MARKET_TICK.name, number), codec.encode(silence)) for number in (OWN, NEXT)]
    return [*life, *last]


@pytest.mark.parametrize("companion", SECOND.instruments, ids=["one partition", "two partitions"])
@settings(max_examples=5, deadline=None)
@example(first=0, second=184, seed=0)  # a session that died after its very first candle
@given(first=seeds, second=seeds, seed=seeds)
def test_vectors_of_two_sources_do_not_hang_on_their_speeds(
    companion: str, first: int, second: int, seed: int
) -> None:
    chance = random.Random(seed)
    lives = [
        ended(life_of(FIRST, first, n_minutes=N_MINUTES), FIRST),
        ended(life_of(SECOND, second, n_minutes=N_MINUTES), SECOND),
    ]
    stated = f"{INSTRUMENT}:{companion}"
    one_after_the_other = features_log([*lives[1], *lives[0]], seed)
    expected = vectors_of(stated, one_after_the_other, random.Random(0))
    together = features_log(interleaved_lives(lives, chance), seed + 1)
    assert vectors_of(stated, together, chance) == expected
    rows = [msgspec.json.decode(value) for value in one_after_the_other.get((FEATURES_MARKET.name, OWN), [])]
    n_rows = sum(row["type"] == "FeaturesComputed" and row["instrument"] == INSTRUMENT for row in rows)
    assert len(expected) == n_rows


@settings(max_examples=5, deadline=None)
@given(first=seeds, second=seeds, seed=seeds)
def test_vectors_within_a_source_are_what_they_are_without_the_other(
    first: int, second: int, seed: int
) -> None:
    chance = random.Random(seed)
    life, other = life_of(FIRST, first, n_minutes=N_MINUTES), life_of(SECOND, second, n_minutes=N_MINUTES)
    stated = "{}:{}".format(*FIRST.instruments)
    both = ";".join((stated, "{}:{}".format(*SECOND.instruments)))
    alone = vectors_of(stated, features_log(life, seed), chance)
    together = vectors_of(both, features_log(interleaved_lives([life, other], chance), seed), chance)
    assert [value for value in together if b'"source":"binance"' in value] == alone


def test_companion_whose_source_is_dead_holds_vectors_until_it_is_declared_absent() -> None:
    """Nobody declared the sources of a producer that was dead: its companions' rows were waited for, for good."""
    life = ended(life_of(FIRST, 3, n_minutes=N_MINUTES), FIRST)
    stated, chance = f"{INSTRUMENT}:{SECOND.instruments[0]}", random.Random(1)
    assert vectors_of(stated, features_log(life, 1), chance) == []

    declared = ended([], SECOND)[:1]
    silent = msgspec.structs.replace(
        codec.decode(MARKET_TICK, declared[0].value), event_time_ms=T0, known_time_ms=T0
    )
    absent = [Published((MARKET_TICK.name, OWN), codec.encode(silent))]
    made = vectors_of(stated, features_log([*life, *absent], 1), chance)
    features = [
        codec.decode(FEATURES_MARKET, value) for value in features_log(life, 1)[FEATURES_MARKET.name, OWN]
    ]
    n_rows = sum(isinstance(e, FeaturesComputed) and e.instrument == INSTRUMENT for e in features)
    assert len(made) == n_rows > 10
    assert {tuple(codec.decode(FEATURES_VECTOR, value).joined.values()) for value in made} == {(None,)}


def test_bars_of_the_laws_are_closed_by_watermarks() -> None:
    driver = market_of(life_of(FIRST, 3, n_minutes=N_MINUTES), random.Random(2))
    events = [codec.decode(MARKET_BAR, value) for value in driver.values(MARKET_BAR) if value is not None]
    assert sum(isinstance(event, BarClosed) for event in events) > 10
    assert sum(isinstance(event, WatermarkAdvanced) for event in events) > 5

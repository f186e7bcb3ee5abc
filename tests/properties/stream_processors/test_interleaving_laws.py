"""However inputs interleave, however far one is behind the other: the same outputs, and nothing stands still.

Two topics, or two partitions of one, come in any order. These laws run the real tasks with the real codec
over a log of which now this and now that part is published, in batches of any size, with crashes in between.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.jobs.publishing import SourcePublisher
from producers.normalise.watermarks import MarketEvent, Reached, SourceTimes, with_watermarks
from schemas import codec
from schemas.companions import NEWS, Companions
from schemas.events import Event, VectorComputed
from schemas.streams import Silence
from schemas.topics import (
    BY_NAME,
    FEATURES_MARKET,
    FEATURES_NEWS,
    FEATURES_VECTOR,
    MARKET_BAR,
    MARKET_CANDLE,
    MARKET_TICK,
)
from schemas.wire.clocks import ManualClock
from stream_processors.jobs.market import market_job
from stream_processors.jobs.vectors import vectors_job
from stream_processors.operators.join_targets import features_partition, features_place
from stream_processors.operators.vectors import VectorOperator
from stream_processors.runtime.declarations import Job
from stream_processors.runtime.driving import TopologyDriver
from stream_processors.settings import ProcessorSettings
from tests.fixtures.market_events import (
    INSTRUMENT,
    MINUTE,
    STREAM,
    T0,
    candle,
    returned,
    silence,
    tick,
    watermark,
)
from tests.fixtures.operators import NEWS_COMPANION, feature_row, news_row
from tests.unit.producers.fakes import RecordingOutlet

LAWS = settings(max_examples=6, deadline=None)
OWN = features_partition(INSTRUMENT)
Place = tuple[str, int]
Log = dict[Place, list[Event]]


def named(partition: int, text: str) -> str:
    """An instrument whose features lie in a partition."""
    names = (text.format(number) for number in range(1_000))
    return next(name for name in names if features_partition(name) == partition)


NEWS_PLACE: Place = (FEATURES_NEWS.name, 0)
BESIDE_HERE = named(OWN, "E{}-USDT.SIMULATED")
BESIDE_THERE = named((OWN + 1) % 4, "E{}-USDT.SIMULATED")


# Vectors: a target and its companion, in one partition and in two


def own_side(n_rows: int) -> list[Event]:
    chance, script = random.Random(3), list[Event]()
    for minute in range(1, n_rows + 1):
        script.append(feature_row(minute * MINUTE, number=chance.random()))
        if minute % 7:
            script.append(watermark(minute * MINUTE))
    return script


def companions_side(n_rows: int, companion: str) -> list[Event]:
    """Some rows are missing, some late, and for a fifth of the time it is absent."""
    chance, script, absent = random.Random(5), list[Event](), range(n_rows // 2, n_rows // 2 + n_rows // 5)
    for minute in range(1, n_rows + 1):
        at = minute * MINUTE
        if minute in absent:
            if minute % 3 == 0:
                from_ms = (absent[0] - 1) * MINUTE
                script.append(silence(from_ms, absent_until_ms=at + 1, source="simulated"))
            continue
        if absent and minute == absent[-1] + 1:
            script.append(returned(at - MINUTE + 1, source="simulated"))
        late_ms = chance.choice([0, 0, 1_999, 2_001, 3 * MINUTE])
        if chance.random() > 0.1:
            row = feature_row(at, number=chance.random(), known_ms=at + late_ms, instrument=companion)
            script.append(row)
        script.append(watermark(at, source="simulated"))
    return [*script, silence(n_rows * MINUTE, absent_until_ms=2**52, source="simulated")]


def news_side(n_rows: int) -> list[Event]:
    """A row every minute with its watermark; for a quarter of the time news is absent, and some rows are missing."""
    chance, script = random.Random(9), list[Event]()
    absent = range(n_rows // 4, n_rows // 2)
    for minute in range(1, n_rows + 1):
        at = minute * MINUTE
        if minute in absent:
            if minute % 5 == 0:
                from_ms = (absent[0] - 1) * MINUTE
                script.append(silence(from_ms, absent_until_ms=at + 1, source=NEWS))
            continue
        if minute == absent[-1] + 1:
            script.append(returned(at - MINUTE + 1, source=NEWS))
        if chance.random() > 0.2:
            script += [news_row(at, number=chance.random(), asset=asset) for asset in ("BTC", "ETH")]
        script.append(watermark(at, source=NEWS))
    return script


def in_one(left: Sequence[Event], right: Sequence[Event], chance: random.Random) -> list[Event]:
    """Both, each in its order, in one partition; stretches of either come at once."""
    sides, script = [list(left), list(right)], list[Event]()
    while any(sides):
        side = chance.choice([side for side in sides if side])
        n = min(len(side), chance.choice([1, 1, 5, 400, 10_000]))
        script += side[:n]
        del side[:n]
    return script


def vectors_of(driver: TopologyDriver) -> list[bytes]:
    return [
        value
        for value in driver.values(FEATURES_VECTOR)
        if value is not None and isinstance(codec.decode(FEATURES_VECTOR, value), VectorComputed)
    ]


def joining(companion: str) -> Job:
    environment = {"DRIFTLINE_COMPANIONS": f"{INSTRUMENT}:{companion}"}
    return vectors_job(ProcessorSettings.from_environment(environment))


def joining_news(companion: str) -> Job:
    return joining(f"{companion},{NEWS_COMPANION}")


def driven(job: Job, log: Mapping[Place, Sequence[Event | bytes]], chance: random.Random) -> TopologyDriver:
    """A job over a log of which partitions are published bit by bit, each at its own pace, with crashes."""
    driver = TopologyDriver(job, checkpoint_every_s=0.0)
    for (topic, number), events in log.items():
        driver.published[topic, number] = 0
        for event in events:
            driver.send(BY_NAME[topic], event, key="any", partition=number)
    while any(driver.published[place] < len(log[place]) for place in log):
        place = chance.choice([place for place in log if driver.published[place] < len(log[place])])
        driver.published[place] += chance.choice([1, 3, 50, 1_000, 20_000])
        for _ in range(chance.randrange(3)):
            pending = driver.step(max_messages=chance.choice([None, 1, 7, 300]))
            if chance.random() < 0.2:
                driver.crash()
            else:
                driver.commit(pending)
    while driver.run():
        pass
    return driver


@pytest.mark.parametrize("companion", [BESIDE_HERE, BESIDE_THERE], ids=["one partition", "two partitions"])
@LAWS
@given(seed=st.integers(0, 2**32))
def test_vectors_do_not_hang_on_what_was_published_when_nor_on_batches_nor_on_crashes(
    companion: str, seed: int
) -> None:
    chance, n_rows = random.Random(seed), 150
    own, beside = own_side(n_rows), companions_side(n_rows, companion)
    number = features_partition(companion)
    log: dict[Place, list[Event]] = {(FEATURES_MARKET.name, OWN): own, (FEATURES_MARKET.name, number): beside}
    if number == OWN:
        log = {(FEATURES_MARKET.name, OWN): in_one(own, beside, chance)}
    assert vectors_of(driven(joining(companion), log, chance)) == expected_vectors(n_rows, companion)


def expected_vectors(n_rows: int, companion: str) -> list[bytes]:
    """The companion whole, then the target: nothing ever waits."""
    operator = VectorOperator(partition=OWN, companions={INSTRUMENT: Companions(coin=companion)})
    script = [*companions_side(n_rows, companion), *own_side(n_rows)]
    outputs = [output for event in script for output in operator.step(FEATURES_MARKET, event)]
    # The operator is told partitions by who hands it an event; here all come by its own hand.
    if features_partition(companion) != OWN:
        operator = VectorOperator(partition=OWN, companions={INSTRUMENT: Companions(coin=companion)})
        number = features_partition(companion)
        for event in companions_side(n_rows, companion):
            list(operator.step_beside((FEATURES_MARKET.name, number), event))
        outputs = [o for event in own_side(n_rows) for o in operator.step(FEATURES_MARKET, event)]
    made = [codec.encode(output.event) for output in outputs if isinstance(output.event, VectorComputed)]
    assert len(made) == n_rows
    return made


@pytest.mark.parametrize("companion", [BESIDE_HERE, BESIDE_THERE], ids=["one partition", "two partitions"])
@LAWS
@given(seed=st.integers(0, 2**32))
def test_vectors_with_news_do_not_hang_on_what_was_published_when_nor_on_batches_nor_on_crashes(
    companion: str, seed: int
) -> None:
    """News lies in another topic: three partitions are published each at its own pace."""
    chance, n_rows = random.Random(seed), 150
    own, beside = own_side(n_rows), companions_side(n_rows, companion)
    number = features_partition(companion)
    log: dict[Place, list[Event]] = {
        (FEATURES_MARKET.name, OWN): own if number != OWN else in_one(own, beside, chance),
        **({(FEATURES_MARKET.name, number): beside} if number != OWN else {}),
        NEWS_PLACE: news_side(n_rows),
    }
    assert vectors_of(driven(joining_news(companion), log, chance)) == expected_with_news(n_rows, companion)


def expected_with_news(n_rows: int, companion: str) -> list[bytes]:
    """The news whole, the companion whole, then the target: nothing ever waits."""
    companions = Companions(coin=companion, news=NEWS_COMPANION)
    operator = VectorOperator(partition=OWN, companions={INSTRUMENT: companions})
    place = features_place(companion)
    for event in news_side(n_rows):
        list(operator.step_beside(NEWS_PLACE, event))
    for event in companions_side(n_rows, companion):
        list(operator.step_beside(place, event) if place[1] != OWN else operator.step(FEATURES_MARKET, event))
    outputs = [o.event for event in own_side(n_rows) for o in operator.step(FEATURES_MARKET, event)]
    made = [event for event in outputs if isinstance(event, VectorComputed)]
    assert len(made) == n_rows
    n_joined = sum(event.joined[NEWS] is not None for event in made)
    assert n_rows // 2 < n_joined < n_rows
    return [codec.encode(event) for event in made]


def test_target_waits_for_news_of_which_nothing_was_published_and_for_no_absent_news() -> None:
    """The worker restarts in between; what waits, and what it waits for, is in its state."""
    n_rows = 300
    log = {(FEATURES_MARKET.name, OWN): own_side(n_rows)}
    driver = TopologyDriver(joining(str(NEWS_COMPANION)))
    for event in log[FEATURES_MARKET.name, OWN]:
        driver.send(FEATURES_MARKET, event, key="any", partition=OWN)
    while driver.run():
        pass
    assert vectors_of(driver) == []
    driver.crash()
    driver.send(FEATURES_NEWS, silence(0, absent_until_ms=2**52, source=NEWS), key=NEWS, partition=0)
    while driver.run():
        pass
    made = [codec.decode(FEATURES_VECTOR, value) for value in vectors_of(driver)]
    assert [event.joined for event in made] == [{NEWS: None}] * n_rows


@pytest.mark.slow
@pytest.mark.parametrize("companion", [BESIDE_HERE, BESIDE_THERE], ids=["one partition", "two partitions"])
def test_ten_thousand_rows_wait_for_a_companion_of_which_nothing_was_published(companion: str) -> None:
    """The 513th waiting row was given up, and with it a vector, a prediction and its outcome."""
    n_rows, number = 10_000, features_partition(companion)
    own, beside = own_side(n_rows), companions_side(n_rows, companion)
    driver = TopologyDriver(joining(companion))
    for event in own:
        driver.send(FEATURES_MARKET, event, key="any", partition=OWN)
    if number != OWN:
        driver.published[FEATURES_MARKET.name, number] = 0
    while driver.run():
        pass
    assert vectors_of(driver) == []
    driver.crash()
    for event in beside:
        driver.send(FEATURES_MARKET, event, key="any", partition=number)
    driver.published.clear()
    while driver.run():
        pass
    assert vectors_of(driver) == expected_vectors(n_rows, companion)


# No configuration of targets and companions stands still


GRAPHS: dict[str, dict[int, tuple[int, ...]]] = {
    "one": {0: (1,)},
    "both ways": {0: (1,), 1: (0,)},
    "in a ring": {0: (1,), 1: (2,), 2: (0,)},
    "two of one": {0: (2,), 1: (2,)},
    "one of two, and back": {0: (1, 2), 1: (0,), 2: (1,)},
}


def placed(
    graph: Mapping[int, tuple[int, ...]], partitions: Sequence[int], *, has_news: bool
) -> dict[str, Companions]:
    """Instruments of a graph in given partitions; the second companion of one is its perpetual."""
    names = [named(partition, "ABC"[n] + "{}-USDT.BINANCE") for n, partition in enumerate(partitions)]
    found: dict[str, Companions] = {}
    for n, beside in graph.items():
        perpetual = None
        if len(beside) > 1:
            base = names[n].split("-", 1)[0]
            perpetual = f"{base}-USDT-PERP.BINANCE"
        found[names[n]] = Companions(
            coin=names[beside[0]], perpetual=perpetual, news=NEWS_COMPANION if has_news else None
        )
    return found


def logs_of(companions: Mapping[str, Companions], order: int) -> dict[Place, list[Event]]:
    """Every instrument's rows in its partition: all of one before the next, or minute by minute; and the news."""
    names = sorted({*companions, *(name for beside in companions.values() for name in beside.instruments)})
    logs: dict[Place, list[Event]] = {}
    if order == 0:
        for name in names:
            logs.setdefault(features_place(name), []).extend(_row(name, minute) for minute in range(1, 13))
    else:
        for minute in range(1, 13):
            for name in names[:: (1 if order == 1 else -1)]:
                logs.setdefault(features_place(name), []).append(_row(name, minute))
    for log in logs.values():
        log.append(watermark(12 * MINUTE))
    bases = dict.fromkeys(name.partition("-")[0] for name in companions)
    logs[NEWS_PLACE] = [
        event
        for minute in range(1, 13)
        for event in (
            *(news_row(minute * MINUTE, number=minute, asset=base) for base in bases),
            watermark(minute * MINUTE, source=NEWS),
        )
    ]
    return logs


def _row(name: str, minute: int) -> Event:
    return feature_row(minute * MINUTE, number=minute + len(name) / 10, instrument=name)


@pytest.mark.parametrize("graph", GRAPHS.values(), ids=GRAPHS.keys())
@pytest.mark.parametrize("partitions", list(product(range(3), repeat=3)), ids=str)
@pytest.mark.parametrize("has_news", [False, True], ids=["without news", "with news"])
def test_no_placement_of_targets_and_companions_stands_still(
    graph: dict[int, tuple[int, ...]], partitions: tuple[int, ...], *, has_news: bool
) -> None:
    companions = placed(graph, partitions, has_news=has_news)
    for order, seed in product(range(3), range(1)):
        logs, chance = logs_of(companions, order), random.Random(seed)
        for number in {features_partition(name) for name in companions}:
            made = read_held(number, companions, logs, chance, most=2)
            assert sorted(made) == sorted(read_held(number, companions, logs, chance, most=1_000_000))
            n_targets = sum(features_partition(name) == number for name in companions)
            assert len(made) == 12 * n_targets


def read_held(
    number: int,
    companions: Mapping[str, Companions],
    logs: Mapping[Place, Sequence[Event]],
    chance: random.Random,
    *,
    most: int,
) -> list[bytes]:
    """Read a partition and what lies beside it in any order that holding allows, to the end."""
    operator = VectorOperator(partition=number, companions=companions, most_waiting=most, most_ahead=most)
    own = (FEATURES_MARKET.name, number)
    at = dict.fromkeys([own, *sorted(operator.places_beside)], 0)
    made: list[bytes] = []
    while left := [place for place, offset in at.items() if offset < len(logs.get(place, ()))]:
        held = {own} if operator.holds else set()
        free = [place for place in left if place not in held | set(operator.holds_beside)]
        assert free, f"everything is held: {at}"
        place = chance.choice(free)
        event = logs[place][at[place]]
        at[place] += 1
        step = operator.step(FEATURES_MARKET, event) if place == own else operator.step_beside(place, event)
        made += [codec.encode(output.event) for output in step if isinstance(output.event, VectorComputed)]
    return made


# The market: candles, then ticks, then candles


def market_events() -> Iterator[MarketEvent]:
    trade_id = 0
    for stretch in range(3):
        begin = stretch * 40
        yield from (candle((begin + minute) * MINUTE) for minute in range(20) if minute not in {7, 8})
        for minute in range(20, 40):
            for second in (1, 31):
                trade_id += 1
                at_ms = (begin + minute) * MINUTE + second * 1_000
                yield tick(at_ms, 100.0 + trade_id % 7, trade_id=trade_id)


def market_log() -> dict[Place, list[bytes]]:
    """What three sessions of a producer publish; each goes on where the one before ended."""
    events, outlet, reached = list(market_events()), RecordingOutlet(), Reached()
    times = SourceTimes(
        source="binance",
        stream=STREAM,
        ticks_from_ms=T0,
        silences=(Silence(from_ms=T0 + 25 * MINUTE + 32_500, until_ms=T0 + 28 * MINUTE),),
    )
    kept = [e for e in events if not T0 + 25 * MINUTE + 32_500 <= e.known_time_ms < T0 + 28 * MINUTE]
    for epoch, part in enumerate((kept[:45], kept[45:100], kept[100:]), start=1):
        own = SourceTimes(
            source="binance", stream=STREAM, ticks_from_ms=T0, silences=times.silences, epoch=epoch
        )
        publisher = SourcePublisher(
            outlet,
            instruments=[INSTRUMENT],
            published_in=reached.topic(own),
            epoch=epoch,
            clock=ManualClock(),
        )
        for record in with_watermarks(part, own, after=reached):
            publisher.publish(record)
        candles = [e.event_time_ms for e in part if type(e).__name__ == "CandleObserved"]
        ticks = [e.known_time_ms for e in part if type(e).__name__ == "TickObserved"]
        reached = Reached(
            max(candles, default=reached.candle_end_ms), max(ticks, default=reached.tick_known_ms)
        )
    log: dict[Place, list[bytes]] = {(MARKET_CANDLE.name, OWN): [], (MARKET_TICK.name, OWN): []}
    for record in outlet.records:
        log[record.topic, OWN].append(record.value or b"")
    return log


def market_values(driver: TopologyDriver) -> list[list[bytes | None]]:
    return [driver.values(topic) for topic in (MARKET_BAR, FEATURES_MARKET)]


@pytest.fixture(scope="module")
def expected_market() -> list[list[bytes | None]]:
    """Candles and ticks in the order in which they were said: what is ahead is held."""
    driver = TopologyDriver(market_job(ProcessorSettings.from_environment({})))
    for (topic, number), values in market_log().items():
        for value in values:
            driver.send(BY_NAME[topic], value, key="any", partition=number)
    while driver.run():
        pass
    found = market_values(driver)
    assert sum(b'"BarClosed"' in (value or b"") for value in found[0]) > 100
    return found


@LAWS
@given(seed=st.integers(0, 2**32))
def test_bars_do_not_hang_on_whether_candles_or_ticks_come_first(
    seed: int, expected_market: list[list[bytes | None]]
) -> None:
    job = market_job(ProcessorSettings.from_environment({}))
    assert market_values(driven(job, market_log(), random.Random(seed))) == expected_market


def test_ticks_whole_before_any_candle_close_no_bar_without_it(
    expected_market: list[list[bytes | None]],
) -> None:
    """A tick that overtook the candles before it closed bars without them; only a time-out stood against it."""
    job, log = market_job(ProcessorSettings.from_environment({})), market_log()
    driver = TopologyDriver(job)
    driver.published[MARKET_CANDLE.name, OWN] = 0
    for (topic, number), values in log.items():
        for value in values:
            driver.send(BY_NAME[topic], value, key="any", partition=number)
    driver.run()
    assert not any(b'"BarClosed"' in (value or b"") for value in driver.values(MARKET_BAR))
    driver.published.clear()
    while driver.run():
        pass
    assert market_values(driver) == expected_market

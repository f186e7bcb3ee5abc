"""The test driver: jobs without a broker, bytes to bytes."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.events import BarClosed, Event, FeaturesComputed, OutcomeResolved, WatermarkAdvanced
from schemas.topics import (
    FEATURES_MARKET,
    FEATURES_VECTOR,
    MARKET_BAR,
    MARKET_TICK,
    OUTCOMES,
    PREDICTIONS,
    Topic,
    changelog,
    dead_letters,
    partition_of,
)
from schemas.wire.redis import clock_key, features_key
from stream_processors.jobs.market import market_job
from stream_processors.jobs.outcomes import outcomes_job
from stream_processors.jobs.vectors import vectors_job
from stream_processors.operators.join_targets import features_partition
from stream_processors.runtime.checkpointing import HEAD
from stream_processors.runtime.driving import TopologyDriver
from stream_processors.settings import ProcessorSettings
from tests.fixtures.market_events import INSTRUMENT, MINUTE, STREAM, bar, prediction, tick, watermark
from tests.fixtures.operators import COMPANION, tick_scripts, vector_scripts

PARTITION = partition_of(INSTRUMENT.encode(), 4)


def market(*, is_embedded: bool = False) -> TopologyDriver:
    return TopologyDriver(market_job(ProcessorSettings.from_environment({})), is_embedded=is_embedded)


def send(driver: TopologyDriver, topic: Topic, messages: Sequence[Event | bytes | None]) -> None:
    for message in messages:
        driver.send(topic, message, key=INSTRUMENT, partition=PARTITION)


def events_of(driver: TopologyDriver, topic: Topic) -> list[Event]:
    found = [codec.decode(topic, value) for value in driver.values(topic)]
    return [event for event in found if not isinstance(event, WatermarkAdvanced)]


def minutes_of_trades(n: int) -> list[Event]:
    trades: list[Event] = [tick(i * 10_000, 100.0 + i, trade_id=i) for i in range(6 * n)]
    return [*trades, watermark(n * MINUTE)]


def test_trades_become_bars_features_and_views() -> None:
    driver = market()
    send(driver, MARKET_TICK, minutes_of_trades(3))
    assert driver.run() == 19
    bars = events_of(driver, MARKET_BAR)
    assert [made.n_trades for made in bars if isinstance(made, BarClosed)] == [6, 6, 6]
    newest = events_of(driver, FEATURES_MARKET)[-1]
    assert isinstance(newest, FeaturesComputed)
    assert driver.views.read(features_key(STREAM, INSTRUMENT, "1m")) == codec.encode(newest)
    assert driver.views.read(clock_key(STREAM)) is not None


def test_output_carries_the_trace_of_the_message_that_triggered_it() -> None:
    driver = market()
    send(driver, MARKET_TICK, minutes_of_trades(1))
    driver.run()
    trigger = driver.log.records(MARKET_TICK.name)[-1]
    (made,) = [r for r in driver.log.records(MARKET_BAR.name) if b"BarClosed" in (r.value or b"")]
    assert dict(made.headers)["trace-id"] == codec.trace_id(trigger.value or b"").encode()


def test_bad_message_is_put_aside_and_the_flow_goes_on() -> None:
    driver = market()
    trades = minutes_of_trades(2)
    send(driver, MARKET_TICK, [*trades[:7], b"{", None, *trades[7:]])
    driver.run()
    assert len(events_of(driver, MARKET_BAR)) == 2
    letters = driver.log.records(dead_letters("market").name)
    assert [record.value for record in letters] == [b"{", None]
    assert {dict(record.headers)["error-class"] for record in letters} == {b"DecodeError"}


def test_checkpoint_is_made_when_the_clock_says_so() -> None:
    driver = market()
    send(driver, MARKET_TICK, minutes_of_trades(1))
    driver.run()
    assert driver.values(changelog("market")) == []
    driver.clock.sleep(1.0)
    send(driver, MARKET_TICK, [watermark(2 * MINUTE)])
    driver.run()
    heads = [r for r in driver.log.records(changelog("market").name) if r.key == HEAD]
    assert len(heads) == 1


def test_what_was_stepped_and_not_committed_is_made_again_after_a_crash() -> None:
    driver = market()
    send(driver, MARKET_TICK, minutes_of_trades(2))
    driver.step()
    driver.crash()
    assert driver.values(MARKET_BAR) == []
    driver.run()
    assert len(events_of(driver, MARKET_BAR)) == 2


def test_predictions_and_bars_become_outcomes() -> None:
    driver = TopologyDriver(outcomes_job([]))
    send(driver, PREDICTIONS, [prediction(0)])
    send(driver, MARKET_BAR, [bar(0, 100.5)])
    driver.run()
    (outcome,) = events_of(driver, OUTCOMES)
    assert isinstance(outcome, OutcomeResolved)
    assert outcome.is_hit


@settings(max_examples=25, deadline=None)
@given(script=tick_scripts(), data=st.data())
def test_crashes_checkpoints_and_batches_anywhere_leave_the_same_bytes(
    script: list[Event], data: st.DataObject
) -> None:
    script = [event for event in script if type(event).__name__ != "CandleObserved"]
    whole, crashing = market(), market(is_embedded=data.draw(st.booleans()))
    for driver in (whole, crashing):
        send(driver, MARKET_TICK, script)
    whole.run()
    n = 0
    while n < len(script):
        match data.draw(st.sampled_from(["run", "run", "crash", "lose", "wait"])):
            case "run":
                n += crashing.run(max_messages=data.draw(st.integers(1, 9)))
            case "crash":
                crashing.crash()
            case "lose":
                crashing.step(max_messages=5)
                crashing.crash()
            case _:
                crashing.clock.sleep(1.0)
    for topic in (MARKET_BAR, FEATURES_MARKET):
        assert crashing.values(topic) == whole.values(topic)


def test_one_transaction_shows_all_or_nothing() -> None:
    driver = market()
    send(driver, MARKET_TICK, minutes_of_trades(1))
    pending = driver.step()
    assert driver.log.committed == {}
    driver.commit(pending)
    assert driver.log.committed == {(MARKET_TICK.name, PARTITION): 7}


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_joining_job_that_crashes_anywhere_publishes_every_vector_once(data: st.DataObject) -> None:
    """Neither of two partitions alone says what is out: it is bound to the checkpoint that it came with."""
    script = data.draw(vector_scripts())
    calm, driver = vectors_driver(), vectors_driver()
    for event in script:
        send_features(calm, event)
        send_features(driver, event)
        match data.draw(st.sampled_from(["go on", "run", "step and crash", "run and crash"])):
            case "run":
                driver.run(max_messages=data.draw(st.integers(1, 4)))
            case "step and crash":
                driver.step()
                driver.crash()
            case "run and crash":
                driver.run(max_messages=2)
                driver.crash()
            case _:
                pass
    calm.run()
    driver.run()
    assert driver.log.committed.keys() <= {(FEATURES_MARKET.name, number) for number in range(4)}
    made = events_of(driver, FEATURES_VECTOR)
    assert made == events_of(calm, FEATURES_VECTOR)
    assert len(made) == sum(event.source == "binance" and "Features" in str(type(event)) for event in script)


def vectors_driver() -> TopologyDriver:
    named = f"{INSTRUMENT}:{COMPANION}"
    return TopologyDriver(vectors_job(ProcessorSettings.from_environment({"DRIFTLINE_COMPANIONS": named})))


def send_features(driver: TopologyDriver, event: Event) -> None:
    name = COMPANION if event.source == "simulated" else INSTRUMENT
    driver.send(FEATURES_MARKET, event, key=name, partition=features_partition(name))

"""The market processor's state machine: what goes out, of what comes in."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import codec
from schemas.errors import ContractError, SnapshotMismatchError
from schemas.events import (
    BarClosed,
    CandleObserved,
    Event,
    FeaturesComputed,
    SourceStatusChanged,
    WatermarkAdvanced,
)
from schemas.time import Interval
from schemas.topics import (
    FEATURES_MARKET,
    MARKET_BAR,
    MARKET_CANDLE,
    MARKET_TICK,
    SOURCES_STATUS,
    Topic,
)
from stream_processors.features.declarations import SPEC
from stream_processors.operators.keys import key_of, parts_of
from stream_processors.operators.market import MarketOperator
from stream_processors.operators.protocols import Output
from stream_processors.operators.series import BARS_BETWEEN
from stream_processors.settings import ProcessorSettings
from tests.fixtures.keeping import keep, kept
from tests.fixtures.market_events import (
    HOUR,
    MINUTE,
    STREAM,
    T0,
    candle,
    minutes,
    prediction,
    returned,
    silence,
    switched,
    tick,
    watermark,
)

INTERVALS = [Interval.ONE_MINUTE, Interval.FIFTEEN_MINUTES, Interval.ONE_HOUR]


@pytest.fixture
def operator() -> MarketOperator:
    return MarketOperator(intervals=INTERVALS)


def feed(operator: MarketOperator, events: Sequence[Event], topic: Topic = MARKET_CANDLE) -> list[Output]:
    return [output for event in events for output in operator.step(topic, event)]


def said_on(operator: MarketOperator, events: Sequence[Event], topic: Topic) -> list[Output]:
    """What goes out, but for what is said to people."""
    return [output for output in feed(operator, events, topic) if output.topic is not SOURCES_STATUS]


def bars_of(outputs: Sequence[Output], interval: Interval = Interval.ONE_MINUTE) -> list[BarClosed]:
    bars = [output.event for output in outputs if isinstance(output.event, BarClosed)]
    return [bar for bar in bars if bar.interval is interval]


def test_every_bar_is_followed_by_its_features(operator: MarketOperator) -> None:
    outputs = feed(operator, [candle(i * MINUTE) for i in range(60)])
    bars = [output.event for output in outputs[::2]]
    features = [output.event for output in outputs[1::2]]
    assert [(o.topic.name, o.key) for o in outputs[:2]] == [
        (MARKET_BAR.name, "BTC-USDT.BINANCE"),
        (FEATURES_MARKET.name, "BTC-USDT.BINANCE"),
    ]
    for bar, computed in zip(bars, features, strict=True):
        assert isinstance(bar, BarClosed)
        assert isinstance(computed, FeaturesComputed)
        assert (computed.event_time_ms, computed.known_time_ms) == (bar.event_time_ms, bar.known_time_ms)
        assert (computed.close, computed.interval) == (bar.close, bar.interval)


def test_minutes_roll_up_into_longer_bars(operator: MarketOperator) -> None:
    outputs = feed(operator, [candle(i * MINUTE) for i in range(120)])
    assert minutes(bars_of(outputs, Interval.FIFTEEN_MINUTES)) == [15 * i for i in range(8)]
    assert minutes(bars_of(outputs, Interval.ONE_HOUR)) == [0, 60]


def test_features_name_every_declared_feature_in_order(operator: MarketOperator) -> None:
    computed = feed(operator, [candle(0)])[1].event
    assert isinstance(computed, FeaturesComputed)
    assert tuple(computed.values) == SPEC.names
    assert computed.feature_spec_hash == SPEC.hash


def test_features_are_warm_when_every_feature_has_seen_its_bars(operator: MarketOperator) -> None:
    outputs = feed(operator, [candle(i * MINUTE) for i in range(SPEC.warm_up_bars)])
    is_warm = [
        output.event.is_warm
        for output in outputs
        if isinstance(output.event, FeaturesComputed) and output.event.interval is Interval.ONE_MINUTE
    ]
    assert is_warm == [False] * (SPEC.warm_up_bars - 1) + [True]


def test_watermark_is_forwarded_behind_the_bars_it_closed_without_a_key(operator: MarketOperator) -> None:
    outputs = said_on(operator, [tick(0, trade_id=1), watermark(MINUTE + 500)], MARKET_TICK)
    assert [type(output.event) for output in outputs] == [
        BarClosed,
        FeaturesComputed,
        WatermarkAdvanced,
        WatermarkAdvanced,
    ]
    assert [(output.topic.name, output.key) for output in outputs[2:]] == [
        (MARKET_BAR.name, None),
        (FEATURES_MARKET.name, None),
    ]
    assert outputs[2].event.event_time_ms == T0 + MINUTE


def test_one_watermark_is_forwarded_per_bar_end(operator: MarketOperator) -> None:
    marks = [watermark(second * 1000) for second in range(1, 181)]
    outputs = feed(operator, [tick(0, trade_id=1), *marks], MARKET_TICK)
    forwarded = [
        o.event.event_time_ms - T0
        for o in outputs
        if isinstance(o.event, WatermarkAdvanced) and o.topic is MARKET_BAR
    ]
    assert forwarded == [0, MINUTE, 2 * MINUTE, 3 * MINUTE]


def test_watermarks_of_candles_make_no_bars(operator: MarketOperator) -> None:
    outputs = feed(operator, [candle(0), watermark(MINUTE), watermark(10 * MINUTE)])
    assert minutes(bars_of(outputs)) == [0]


def test_candle_that_heals_a_gap_changes_nothing_even_if_it_is_read_before_the_trades(
    operator: MarketOperator,
) -> None:
    """Kafka keeps no order between topics, so it closed a bar of which the trades were still to be read."""
    plain = MarketOperator(intervals=INTERVALS)
    assert feed(operator, [candle(0), candle(7 * MINUTE, revision=1)]) == feed(plain, [candle(0)])
    following = [candle(MINUTE), watermark(2 * MINUTE)]
    assert feed(operator, following) == feed(plain, following)


def test_silence_behind_missing_candles_makes_no_bars(operator: MarketOperator) -> None:
    """A candle file's silence behind a hole at its end had the hole filled with tradeless bars."""
    # |candle|  missing  |S
    outputs = feed(operator, [candle(0), silence(5 * MINUTE), candle(10 * MINUTE)])
    assert minutes(bars_of(outputs)) == [0, 10]


def test_gap_makes_the_features_begin_anew(operator: MarketOperator) -> None:
    first = feed(operator, [candle(i * MINUTE) for i in range(100)])
    behind = feed(operator, [candle(HOUR * 10)])
    anew = feed(MarketOperator(intervals=INTERVALS), [candle(HOUR * 10)])
    assert first[-1].event.is_warm is True  # type: ignore[attr-defined]
    assert behind == anew


def test_source_outside_the_table_is_a_contract_error(operator: MarketOperator) -> None:
    unknown = msgspec.structs.replace(tick(0, trade_id=1), source="nowhere")
    with pytest.raises(ContractError, match="nowhere"):
        feed(operator, [unknown], MARKET_TICK)


def test_candle_of_another_interval_is_a_contract_error_and_changes_nothing(operator: MarketOperator) -> None:
    feed(operator, [candle(0)])
    kept(operator)
    with pytest.raises(ContractError, match="5m"):
        feed(operator, [candle(5 * MINUTE, interval=Interval.FIVE_MINUTES)])
    assert not list(operator.changes())


def test_candle_of_another_interval_among_open_trades_is_a_contract_error(operator: MarketOperator) -> None:
    """Before the first bar closed the interval changed under the open ones, which then stayed for good."""
    feed(operator, [tick(0, trade_id=1)], MARKET_TICK)
    with pytest.raises(ContractError, match="15m"):
        feed(operator, [candle(0, interval=Interval.FIFTEEN_MINUTES)])


def test_interval_named_twice_is_made_once() -> None:
    """DRIFTLINE_INTERVALS=15m,15m published every longer bar twice and kept its features cold."""
    settings = ProcessorSettings.from_environment({"DRIFTLINE_INTERVALS": "15m,15m"})
    operator = MarketOperator(intervals=settings.bar_intervals)
    outputs = feed(operator, [candle(i * MINUTE) for i in range(15)])
    assert minutes(bars_of(outputs, Interval.FIFTEEN_MINUTES)) == [0]


def test_event_of_another_topic_is_a_programmers_mistake(operator: MarketOperator) -> None:
    with pytest.raises(TypeError):
        feed(operator, [prediction(0)])


@pytest.mark.parametrize("value", [b"", b"\xc1", b"\x93\x01\x02\x03"])
def test_state_of_another_release_is_refused(operator: MarketOperator, value: bytes) -> None:
    feed(operator, [candle(0)])
    entries = kept(operator)
    for key in entries:
        with pytest.raises(SnapshotMismatchError):
            MarketOperator(intervals=INTERVALS).restore(entries | {key: value})


def test_state_of_another_feature_set_is_refused(operator: MarketOperator) -> None:
    feed(operator, [candle(0)])
    entries = kept(operator)
    with pytest.raises(SnapshotMismatchError, match="feature set"):
        MarketOperator(intervals=INTERVALS).restore(entries | {key_of("spec", ""): b"ff" * 32})


def test_state_with_features_of_another_size_is_refused(operator: MarketOperator) -> None:
    """It was a ValueError, which is a programmer's mistake and not a state to leave aside."""
    feed(operator, [candle(i * MINUTE) for i in range(BARS_BETWEEN + 1)])
    entries = kept(operator)
    (key,) = [key for key in entries if parts_of(key)[0] == "whole" and parts_of(key)[-1] == "1m"]
    with pytest.raises(SnapshotMismatchError, match="had 10"):
        MarketOperator(intervals=INTERVALS).restore(entries | {key: b"\0" * 80})


def test_state_without_the_bars_or_the_whole_state_before_them_is_refused(operator: MarketOperator) -> None:
    feed(operator, [candle(i * MINUTE) for i in range(BARS_BETWEEN + 1)])
    entries = kept(operator)
    for kind in ("whole", "open"):
        left = {key: value for key, value in entries.items() if parts_of(key)[0] != kind}
        with pytest.raises(SnapshotMismatchError):
            MarketOperator(intervals=INTERVALS).restore(left)


@settings(max_examples=15, deadline=None)
@given(
    starts=st.sets(st.integers(0, 150), min_size=1, max_size=140).map(sorted),
    asked=st.sets(st.integers(0, 140), max_size=30),
    data=st.data(),
)
def test_restore_over_whole_states_and_gaps_goes_on_to_the_bit(
    starts: list[int], asked: set[int], data: st.DataObject
) -> None:
    """Bars without some minutes; changes asked for now and then, and a restore anywhere."""
    held, entries = MarketOperator(intervals=INTERVALS), dict[bytes, bytes]()
    cut = data.draw(st.integers(0, len(starts)))
    for number, minute in enumerate(starts[:cut]):
        feed(held, [candle(minute * MINUTE, volume=1.0 + minute)])
        if number in asked:
            keep(held, entries)
    keep(held, entries)
    restored = MarketOperator(intervals=INTERVALS)
    restored.restore(entries)
    assert list(restored.newest()) == list(held.newest())
    rest = [candle(minute * MINUTE, volume=1.0 + minute) for minute in starts[cut:]]
    assert feed(restored, rest) == feed(held, rest)
    assert list(restored.changes()) == list(held.changes())


def test_what_a_close_writes_stays_below_two_kilobytes_on_average(operator: MarketOperator) -> None:
    """All of the state was written at every commit: 72 kB for an instrument with three intervals."""
    n_bytes, n_closes = 0, 0
    for i in range(40 * BARS_BETWEEN):
        outputs = feed(operator, [candle(i * MINUTE)])
        n_closes += sum(isinstance(output.event, BarClosed) for output in outputs)
        n_bytes += sum(len(key) + len(value or b"") for key, value in operator.changes())
    assert n_bytes / n_closes < 2_000


def test_what_a_trade_writes_is_its_open_bar_alone(operator: MarketOperator) -> None:
    feed(operator, [candle(i * MINUTE) for i in range(BARS_BETWEEN)])
    feed(operator, [tick(BARS_BETWEEN * MINUTE, trade_id=1)], MARKET_TICK)
    kept(operator)
    feed(operator, [tick(BARS_BETWEEN * MINUTE + 1, trade_id=2)], MARKET_TICK)
    ((key, value),) = operator.changes()
    assert parts_of(key)[0] == "open"
    assert len(key) + len(value or b"") < 300


def test_whole_states_of_many_instruments_do_not_fall_on_one_close(operator: MarketOperator) -> None:
    names = [f"A{i}-USDT.BINANCE" for i in range(60)]
    most = 0
    for minute in range(3 * BARS_BETWEEN):
        feed(operator, [candle(minute * MINUTE, instrument=name) for name in names])
        written = [parts_of(key) for key, _ in operator.changes()]
        most = max(most, sum(parts[0] == "whole" and parts[-1] == "1m" for parts in written))
    assert most < 12


def test_newest_gives_back_each_view_behind_a_restore(operator: MarketOperator) -> None:
    feed(operator, [candle(i * MINUTE) for i in range(60)])
    feed(operator, [watermark(HOUR)])
    restored = MarketOperator(intervals=INTERVALS)
    restored.restore(kept(operator))
    newest = list(restored.newest())
    assert newest == list(operator.newest())
    intervals = [event.interval for event in newest if isinstance(event, FeaturesComputed)]
    assert sorted(intervals) == sorted(INTERVALS)
    clocks = [event for event in newest if isinstance(event, WatermarkAdvanced)]
    assert [(clock.stream, clock.event_time_ms) for clock in clocks] == [(STREAM, T0 + HOUR)]


def test_two_streams_with_the_same_instrument_are_kept_apart(operator: MarketOperator) -> None:
    def renamed(event: CandleObserved) -> CandleObserved:
        return msgspec.structs.replace(event, stream="replay-2")

    candles = [candle(i * MINUTE, volume=1.0 + i) for i in range(20)]
    alone = feed(MarketOperator(intervals=INTERVALS), candles)
    mixed = feed(operator, [event for one in candles for event in (one, renamed(one))])
    assert [output for output in mixed if output.event.stream == STREAM] == alone


# What sources say of themselves


def forwarded(operator: MarketOperator, events: Sequence[Event], topic: Topic = MARKET_TICK) -> list[Event]:
    """What the features' topic is told of sources."""
    return [
        output.event
        for output in feed(operator, events, topic)
        if output.topic is FEATURES_MARKET and not isinstance(output.event, FeaturesComputed)
    ]


def test_slower_sources_watermark_is_not_swallowed_by_a_faster_ones(operator: MarketOperator) -> None:
    """It was forgotten of which source the newest forwarded watermark of a stream was."""
    marks = [watermark(5 * MINUTE), watermark(MINUTE, source="simulated"), watermark(6 * MINUTE)]
    assert forwarded(operator, marks) == marks


def test_silence_and_return_are_handed_on_once_each_without_their_session(operator: MarketOperator) -> None:
    """::

    W1  S  S  S until 3  S until 2  R  R  S(old)  W4
    """
    script = [
        watermark(MINUTE, epoch=7),
        silence(MINUTE, epoch=7),
        silence(MINUTE, epoch=7),
        silence(MINUTE, absent_until_ms=3 * MINUTE, epoch=7),
        silence(MINUTE, absent_until_ms=2 * MINUTE, epoch=7),
        returned(3 * MINUTE, epoch=7),
        returned(3 * MINUTE, epoch=7),
        silence(MINUTE, absent_until_ms=9 * MINUTE, epoch=7),
        watermark(4 * MINUTE, epoch=7),
    ]
    assert forwarded(operator, script) == [
        watermark(MINUTE),
        silence(MINUTE),
        silence(MINUTE, absent_until_ms=3 * MINUTE),
        returned(3 * MINUTE),
        watermark(4 * MINUTE),
    ]


def test_what_an_earlier_session_says_of_itself_is_void(operator: MarketOperator) -> None:
    """::

    old   W1 ---------------- W9 - S10
    new   ------ W2 (epoch 8) ----------- W3
    """
    script = [
        watermark(MINUTE, epoch=7),
        watermark(2 * MINUTE, epoch=8),
        watermark(9 * MINUTE, epoch=7),
        silence(10 * MINUTE, epoch=7),
        watermark(3 * MINUTE, epoch=8),
    ]
    assert forwarded(operator, script) == [watermark(minute * MINUTE) for minute in (1, 2, 3)]


def test_session_of_one_topic_is_no_earlier_one_because_the_other_topic_was_read_first(
    operator: MarketOperator,
) -> None:
    feed(operator, [watermark(MINUTE, epoch=8)], MARKET_TICK)
    assert forwarded(operator, [watermark(2 * MINUTE, epoch=7)], MARKET_CANDLE) == [watermark(2 * MINUTE)]


def test_people_are_told_when_a_source_begins_falls_silent_returns_and_is_taken_over(
    operator: MarketOperator,
) -> None:
    script = [
        watermark(MINUTE, epoch=7),
        watermark(2 * MINUTE, epoch=7),
        silence(2 * MINUTE, absent_until_ms=3 * MINUTE, epoch=7),
        silence(2 * MINUTE, absent_until_ms=4 * MINUTE, epoch=7),
        returned(4 * MINUTE, epoch=7),
        watermark(5 * MINUTE, epoch=8),
        silence(5 * MINUTE, epoch=8),
        watermark(6 * MINUTE, epoch=8),
    ]
    told = [output for output in feed(operator, script, MARKET_TICK) if output.topic is SOURCES_STATUS]
    assert {output.key for output in told} == {"binance"}
    changes = [output.event for output in told if isinstance(output.event, SourceStatusChanged)]
    assert [((c.event_time_ms - T0) // MINUTE, c.is_present, c.epoch) for c in changes] == [
        (1, True, 7),
        (2, False, 7),
        (4, True, 7),
        (5, True, 8),
        (5, False, 8),
        (6, True, 8),
    ]


# Where candles end and ticks begin

TO_TICKS = switched(MINUTE, MARKET_CANDLE, MARKET_TICK, epoch=3)
TO_CANDLES = switched(9 * MINUTE, MARKET_TICK, MARKET_CANDLE, number=1, epoch=3)


def test_ticks_are_held_until_the_candles_before_them_were_met(operator: MarketOperator) -> None:
    """::

    candles   c W      L
    ticks         E ---|-- t      t is not stepped before L was
    """
    feed(operator, [TO_TICKS], MARKET_TICK)
    assert operator.holds == {MARKET_TICK.name}
    feed(operator, [candle(0), watermark(MINUTE)], MARKET_CANDLE)
    assert operator.holds == {MARKET_TICK.name}
    feed(operator, [TO_TICKS], MARKET_CANDLE)
    assert not operator.holds


def test_switch_that_was_met_in_the_left_topic_first_holds_nothing(operator: MarketOperator) -> None:
    feed(operator, [candle(0), TO_TICKS, TO_TICKS], MARKET_CANDLE)
    feed(operator, [TO_TICKS, tick(MINUTE, trade_id=1), TO_CANDLES], MARKET_TICK)
    assert not operator.holds
    feed(operator, [TO_CANDLES], MARKET_CANDLE)
    assert not operator.holds


def test_candles_behind_ticks_are_held_likewise_and_a_later_switch_stands_for_an_earlier(
    operator: MarketOperator,
) -> None:
    feed(operator, [TO_CANDLES], MARKET_CANDLE)
    assert operator.holds == {MARKET_CANDLE.name}
    feed(operator, [switched(9 * MINUTE, MARKET_TICK, MARKET_CANDLE, epoch=4)], MARKET_TICK)
    assert not operator.holds


def test_sources_and_streams_hold_a_topic_each_for_itself(operator: MarketOperator) -> None:
    other = switched(MINUTE, MARKET_CANDLE, MARKET_TICK, epoch=3, source="simulated")
    feed(operator, [TO_TICKS, other], MARKET_TICK)
    feed(operator, [other], MARKET_CANDLE)
    assert operator.holds == {MARKET_TICK.name}
    feed(operator, [TO_TICKS], MARKET_CANDLE)
    assert not operator.holds


def test_hold_outlives_a_restart_and_ends_with_a_run_that_is_forgotten(operator: MarketOperator) -> None:
    feed(operator, [TO_TICKS], MARKET_TICK)
    again = MarketOperator(intervals=INTERVALS)
    again.restore(kept(operator))
    assert again.holds == {MARKET_TICK.name}
    again.forget(STREAM)
    assert not again.holds


def test_batch_of_ticks_is_left_off_where_the_hold_begins(operator: MarketOperator) -> None:
    events = [watermark(0), TO_TICKS, tick(MINUTE, trade_id=1)]
    stepped = operator.step_values(MARKET_TICK, [codec.encode(event) for event in events], lambda _i: ())
    assert stepped.n_taken == 2


def test_log_of_a_release_without_switches_holds_nothing(operator: MarketOperator) -> None:
    feed(operator, [tick(0, trade_id=1), watermark(MINUTE)], MARKET_TICK)
    assert not operator.holds

"""Bars from ticks and candles; every window is drawn above what is asserted of it.

In the timelines one character is ten seconds, ``|`` a minute's boundary, ``.`` a trade, ``W`` a
watermark, ``S`` a silence, ``x`` a trade that comes too late.
"""

from collections.abc import Sequence

import pytest

from schemas.events import BarClosed, CandleObserved, Event, SourceFellSilent, TickObserved, WatermarkAdvanced
from schemas.time import Interval
from stream_processors.operators.bars import BarBuilder
from tests.fixtures.market_events import (
    HOUR,
    INSTRUMENT,
    MINUTE,
    STREAM,
    T0,
    candle,
    minutes,
    silence,
    tick,
    watermark,
)

SECOND = 1000


@pytest.fixture
def builder() -> BarBuilder:
    return BarBuilder(stream=STREAM, instrument=INSTRUMENT, source="binance")


def feed(builder: BarBuilder, events: Sequence[Event], *, lateness_ms: int = 0) -> list[BarClosed]:
    bars: list[BarClosed] = []
    for event in events:
        match event:
            case TickObserved():
                bars += builder.on_tick(event, allowed_lateness_ms=lateness_ms)
            case CandleObserved():
                made = builder.on_candle(event)
                bars += [] if made is None else [made]
            case WatermarkAdvanced():
                bars += builder.on_watermark(event.event_time_ms, known_ms=event.known_time_ms)
            case SourceFellSilent():
                bars += builder.on_silence(event.event_time_ms, known_ms=event.known_time_ms)
    return bars


def test_bar_closes_at_the_watermark_and_is_known_with_it(builder: BarBuilder) -> None:
    # |. .  .|W
    events = [
        tick(0, 100.0, trade_id=1, size=1.0),
        tick(20 * SECOND, 103.0, trade_id=2, size=2.0, is_buyer_maker=True),
        tick(50 * SECOND, 99.0, trade_id=3, size=4.0),
        watermark(MINUTE + 5),
    ]
    (made,) = feed(builder, events)
    assert (made.open, made.high, made.low, made.close) == (100.0, 103.0, 99.0, 99.0)
    assert (made.volume, made.buy_volume, made.n_trades) == (7.0, 5.0, 3)
    assert (made.start_ms, made.event_time_ms) == (T0, T0 + MINUTE)
    assert made.known_time_ms == T0 + MINUTE + 5


def test_watermark_short_of_the_end_closes_nothing(builder: BarBuilder) -> None:
    # |.    W|
    assert feed(builder, [tick(0, trade_id=1), watermark(MINUTE - 1)]) == []


def test_trade_of_the_next_minute_closes_the_bar_before_it(builder: BarBuilder) -> None:
    # |.     |.
    bars = feed(builder, [tick(0, trade_id=1), tick(MINUTE, trade_id=2)])
    assert minutes(bars) == [0]


def test_late_trade_is_counted_and_not_added(builder: BarBuilder) -> None:
    # |.     |W x    |W      the x belongs to the first minute
    events = [
        tick(0, 100.0, trade_id=1),
        watermark(MINUTE),
        tick(30 * SECOND, 500.0, trade_id=2, known_ms=MINUTE + 10),
        tick(MINUTE + 20 * SECOND, 101.0, trade_id=3),
        watermark(2 * MINUTE),
    ]
    first, second = feed(builder, events)
    assert (first.high, first.n_trades, first.n_late) == (100.0, 1, 0)
    assert (second.high, second.n_trades, second.n_late) == (101.0, 1, 1)


def test_interval_without_a_trade_in_a_living_stream_is_a_bar_at_the_previous_close(
    builder: BarBuilder,
) -> None:
    # |.     |W     |W
    bars = feed(builder, [tick(0, 100.0, trade_id=1), watermark(MINUTE), watermark(2 * MINUTE)])
    empty = bars[1]
    assert (empty.n_trades, empty.volume, empty.buy_volume) == (0, 0.0, 0.0)
    assert (empty.open, empty.high, empty.low, empty.close) == (100.0,) * 4


def test_interval_that_was_joined_midway_is_no_bar(builder: BarBuilder) -> None:
    # |  . . |.     |W
    events = [
        tick(20 * SECOND, trade_id=1),
        tick(40 * SECOND, trade_id=2),
        tick(MINUTE, trade_id=3),
        watermark(2 * MINUTE),
    ]
    bars = feed(builder, events)
    assert minutes(bars) == [1]
    assert builder.n_unbounded == 2
    assert bars[0].n_late == 0


def test_outage_makes_no_bars_and_the_interval_joined_behind_it_neither(builder: BarBuilder) -> None:
    # |.     |.  S          |   .   |.     |W
    events = [
        tick(0, trade_id=1),
        tick(MINUTE, trade_id=2),
        silence(MINUTE + 30 * SECOND),
        tick(5 * MINUTE + 30 * SECOND, trade_id=3),
        tick(6 * MINUTE, trade_id=4),
        watermark(7 * MINUTE),
    ]
    assert minutes(feed(builder, events)) == [0, 6]


def test_trades_of_the_interval_joined_behind_an_outage_are_not_late(builder: BarBuilder) -> None:
    """They were counted as late of the next bar: only the very first join was recognised."""
    # |.     S          |   . . |.     |W
    events = [
        tick(0, trade_id=1),
        silence(MINUTE),
        tick(5 * MINUTE + 30 * SECOND, trade_id=2),
        tick(5 * MINUTE + 40 * SECOND, trade_id=3),
        tick(6 * MINUTE, trade_id=4),
        watermark(7 * MINUTE),
    ]
    assert [made.n_late for made in feed(builder, events)] == [0, 0]
    assert builder.n_unbounded == 2


def test_price_of_before_an_outage_is_not_the_close_of_a_tradeless_bar_behind_it(builder: BarBuilder) -> None:
    """The tradeless interval behind an outage became a bar at the price of before it."""
    # |.     S          |   .   |      |W
    events = [
        tick(0, 100.0, trade_id=1),
        silence(MINUTE),
        tick(5 * MINUTE + 30 * SECOND, 200.0, trade_id=2),
        watermark(7 * MINUTE),
    ]
    assert minutes(feed(builder, events)) == [0]


def test_silence_in_the_interval_joined_midway_ends_the_stretch(builder: BarBuilder) -> None:
    """Such a silence was taken for an old one, and the next join's part of a minute became a bar."""
    # |  . S |          |  .   |W
    events = [
        tick(20 * SECOND, trade_id=1),
        silence(40 * SECOND),
        tick(5 * MINUTE + 20 * SECOND, trade_id=2),
        watermark(6 * MINUTE),
    ]
    assert feed(builder, events) == []


def test_silence_from_before_the_stretch_changes_nothing(builder: BarBuilder) -> None:
    # S told again behind |  . |.     |W
    events = [
        tick(20 * SECOND, trade_id=1),
        silence(10 * SECOND),
        tick(MINUTE, trade_id=2),
        watermark(2 * MINUTE),
    ]
    assert minutes(feed(builder, events)) == [1]


def test_late_trade_behind_an_outage_does_not_open_a_closed_bar_again(builder: BarBuilder) -> None:
    """Without a next bar nothing was late, and a bar that was out was made a second time."""
    # |.     |.     |S  x   the x belongs to the first minute
    events = [
        tick(0, trade_id=1),
        tick(MINUTE, trade_id=2),
        silence(2 * MINUTE),
        tick(0, trade_id=3),
        watermark(3 * MINUTE),
    ]
    assert minutes(feed(builder, events)) == [0, 1]
    assert builder.n_late == 1


def test_candle_told_again_behind_an_outage_makes_no_second_bar(builder: BarBuilder) -> None:
    """A producer that went on from its stored position had the segment's last bars made again."""
    # |candle|S  |candle|
    events = [candle(0), silence(MINUTE), candle(0), silence(MINUTE), candle(10 * MINUTE)]
    assert minutes(feed(builder, events)) == [0, 10]


def test_candle_wins_over_the_trades_of_its_interval(builder: BarBuilder) -> None:
    # |. .   |candle
    events = [
        tick(0, 50.0, trade_id=1),
        tick(20 * SECOND, 60.0, trade_id=2),
        candle(0, (100.0, 102.0, 99.0, 101.0)),
        tick(MINUTE, 101.0, trade_id=3),
        watermark(2 * MINUTE),
    ]
    first, second = feed(builder, events)
    assert (first.open, first.close) == (100.0, 101.0)
    assert (first.buy_volume, first.n_trades) == (None, None)
    assert second.n_trades == 1


def test_revision_of_a_closed_candle_makes_no_bar(builder: BarBuilder) -> None:
    bars = feed(builder, [candle(0), candle(0, (1.0, 2.0, 0.5, 1.5), revision=1)])
    assert [made.close for made in bars] == [100.5]


def test_missing_candles_make_no_bars(builder: BarBuilder) -> None:
    assert minutes(feed(builder, [candle(0), candle(5 * MINUTE)])) == [0, 5]


def test_candles_keep_their_own_interval(builder: BarBuilder) -> None:
    (made,) = feed(builder, [candle(0, interval=Interval.ONE_HOUR)])
    assert (made.interval, made.event_time_ms) == (Interval.ONE_HOUR, T0 + HOUR)


def test_trade_out_of_order_within_the_allowed_lateness_is_added(builder: BarBuilder) -> None:
    # |  .  .|. x    |W      the x belongs to the first minute, and comes 25 s behind the newest
    events = [
        tick(0, 100.0, trade_id=1),
        tick(50 * SECOND, 101.0, trade_id=2),
        tick(MINUTE + 15 * SECOND, 103.0, trade_id=3),
        tick(55 * SECOND, 99.0, trade_id=4),
        tick(2 * MINUTE + 40 * SECOND, 104.0, trade_id=5),
    ]
    first, second = feed(builder, events, lateness_ms=30 * SECOND)
    assert (first.n_trades, first.low, first.close, first.n_late) == (3, 99.0, 99.0, 0)
    assert (second.n_trades, second.open) == (1, 103.0)


def test_open_and_close_go_by_event_time_not_by_arrival(builder: BarBuilder) -> None:
    events = [
        tick(0, 10.0, trade_id=1),
        tick(2 * MINUTE - 1, 103.0, trade_id=2),
        tick(MINUTE, 101.0, trade_id=3),
        watermark(2 * MINUTE),
    ]
    _, second = feed(builder, events, lateness_ms=2 * MINUTE)
    assert (second.open, second.close) == (101.0, 103.0)


def test_repeated_trade_changes_nothing(builder: BarBuilder) -> None:
    (made,) = feed(builder, [tick(0, trade_id=1), tick(0, trade_id=1), watermark(MINUTE)])
    assert (made.n_trades, made.n_late, builder.n_repeated) == (1, 0, 1)


def test_silence_of_more_than_a_day_is_an_outage_also_behind_a_trade(builder: BarBuilder) -> None:
    """With a trade in the open bar every minute up to the watermark was made, however far it lay."""
    # |.     |  (a thousand years)  W
    bars = feed(builder, [tick(0, trade_id=1), watermark(1000 * 365 * 24 * HOUR), watermark(2**52 - T0)])
    assert minutes(bars) == [0]
    assert builder.next_start_ms is None


def test_silence_of_a_day_is_made_of_tradeless_bars(builder: BarBuilder) -> None:
    bars = feed(builder, [tick(0, trade_id=1), watermark(24 * HOUR)])
    assert len(bars) == 24 * 60


def test_trade_from_the_far_future_closes_what_was_open_and_holds_one_bar(builder: BarBuilder) -> None:
    bars = feed(builder, [tick(0, trade_id=1), tick(2**52 - T0, trade_id=2)])
    assert minutes(bars) == [0]
    assert len(builder.open_bars) <= 1


def test_trade_from_the_far_past_is_late(builder: BarBuilder) -> None:
    bars = feed(builder, [tick(0, trade_id=1), tick(-T0, trade_id=2), watermark(MINUTE)])
    assert [made.n_late for made in bars] == [1]


def test_watermark_before_the_first_event_does_nothing(builder: BarBuilder) -> None:
    assert feed(builder, [watermark(MINUTE), silence(MINUTE)]) == []


def test_watermarks_never_run_backwards(builder: BarBuilder) -> None:
    bars = feed(
        builder, [tick(0, trade_id=1), watermark(2 * MINUTE), watermark(MINUTE), watermark(2 * MINUTE)]
    )
    assert minutes(bars) == [0, 1]

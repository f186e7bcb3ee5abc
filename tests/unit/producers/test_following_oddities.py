"""Venues that do odd things: refuse, never answer, fall silent, count anew, run ahead, and are read too slowly."""

import random

import pytest
from msgspec.structs import replace

from producers.jobs.following.following import SourceFollower
from producers.jobs.following.giving import FollowedFrom
from producers.jobs.following.handing import Handover, ShutError
from producers.jobs.following.notes import GapNotes, NoRecorder
from producers.jobs.following.options import FollowOptions
from producers.normalise.live import Complete, Held
from producers.normalise.observations import VenueQuote
from producers.normalise.quote_rates import QuoteRate
from producers.normalise.trades import VenueTrade
from producers.normalise.venue_clocks import LARGEST_LATENESS_MS, VenueClock
from schemas.events import CandleObserved, SourceFellSilent, SourceReturned, TickObserved
from schemas.gaps import MemoryGaps
from schemas.wire.clocks import ManualClock
from tests.fakes.played_exchanges import MINUTE_MS, TRAITS, PlayedExchange
from tests.unit.producers.test_following import (
    BTC,
    OTHER,
    T0,
    assert_whole,
    exchange,
    followed,
    run_of,
    stretch,
    trades,
)

LOOSE = replace(TRAITS, has_contiguous_ids=False)


def coinbase(clock, **values):
    return exchange(clock, name="coinbase", instrument=OTHER, seed=5, first_id=9_000_000, **values)


def bars_of(run, instrument):
    return {fact: bar for fact, bar in run.made().bars.items() if bar.instrument == instrument}


def of_source(run, kind, source):
    return [event for event in run.events() if isinstance(event, kind) and event.source == source]


def test_venue_that_refuses_is_absent_and_the_other_is_as_if_alone():
    def refusing(clock):
        made = coinbase(clock)
        made.refuses = True
        return made

    run = run_of(exchange, refusing)
    run.warm_up()
    run.follow(T0 + 300_000)
    assert_whole(run)
    assert bars_of(run, BTC) == bars_of(followed(), BTC)
    assert of_source(run, SourceFellSilent, "coinbase")
    assert not of_source(run, SourceFellSilent, "binance")
    assert [plan.state.is_refused for plan in run.plans] == [False, True]
    assert "451" in run.plans[1].state.reason


def test_venue_that_does_not_answer_at_the_start_is_taken_in_with_its_history_when_it_does():
    def late(clock):
        made = coinbase(clock)
        made.socket_is_down = made.rest_is_down = [stretch(0, 200)]
        return made

    run = run_of(exchange, late, history_minutes=3)
    run.warm_up()
    run.follow(T0 + 600_000)
    assert bars_of(run, BTC) == bars_of(followed(until_s=600), BTC)
    minutes = {bar.start_ms for bar in bars_of(run, OTHER).values() if bar.interval == "1m"}
    assert minutes == set(range(T0 - 3 * MINUTE_MS, max(minutes) + 1, MINUTE_MS))
    assert max(minutes) >= T0 + 8 * MINUTE_MS
    assert of_source(run, SourceReturned, "coinbase")
    assert run.gaps() == []


def test_what_one_venue_publishes_does_not_hang_on_how_fast_the_other_is():
    slow = run_of(exchange, lambda clock: coinbase(clock, latency_ms=4_000, lag_ms=6_000, page=7))
    quick = run_of(exchange, coinbase)
    for run in (slow, quick):
        run.warm_up()
        run.follow(T0 + 300_000)
    assert bars_of(slow, BTC) == bars_of(quick, BTC)
    for fact, bar in bars_of(slow, OTHER).items():
        assert bars_of(quick, OTHER)[fact] == bar
    assert slow.gaps() == quick.gaps() == []


def test_connection_on_which_nothing_comes_any_more_is_opened_anew_and_refilled():
    def prepare(venue):
        venue.is_mute = [stretch(70, 1_000)]

    plain, run = followed(), followed(prepare)
    assert_whole(run)
    assert run.made() == plain.made()


@pytest.mark.parametrize("cut", [(), (61.0, 130.5, 131.0)])
def test_venue_without_contiguous_ids_gives_each_trade_once_too(cut):
    def spread(clock):
        found = trades()
        apart = [replace(trade, trade_id=1000 + 3 * n) for n, trade in enumerate(found)]
        made = PlayedExchange("binance", clock, {BTC: apart}, traits=LOOSE, lag_ms=900)
        made.cuts = [T0 + int(1000 * second) for second in cut]
        return made

    run = run_of(spread)
    run.warm_up()
    run.follow(T0 + 300_000)
    assert_whole(run)
    assert all(tick.id_epoch == 0 for tick in run.ticks(BTC))


def test_ids_that_start_again_are_another_epoch_and_no_trade_is_lost():
    def anew(clock):
        found = trades()
        at = next(n for n, trade in enumerate(found) if trade.time_ms > T0 + 95_000)
        again = [replace(trade, trade_id=n) for n, trade in enumerate(found[at:])]
        return PlayedExchange("binance", clock, {BTC: [*found[:at], *again]})

    run = run_of(anew)
    run.warm_up()
    run.follow(T0 + 300_000)
    plain = followed()
    assert {tick.id_epoch for tick in run.ticks(BTC)} == {0, 1}
    assert len(run.ticks(BTC)) == len(plain.ticks(BTC))
    assert [bar.volume for bar in run.made().bars.values()] == [
        bar.volume for bar in plain.made().bars.values()
    ]


def test_trades_that_arrive_out_of_order_are_given_in_order():
    def shuffled(clock):
        made = exchange(clock)
        for n in range(400, len(made.messages) - 1, 50):
            first, second = made.messages[n], made.messages[n + 1]
            made.messages[n] = (first[0], *second[1:])
            made.messages[n + 1] = (second[0], *first[1:])
        return made

    run = run_of(shuffled)
    run.warm_up()
    run.follow(T0 + 300_000)
    assert_whole(run)
    assert run.made() == followed().made()


def test_venue_whose_clock_is_far_ahead_is_a_finding_and_no_crash():
    def ahead(clock):
        found = [replace(trade, time_ms=trade.time_ms + 90_000) for trade in trades()]
        return PlayedExchange("binance", clock, {BTC: found}, latency_ms=-90_000, lag_ms=-90_000)

    run = run_of(ahead, coinbase)
    run.warm_up()
    run.follow(T0 + 120_000)
    # Until the socket has brought a trade, those of REST look as if they were half a minute old.
    assert all(tick.known_time_ms < T0 + 12_000 for tick in run.ticks(BTC))
    assert "are dated" in run.plans[0].state.reason
    assert_whole(run, OTHER)
    assert of_source(run, SourceFellSilent, "binance")


@pytest.mark.parametrize("skew_ms", [-1_270, 1_270, 20_000])
def test_skew_of_a_venue_is_estimated_and_bars_close_by_its_own_clock(skew_ms):
    def skewed(clock):
        found = [replace(trade, time_ms=trade.time_ms + skew_ms) for trade in trades()]
        return PlayedExchange("binance", clock, {BTC: found}, latency_ms=40 - skew_ms, lag_ms=100 - skew_ms)

    run = run_of(skewed)
    run.warm_up()
    run.follow(T0 + 300_000)
    found = [bar for bar in run.made().bars.values() if bar.interval == "1m"]
    assert {bar.n_late for bar in found} == {0}
    assert max(bar.event_time_ms for bar in found) >= T0 + 300_000 + skew_ms - MINUTE_MS
    assert_whole(run)


# The follower by itself


def follower_of(clock, venue, handover, *, hold_s=60.0):
    begin = FollowedFrom({}, {BTC: T0}, T0, T0, is_absent=False, origin_ms=T0 - 3 * MINUTE_MS)
    return SourceFollower(
        venue,
        venue,
        clock,
        handover=handover,
        stream="live",
        begin=begin,
        gaps=GapNotes(MemoryGaps(), clock, stream="live", source=venue.name),
        options=FollowOptions(hold_s=hold_s),
        recorder=NoRecorder(),
        chance=random.Random(1),
    )


def stepped(clock, follower, seconds):
    until_s = clock.monotonic_s() + seconds
    while clock.monotonic_s() < until_s:
        clock.sleep(max(follower.step(), 0.005))


def drained(handover):
    found = []
    while (item := handover.take()) is not None:
        found.append(item)
    return found


def test_full_queue_stops_the_reading_and_loses_nothing():
    clock = ManualClock(now_ms=T0 + 10_000)
    venue = exchange(clock)
    venue.cuts = [T0 + 40_000]
    handover = Handover(most_waiting=50)
    follower = follower_of(clock, venue, handover)
    stepped(clock, follower, 60)
    assert len(handover) <= 50 + venue.page
    found = []
    for _ in range(200):
        found += drained(handover)
        stepped(clock, follower, 0.5)
    ids = [item.trade_id for item in found if isinstance(item, TickObserved)]
    expected = [trade.trade_id for trade in venue.trades[BTC] if trade.time_ms >= T0]
    assert ids == expected[: len(ids)]
    assert len(ids) > 400
    statements = [item.event_time_ms for item in found if isinstance(item, Complete)]
    assert statements == sorted(set(statements))


def test_nothing_is_complete_before_its_trades_were_given():
    clock = ManualClock(now_ms=T0 + 10_000)
    venue = exchange(clock, latency_ms=1_500)
    venue.cuts = [T0 + 30_000, T0 + 31_000]
    handover = Handover()
    stepped(clock, follower_of(clock, venue, handover), 120)
    complete_ms, late = 0, []
    for item in drained(handover):
        if isinstance(item, Complete):
            complete_ms = item.event_time_ms
        elif isinstance(item, TickObserved) and item.event_time_ms < complete_ms:
            late.append(item)
    assert complete_ms > T0 + 100_000
    assert late == []


def test_trades_that_were_held_back_by_the_network_are_not_late():
    """They arrive together, and a watermark made of the arrival of the first would make the others late."""
    clock = ManualClock(now_ms=T0 + 10_000)
    venue = exchange(clock)
    handover = Handover()
    follower = follower_of(clock, venue, handover)
    complete_ms = 0
    for _ in range(20):
        stepped(clock, follower, 2.0)
        clock.sleep(4.0)
        for item in drained(handover):
            if isinstance(item, Complete):
                complete_ms = item.event_time_ms
            elif isinstance(item, TickObserved):
                assert item.event_time_ms >= complete_ms
    assert complete_ms > T0 + 100_000


def test_handover_that_was_shut_takes_nothing_until_it_is_opened():
    handover = Handover()
    handover.put(Held(1))
    assert not handover.shut()
    assert handover.take() == Held(1)
    assert handover.shut()
    with pytest.raises(ShutError):
        handover.put(Held(2))
    handover.open()
    handover.put(Held(3))
    assert handover.take() == Held(3)


def test_source_that_does_not_get_on_is_held_for_so_long_and_no_longer():
    clock = ManualClock(now_ms=T0 + 10_000)
    venue = exchange(clock)
    venue.socket_is_down = venue.rest_is_down = [stretch(20, 500)]
    follower = follower_of(clock, venue, Handover(), hold_s=30.0)
    stepped(clock, follower, 35)
    assert follower.is_held
    stepped(clock, follower, 15)
    assert not follower.is_held
    assert follower.state.reason


# Small parts


def test_clock_of_a_venue_is_its_median_and_its_largest_lateness():
    clock = VenueClock()
    assert clock.lead_ms == -LARGEST_LATENESS_MS
    for n in range(64):
        clock.observe(1_000 * n + 1_270 - n % 7, 1_000 * n)
    assert clock.skew_ms == pytest.approx(1_267, abs=1)
    assert 0 < clock.lateness_ms < 300
    for n in range(64, 128):
        clock.observe(1_000 * n - 60_000, 1_000 * n)
    assert clock.lateness_ms <= LARGEST_LATENESS_MS


def test_one_quote_a_second_of_each_instrument_is_let_through():
    rate = QuoteRate(stream="live", source="binance")
    quote = VenueQuote(BTC, 100.0, 1.0, 100.5, 2.0, update_id=7)
    found = [
        rate.event(name, quote, known_time_ms=T0 + 100 * n, skew_ms=50)
        for n in range(30)
        for name in (BTC, OTHER)
    ]
    given = [event for event in found if event is not None]
    assert [event.instrument for event in given] == [BTC, OTHER] * 3
    assert [event.event_time_ms - T0 for event in given[::2]] == [50, 1_050, 2_050]
    crossed = VenueQuote(BTC, 101.0, 1.0, 100.5, 2.0)
    assert rate.event(BTC, crossed, known_time_ms=T0 + 9_000, skew_ms=0) is None


def test_two_instruments_of_a_source_are_refilled_in_the_order_of_time():
    def two(clock):
        eth = [replace(trade, trade_id=50_000 + n) for n, trade in enumerate(trades(seed=8))]
        made = PlayedExchange("binance", clock, {BTC: trades(), "ETH-USDT.BINANCE": eth}, page=20)
        made.cuts = [T0 + 50_000, T0 + 119_500]
        return made

    run = run_of(two)
    run.warm_up()
    run.follow(T0 + 200_000, is_killed=True)
    run.clock.sleep(30)
    run.follow(T0 + 400_000)
    for name in (BTC, "ETH-USDT.BINANCE"):
        assert_whole(run, name)
        minutes = [b for b in bars_of(run, name).values() if b.interval == "1m" and b.start_ms >= T0]
        venue = {c.start_ms: c for page in run.exchanges["binance"].candles(name, 0, 2**60) for c in page}
        assert len(minutes) >= 5
        assert {bar.n_late for bar in minutes} == {0}
        assert all(bar.n_trades == venue[bar.start_ms].n_trades for bar in minutes)


def test_candles_of_history_are_known_at_their_ends_and_stored_ones_are_not_asked_for_again():
    run = run_of(exchange)
    run.warm_up()
    candles = [e for e in run.events() if isinstance(e, CandleObserved)]
    assert len(candles) == 3
    assert all(candle.known_time_ms == candle.event_time_ms for candle in candles)
    run.log.clear()
    before = run.exchanges["binance"].n_requests
    run.warm_up()
    assert run.exchanges["binance"].n_requests == before
    assert [e for e in run.events() if isinstance(e, CandleObserved)] == candles


def test_trade_of_the_current_minute_from_before_the_start_is_among_the_ticks():
    run = followed(until_s=70)
    assert T0 <= run.ticks(BTC)[0].event_time_ms < T0 + 5_000
    assert isinstance(run.exchanges["binance"].trades[BTC][0], VenueTrade)

"""The follower of one source by itself, and its small parts."""

import random

import pytest

from producers.jobs.following.following import SourceFollower
from producers.jobs.following.giving import FollowedFrom
from producers.jobs.following.handing import Handover, ShutError
from producers.jobs.following.healing import Healing
from producers.jobs.following.minutes import VenueMinutes
from producers.jobs.following.notes import GapNotes, NoRecorder
from producers.jobs.following.options import FollowOptions
from producers.jobs.following.threads import FollowerSteps, FollowerThread
from producers.normalise.live import Complete, Held
from producers.normalise.observations import VenueQuote
from producers.normalise.quote_rates import QuoteRate
from producers.normalise.venue_clocks import LARGEST_LATENESS_MS, VenueClock
from schemas.events import TickObserved
from schemas.gaps import MemoryGaps
from schemas.wire.clocks import ManualClock, SystemClock
from tests.fakes.played_exchanges import PlayedExchange
from tests.unit.producers.test_following import BTC, MINUTE_MS, OTHER, T0, exchange, stretch, trades


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
    made = trades(from_ms=T0, until_ms=T0 + 40_000, per_s=300.0)
    venue = PlayedExchange("binance", clock, {BTC: made}, page=1_000)
    handover = Handover()
    follower = follower_of(clock, venue, handover)
    stepped(clock, follower, 20)
    clock.sleep(5.0)
    stepped(clock, follower, 10)
    complete_ms, late = 0, []
    for item in drained(handover):
        if isinstance(item, Complete):
            complete_ms = item.event_time_ms
        elif isinstance(item, TickObserved) and item.event_time_ms < complete_ms:
            late.append(item)
    assert complete_ms > T0 + 35_000
    assert late == []


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


def test_error_that_a_follower_did_not_expect_ends_the_loop_that_publishes():
    clock = SystemClock()
    venue = exchange(ManualClock(now_ms=T0 + 10_000))
    handover = Handover()
    follower = follower_of(venue.clock, venue, handover)
    venue.read = lambda _payload, *, received_ms: 1 // 0
    minutes = VenueMinutes(venue, venue.clock, lambda ms: ms, stream="live")
    healing = Healing(minutes, MemoryGaps(), venue.clock, stream="live", source=venue.name)
    thread = FollowerThread(FollowerSteps(follower, healing, handover, venue.clock), venue.name)
    with pytest.raises(ZeroDivisionError):
        checked(thread, clock)
    thread.stop()


def checked(thread, clock):
    until_s = clock.monotonic_s() + 60
    while clock.monotonic_s() < until_s:
        thread.check()
        clock.sleep(0.01)

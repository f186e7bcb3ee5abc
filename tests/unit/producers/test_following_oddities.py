"""Venues that do odd things: refuse, never answer, fall silent, count anew, run ahead."""

import pytest
from msgspec.structs import replace

from producers.jobs.following.shown_times import ShownTime
from producers.normalise.trades import VenueTrade
from schemas.events import CandleObserved, SourceFellSilent, SourceReturned, WatermarkAdvanced
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
    assert run.ticks(BTC) == []
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


def test_warm_up_leaves_a_source_that_has_published_trades_to_the_follower():
    """Its trades are refilled by id, and bars stay those of trades."""
    run = run_of(exchange)
    run.warm_up()
    run.follow(T0 + 100_000, is_killed=True)
    before = len(run.log)
    run.clock.sleep(90)
    run.warm_up()
    assert len(run.log) == before
    run.follow(T0 + 400_000)
    assert_whole(run)
    assert run.made() == followed(until_s=400).made()


def test_trade_that_a_heartbeat_counts_and_that_never_came_is_fetched():
    def counted(clock):
        made = exchange(clock, per_s=0.2)
        made.counts_in_heartbeats = True
        made.never_sent = {(BTC, n) for n in range(len(made.trades[BTC])) if n % 3 == 0}
        return made

    run = run_of(counted)
    run.warm_up()
    run.follow(T0 + 900_000)
    assert_whole(run)
    assert {bar.n_late for bar in run.made().bars.values()} == {0}


def test_instruments_that_are_asked_for_by_rest_alone_are_complete_only_when_each_was_asked():
    def polled(clock):
        eth = [replace(trade, trade_id=50_000 + n) for n, trade in enumerate(trades(seed=8, per_s=9.0))]
        made = PlayedExchange("binance", clock, {BTC: trades(per_s=9.0), "ETH-USDT.BINANCE": eth}, page=5)
        made.socket_is_down = [stretch(0, 10_000)]
        return made

    run = run_of(polled)
    run.warm_up()
    run.follow(T0 + 240_000)
    assert {bar.n_late for bar in run.made().bars.values()} == {0}
    for name in (BTC, "ETH-USDT.BINANCE"):
        assert_whole(run, name)


def test_broker_that_lost_its_log_gets_minutes_and_the_trades_of_the_current_one():
    """Not a month of trades: what the store and the venue have as candles, up to the minute of the restart."""
    run = run_of(exchange)
    run.warm_up()
    run.follow(T0 + 500_000)
    lost_until_ms = run.ticks(BTC)[-1].event_time_ms
    run.log.clear()
    run.clock.sleep(40)
    run.warm_up()
    run.follow(T0 + 900_000)
    candles = [e.start_ms for e in run.events() if isinstance(e, CandleObserved)]
    assert candles == list(range(T0 - 3 * MINUTE_MS, T0 + 9 * MINUTE_MS, MINUTE_MS))
    assert run.ticks(BTC)[0].event_time_ms >= T0 + 9 * MINUTE_MS > lost_until_ms
    bars = [bar for bar in bars_of(run, BTC).values() if bar.interval == "1m"]
    plain = followed(until_s=900)
    assert [(b.start_ms, b.open, b.high, b.low, b.close, b.n_trades) for b in bars] == [
        (b.start_ms, b.open, b.high, b.low, b.close, b.n_trades)
        for b in bars_of(plain, BTC).values()
        if b.interval == "1m"
    ]
    assert run.gaps() == []


@pytest.mark.parametrize("is_dated", [False, True])
@pytest.mark.parametrize("begin_s", [40, 52, 100, 107])
def test_venue_that_falls_back_in_time_closes_no_bar_before_its_last_trade(begin_s, is_dated):
    """It went on sending, so an estimate of its clock vouched for trades that came after the bar had closed."""

    def behind(clock):
        made = exchange(clock, per_s=5.0)
        made.is_behind = [(*stretch(begin_s, begin_s + 15), 20_000)]
        made.is_dated = is_dated
        return made

    run = run_of(behind)
    run.warm_up()
    run.follow(T0 + 300_000)
    assert_whole(run)
    assert {bar.n_late for bar in run.made().bars.values()} == {0}
    assert run.gaps() == []
    assert run.made() == followed(per_s=5.0).made()


def watermarks_of(run):
    return [event.event_time_ms for event in of_source(run, WatermarkAdvanced, "binance")]


def pause(clock, *, rest_is_down=()):
    """Nobody trades from second 60 to 240, and heartbeats state no time."""
    made = [t for t in trades() if not T0 + 60_000 <= t.time_ms < T0 + 240_000]
    found = [replace(trade, trade_id=1000 + n) for n, trade in enumerate(made)]
    venue = PlayedExchange("binance", clock, {BTC: found})
    venue.rest_is_down = list(rest_is_down)
    return venue


def test_quiet_market_is_complete_as_far_as_the_answers_of_rest_say():
    run = run_of(pause)
    run.warm_up()
    before = run.exchanges["binance"].n_requests
    run.follow(T0 + 230_000)
    assert max(watermarks_of(run)) >= T0 + 220_000
    assert run.exchanges["binance"].n_requests - before < 80
    assert not of_source(run, SourceFellSilent, "binance")


def test_quiet_market_is_not_vouched_for_while_rest_does_not_answer():
    run = run_of(lambda clock: pause(clock, rest_is_down=[stretch(60, 110)]))
    run.warm_up()
    run.follow(T0 + 108_000)
    assert max(watermarks_of(run)) <= T0 + 60_000
    run.follow(T0 + 300_000)
    assert_whole(run)
    assert {bar.n_late for bar in run.made().bars.values()} == {0}


def test_jump_of_the_time_of_a_venue_is_told_from_a_quiet_time_and_from_messages_that_were_held_back():
    shown = ShownTime()
    assert not shown.in_message(T0, T0 + 40)
    assert not shown.in_message(T0 + 30_000, T0 + 30_040)  # quiet
    assert not shown.in_message(T0 + 10_000, T0 + 31_000)  # back
    assert shown.in_message(T0 + 32_000, T0 + 32_040)  # and right again
    assert not shown.in_message(T0 + 33_000, T0 + 45_000)  # held back
    assert not shown.in_message(T0 + 34_000, T0 + 45_000)
    assert not shown.in_message(T0 + 900_000, T0 + 46_000)  # wrong
    assert shown.time_ms == T0 + 34_000

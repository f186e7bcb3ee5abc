"""Laws of followed sources: whatever is cut and whoever is killed, bars and features are those of the uncut run.

Or they differ in exactly the minutes that the ledger of gaps names.
"""

import gzip
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.jobs.following.options import FollowOptions
from producers.normalise.binance import read_message
from producers.normalise.trades import VenueTrade
from schemas.events import TickObserved
from schemas.wire.clocks import ManualClock
from tests.fakes.played_exchanges import MINUTE_MS, PlayedExchange
from tests.fixtures.followed_runs import LiveRun

BTC = "BTC-USDT.BINANCE"
T0 = 1_763_900_040_000 // MINUTE_MS * MINUTE_MS
LAWS = settings(max_examples=4, deadline=None)
N_CUTS = 20
seeds = st.integers(0, 2**32)


def drawn_trades(chance: random.Random, *, n_minutes: int, per_s: float) -> list[VenueTrade]:
    """Bursts, quiet stretches, and several trades of one millisecond."""
    found, at, price = list[VenueTrade](), float(T0 - 2 * MINUTE_MS), 100.0
    while at < T0 + n_minutes * MINUTE_MS:
        rate = per_s * chance.choice([0.1, 1, 1, 5])
        for _ in range(chance.randrange(1, 40)):
            at += chance.expovariate(rate / 1000)
            price = round(price + chance.choice([-0.5, 0.0, 0.5]), 2)
            for _ in range(chance.choice([1, 1, 2])):
                size, is_sell = chance.randrange(1, 9) / 8, chance.random() < 0.5
                found.append(VenueTrade("BTC", 7_000 + len(found), price, size, int(at), is_sell))
    return found


def run_of(trades: list[VenueTrade], *, seed: int = 1, options: FollowOptions | None = None) -> LiveRun:
    clock = ManualClock(now_ms=T0 + 5_000)
    exchange = PlayedExchange("binance", clock, {BTC: trades}, page=200)
    return LiveRun(clock, [exchange], history_minutes=2, seed=seed, options=options)


def whole(trades: list[VenueTrade], until_ms: int) -> LiveRun:
    run = run_of(trades)
    run.warm_up()
    run.follow(until_ms)
    return run


def cut_run(trades: list[VenueTrade], until_ms: int, chance: random.Random) -> LiveRun:
    """The same trades, with cuts, lost messages and kills at random moments."""
    run = run_of(trades, seed=chance.randrange(2**32))
    exchange = run.exchanges["binance"]
    moments = sorted(chance.uniform(T0 + 6_000, until_ms - 10_000) for _ in range(N_CUTS))
    kills = [at_ms for at_ms in moments if chance.random() < 0.4]
    exchange.cuts = [int(at_ms) for at_ms in moments if at_ms not in kills]
    exchange.never_sent = {(BTC, chance.randrange(len(trades))) for _ in range(10)}
    down_ms = int(chance.uniform(T0 + 10_000, until_ms - 60_000))
    exchange.socket_is_down = [(down_ms, down_ms + 25_000)]
    exchange.rest_is_down = [(down_ms + 5_000, down_ms + 22_000)]
    run.warm_up()
    for at_ms in kills:
        run.follow(int(at_ms), is_killed=True)
        run.clock.sleep(chance.choice([0.0, 0.7, 8.0]))
    run.follow(until_ms)
    return run


def assert_same(run: LiveRun, plain: LiveRun) -> None:
    assert run.gaps() == []
    assert [tick.trade_id for tick in run.ticks(BTC)] == [tick.trade_id for tick in plain.ticks(BTC)]
    assert run.made() == plain.made()
    known = [event.known_time_ms for event in run.events() if isinstance(event, TickObserved)]
    assert known == sorted(known)


@LAWS
@given(seed=seeds)
def test_twenty_cuts_and_kills_change_neither_bars_nor_features(seed: int) -> None:
    chance = random.Random(seed)
    trades = drawn_trades(chance, n_minutes=7, per_s=4.0)
    until_ms = T0 + 5 * MINUTE_MS + 30_000
    assert_same(cut_run(trades, until_ms, chance), whole(trades, until_ms))


@pytest.mark.recorded
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_twenty_cuts_of_the_recorded_trades_change_neither_bars_nor_features(recorded_data, seed) -> None:
    path = recorded_data / "ticks" / "binance_ws_spot_btcusdt_20240809.gz"
    with gzip.open(path) as lines:
        read = [read_message(line.split(b" ", 1)[1]) for line in lines]
    trades = [trade for kind, found in read if kind == "trade" for trade in found]
    shift_ms = T0 - trades[0].time_ms // MINUTE_MS * MINUTE_MS
    shifted = [
        VenueTrade(
            trade.symbol,
            trade.trade_id,
            trade.price,
            trade.size,
            trade.time_ms + shift_ms,
            trade.is_buyer_maker,
        )
        for trade in trades
    ]
    assert len(shifted) > 10_000
    until_ms = shifted[-1].time_ms + 5_000
    chance = random.Random(seed)
    assert_same(cut_run(shifted, until_ms, chance), whole(shifted, until_ms))


def minutes_touched(run: LiveRun) -> set[int]:
    return {
        minute
        for gap in run.gaps()
        for minute in range(gap.start_ms // MINUTE_MS * MINUTE_MS, gap.end_ms, MINUTE_MS)
    }


@LAWS
@given(seed=seeds)
def test_where_nothing_can_be_refilled_the_bars_differ_in_the_minutes_that_the_ledger_names(
    seed: int,
) -> None:
    chance = random.Random(seed)
    trades = drawn_trades(chance, n_minutes=14, per_s=3.0)
    until_ms = T0 + 12 * MINUTE_MS
    run = run_of(trades, seed=seed, options=FollowOptions(hold_s=20.0))
    exchange = run.exchanges["binance"]
    for begin_s in (chance.uniform(30, 150), chance.uniform(300, 420)):
        begin_ms = T0 + int(begin_s * 1000)
        length_ms = chance.randrange(25_000, 130_000)
        exchange.socket_is_down.append((begin_ms, begin_ms + length_ms))
        exchange.rest_is_down.append((begin_ms, begin_ms + length_ms + chance.choice([0, 0, 60_000])))
    run.warm_up()
    kill_ms = T0 + chance.randrange(20_000, 600_000)
    run.follow(kill_ms, is_killed=True)
    run.clock.sleep(chance.choice([0.0, 5.0]))
    run.follow(until_ms)

    gaps, mine = minutes_touched(run), run.made().bars
    theirs = whole(trades, until_ms).made().bars
    last_ms = max(bar.start_ms for bar in mine.values() if bar.interval == "1m")
    assert last_ms >= until_ms - 3 * MINUTE_MS
    for fact, bar in theirs.items():
        if bar.interval == "1m" and bar.start_ms <= last_ms and bar.start_ms not in gaps:
            assert mine[fact] == bar
    for fact, bar in mine.items():
        if bar.interval == "1m" and bar.start_ms in gaps and fact in theirs:
            assert (bar.open, bar.close, bar.n_trades) == (
                theirs[fact].open,
                theirs[fact].close,
                theirs[fact].n_trades,
            )


@LAWS
@given(seed=seeds)
def test_venue_that_falls_back_in_time_and_jumps_ahead_again_changes_neither_bars_nor_features(
    seed: int,
) -> None:
    chance = random.Random(seed)
    trades = drawn_trades(chance, n_minutes=7, per_s=1.0)
    until_ms = T0 + 5 * MINUTE_MS + 30_000
    run = run_of(trades, seed=seed)
    exchange = run.exchanges["binance"]
    exchange.is_dated = chance.random() < 0.7
    for minute in range(1, 5):
        begin_ms = T0 + minute * MINUTE_MS - chance.randrange(1_000, 25_000)
        length_ms = chance.randrange(6_000, 26_000)
        exchange.is_behind.append((begin_ms, begin_ms + length_ms, chance.randrange(6_000, 40_000)))
    run.warm_up()
    run.follow(until_ms)
    assert_same(run, whole(trades, until_ms))

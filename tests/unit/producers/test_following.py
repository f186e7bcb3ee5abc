"""A followed source: each trade once and in order, whatever is cut, and every loss in the ledger."""

import random

import pytest

from producers.normalise.trades import VenueTrade
from schemas.events import CandleObserved, SourceFellSilent, SourceReturned, TickObserved
from schemas.time import Interval
from schemas.wire.clocks import ManualClock
from tests.fakes.played_exchanges import MINUTE_MS, PlayedExchange
from tests.fixtures.followed_runs import LiveRun

T0 = 1_763_900_040_000 // MINUTE_MS * MINUTE_MS
BTC = "BTC-USDT.BINANCE"
OTHER = "BTC-USD.COINBASE"


def trades(*, from_ms=T0 - 3 * MINUTE_MS, until_ms=T0 + 30 * MINUTE_MS, seed=1, per_s=2.0, first_id=1000):
    """Trades at random moments, with a number of trades in one millisecond now and then."""
    chance, found, at = random.Random(seed), [], float(from_ms)
    price = 100.0
    while at < until_ms:
        at += chance.expovariate(per_s / 1000)
        for _ in range(chance.choice([1, 1, 1, 3])):
            price = round(price + chance.choice([-0.5, 0, 0.5]), 2)
            size = chance.randrange(1, 9) / 8
            trade_id = first_id + len(found)
            found.append(VenueTrade("BTC", trade_id, price, size, int(at), chance.random() < 0.5))
    return found


def exchange(clock, *, name="binance", instrument=BTC, **values):
    made = {key: values.pop(key) for key in ("seed", "per_s", "first_id") if key in values}
    return PlayedExchange(name, clock, {instrument: trades(**made)}, **values)


def run_of(*exchanges_made, began_ms=T0 + 10_000, **values):
    clock = ManualClock(now_ms=began_ms)
    return LiveRun(clock, [make(clock) for make in exchanges_made], **values)


def followed(prepare=None, *, until_s=300, instrument=BTC, **values):
    run = run_of(lambda clock: exchange(clock, **values))
    if prepare is not None:
        prepare(run.exchanges["binance"])
    run.warm_up()
    run.follow(T0 + until_s * 1000)
    return run


def ids(run, instrument=BTC):
    return [tick.trade_id for tick in run.ticks(instrument)]


def assert_whole(run, instrument=BTC, *, from_ms=T0):
    """Every trade from a time on lies in the log once and in order."""
    found = ids(run, instrument)
    (venue,) = [each for each in run.exchanges.values() if instrument in each.trades]
    expected = [trade.trade_id for trade in venue.trades[instrument] if trade.time_ms >= from_ms]
    assert found == expected[: len(found)]
    assert len(found) > 100


def test_sound_connection_gives_each_trade_from_the_start_of_the_minute():
    run = followed()
    assert_whole(run)
    assert run.gaps() == []
    assert not [e for e in run.events() if isinstance(e, SourceFellSilent)]


def test_bars_are_those_of_the_venue():
    run = followed()
    bars = {bar.start_ms: bar for bar in run.made().bars.values() if bar.interval == "1m"}
    candles = {c.start_ms: c for page in run.exchanges["binance"].candles(BTC, 0, 2**60) for c in page}
    assert set(bars) == {T0 + n * MINUTE_MS for n in range(-3, 4)}
    for start_ms, bar in bars.items():
        assert (bar.open, bar.high, bar.low, bar.close) == (
            candles[start_ms].open,
            candles[start_ms].high,
            candles[start_ms].low,
            candles[start_ms].close,
        )
        assert bar.volume == pytest.approx(candles[start_ms].volume)
        assert bar.n_trades == candles[start_ms].n_trades
        assert bar.n_late == 0


def cuts(*seconds):
    def prepare(venue):
        venue.cuts = [T0 + int(1000 * second) for second in seconds]

    return prepare


def test_cut_connection_is_refilled_and_nothing_changes():
    plain, cut = followed(), followed(cuts(37.3, 61.02, 62, 118.9, 200))
    assert_whole(cut)
    assert cut.made() == plain.made()
    assert cut.gaps() == []


def stretch(begin_s, end_s):
    return T0 + int(1000 * begin_s), T0 + int(1000 * end_s)


def test_connection_that_comes_back_within_the_hold_is_refilled_and_never_absent():
    def prepare(venue):
        venue.socket_is_down = [stretch(70, 95)]
        venue.rest_is_down = [stretch(70, 95)]

    plain, held = followed(), followed(prepare)
    assert_whole(held)
    assert held.made() == plain.made()
    assert held.gaps() == []


def test_rest_is_asked_while_the_socket_does_not_open():
    def prepare(venue):
        venue.socket_is_down = [stretch(70, 230)]

    plain, polled = followed(), followed(prepare)
    assert_whole(polled)
    assert polled.made() == plain.made()
    assert not [e for e in polled.events() if isinstance(e, SourceFellSilent)]


def touched(gaps):
    """The starts of the minutes that gaps touch."""
    return {
        minute
        for gap in gaps
        for minute in range(gap.start_ms // MINUTE_MS * MINUTE_MS, gap.end_ms, MINUTE_MS)
    }


def assert_differs_by_gaps(run, plain):
    """Bars of minutes that no gap touches are those of the uncut run."""
    gaps = touched(run.gaps())
    mine, theirs = run.made().bars, plain.made().bars
    minutes = {fact: bar for fact, bar in theirs.items() if bar.interval == "1m"}
    last_ms = max(bar.start_ms for bar in mine.values() if bar.interval == "1m")
    for fact, bar in minutes.items():
        if bar.start_ms not in gaps and bar.start_ms <= last_ms:
            assert mine[fact] == bar
    assert {bar.start_ms for bar in mine.values() if bar.interval == "1m"} <= {
        bar.start_ms for bar in minutes.values()
    }


def test_long_outage_is_an_absence_whose_minutes_come_as_candles_when_the_venue_is_back():
    def prepare(venue):
        venue.socket_is_down = venue.rest_is_down = [stretch(70, 400)]

    plain, run = followed(until_s=600), followed(prepare, until_s=600)
    silences = [e for e in run.events() if isinstance(e, SourceFellSilent)]
    assert silences
    assert [e for e in run.events() if isinstance(e, SourceReturned)]
    (gap,) = run.gaps()
    assert gap.closed_by == "candles"
    assert gap.start_ms <= T0 + 70_000 < T0 + 390_000 < gap.end_ms
    assert_differs_by_gaps(run, plain)
    bars = {bar.start_ms: bar for bar in run.made().bars.values() if bar.interval == "1m"}
    plain_bars = {bar.start_ms: bar for bar in plain.made().bars.values() if bar.interval == "1m"}
    assert set(bars) == set(plain_bars)
    assert {start: bar.close for start, bar in bars.items()} == {
        start: bar.close for start, bar in plain_bars.items()
    }


def test_outage_that_lasts_is_an_open_gap_whose_end_follows_the_time_through_restarts():
    run = run_of(exchange)
    run.exchanges["binance"].socket_is_down = run.exchanges["binance"].rest_is_down = [stretch(70, 100_000)]
    run.warm_up()
    ends = []
    for until_s in (120, 200, 500, 800):
        run.follow(T0 + until_s * 1000)
        gaps = run.gaps()
        ends.append([gap.end_ms for gap in gaps])
        assert [gap.start_ms for gap in gaps if gap.start_ms > T0 + 71_000] == []
    assert ends[0] == []  # it is still held
    for until_s, (end_ms,) in zip((200, 500, 800), ends[1:], strict=True):
        assert T0 + until_s * 950 - 15_000 < end_ms <= T0 + until_s * 1000
    (gap,) = run.gaps()
    assert gap.is_open
    assert T0 + 60_000 < gap.start_ms <= T0 + 70_000


def test_outage_without_candles_is_an_open_gap_that_is_healed_later_behind_the_watermark():
    def prepare(venue):
        venue.socket_is_down = [stretch(70, 300)]
        venue.rest_is_down = [stretch(70, 420)]

    plain, run = followed(until_s=800), followed(prepare, until_s=800)
    gaps = run.gaps()
    assert [gap.closed_by for gap in gaps] == ["candles"]
    healed = [e for e in run.events() if isinstance(e, CandleObserved) and e.revision == 1]
    assert {c.start_ms for c in healed} == touched(gaps)
    stored = {c.start_ms for c in run.history.candles("live") if c.revision == 1}
    assert stored == {c.start_ms for c in healed}
    bars = {bar.start_ms for bar in run.made().bars.values() if bar.interval == "1m"}
    assert not bars & {c.start_ms for c in healed}
    assert_differs_by_gaps(run, plain)


def test_trade_that_the_socket_left_out_is_fetched_before_any_later_one():
    def prepare(venue):
        venue.never_sent = {(BTC, n) for n in range(500, 1400, 37)}

    plain, run = followed(), followed(prepare)
    assert_whole(run)
    assert run.made() == plain.made()


def test_trades_that_nobody_hands_out_any_more_are_a_gap():
    def prepare(venue):
        lost = [n for n, t in enumerate(venue.trades[BTC]) if T0 + 130_000 < t.time_ms < T0 + 134_000]
        venue.never_sent = {(BTC, n) for n in lost}
        venue.oldest_trade_id = {BTC: venue.trades[BTC][lost[-1]].trade_id + 1}

    plain = followed(until_s=400)
    run = run_of(exchange)
    run.warm_up()
    run.follow(T0 + 90_000)
    prepare(run.exchanges["binance"])
    run.follow(T0 + 400_000)
    gaps = run.gaps()
    assert len(gaps) == 1
    assert T0 + 129_000 < gaps[0].start_ms < gaps[0].end_ms < T0 + 136_000
    assert gaps[0].n_missing is not None
    assert gaps[0].n_missing > 0
    assert_differs_by_gaps(run, plain)


@pytest.mark.parametrize("n_newest", [60, 4])
def test_venue_that_hands_out_few_trades_is_joined_at_the_next_minute_or_with_what_the_socket_brings(
    n_newest,
):
    """The trades of the present minute were out of reach as well, and the error ended the process."""

    plain = followed(per_s=6.0, until_s=600)
    run = run_of(lambda clock: exchange(clock, per_s=6.0), began_ms=T0 + 1_000)
    run.warm_up()
    run.follow(T0 + 60_000)
    venue = run.exchanges["binance"]
    venue.socket_is_down = venue.rest_is_down = [stretch(70, 110)]
    venue.n_newest = n_newest
    run.follow(T0 + 600_000)
    assert run.gaps()
    assert max(touched(run.gaps())) <= T0 + 4 * MINUTE_MS
    assert_differs_by_gaps(run, plain)
    assert max(bar.start_ms for bar in run.made().bars.values()) >= T0 + 8 * MINUTE_MS


def test_stored_candle_of_an_hour_is_no_minute_of_the_warm_up():
    run = run_of(exchange)
    start_ms = T0 - 2 * MINUTE_MS
    hour = CandleObserved(
        event_time_ms=start_ms + 60 * MINUTE_MS,
        known_time_ms=start_ms + 60 * MINUTE_MS,
        source="binance",
        stream="live",
        instrument=BTC,
        interval=Interval.ONE_HOUR,
        start_ms=start_ms,
        open=1.0,
        high=1.0,
        low=1.0,
        close=1.0,
        volume=1.0,
    )
    run.history.store([hour])
    run.warm_up()
    published = [event for event in run.events() if isinstance(event, CandleObserved)]
    assert [event.start_ms for event in published] == [T0 - n * MINUTE_MS for n in (3, 2, 1)]
    assert {event.interval for event in published} == {Interval.ONE_MINUTE}


@pytest.mark.parametrize("away_s", [0.5, 20, 700])
def test_killed_producer_continues_after_the_last_trade_in_the_log(away_s):
    run = run_of(exchange)
    run.warm_up()
    run.follow(T0 + 100_000, is_killed=True)
    run.clock.sleep(away_s)
    run.follow(T0 + 1_000_000)
    plain = followed(until_s=1000)
    assert_whole(run)
    assert run.made() == plain.made()
    assert run.gaps() == []
    assert not [e for e in run.events() if isinstance(e, SourceFellSilent)]


def test_outage_of_more_than_an_hour_is_filled_with_minutes():
    run = run_of(lambda clock: exchange(clock, per_s=0.3, seed=3))
    run.exchanges["binance"] = late = exchange(run.clock, per_s=0.3, seed=3)
    late.trades[BTC] = trades(until_ms=T0 + 110 * MINUTE_MS, per_s=0.3)
    rebuilt = PlayedExchange("binance", run.clock, late.trades)
    run.exchanges["binance"] = rebuilt
    run.warm_up()
    run.follow(T0 + 100_000, is_killed=True)
    run.clock.sleep(95 * 60)
    run.follow(T0 + 105 * MINUTE_MS)
    (gap,) = run.gaps()
    assert gap.closed_by == "candles"
    bars = {bar.start_ms for bar in run.made().bars.values() if bar.interval == "1m"}
    assert bars == set(range(T0 - 3 * MINUTE_MS, max(bars) + 1, MINUTE_MS))
    assert max(bars) >= T0 + 103 * MINUTE_MS
    ticks = [e for e in run.events() if isinstance(e, TickObserved)]
    assert min(t.event_time_ms for t in ticks if t.event_time_ms > gap.start_ms) >= gap.end_ms

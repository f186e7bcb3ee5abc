"""The market of the mirror: one tape, and candles that agree with it."""

import numpy as np
import pytest

from tests.mirror.candles import fold_trades
from tests.mirror.markets import MINUTE_MS, Market, World
from tests.mirror.recordings import Recordings

pytestmark = pytest.mark.recorded
START_MS = 1_796_052_000_000 + 23_456
HOUR_MS = 60 * MINUTE_MS


@pytest.fixture(scope="module")
def world(recordings: Recordings) -> World:
    return World(recordings, START_MS)


@pytest.fixture(params=["binance", "coinbase", "kraken", "futures"])
def market(world: World, request: pytest.FixtureRequest) -> Market:
    return getattr(world, request.param)


def test_candles_after_the_start_of_the_tape_are_those_of_its_trades(market: Market) -> None:
    from_ms, until_ms = market.tape_start_ms, START_MS + HOUR_MS
    candles = market.candles(MINUTE_MS, from_ms, until_ms, until_ms)
    assert np.array_equal(candles, fold_trades(market.trades.between(from_ms, until_ms)))


def test_the_tape_goes_on_where_recorded_minutes_end(market: Market) -> None:
    start_ms = market.tape_start_ms
    rows = market.candles(MINUTE_MS, start_ms - HOUR_MS, start_ms + HOUR_MS, START_MS)
    assert np.unique(np.diff(rows["open_ms"])).tolist() == [MINUTE_MS]
    assert abs(rows["open"][60] / rows["close"][59] - 1) < 1e-5


def test_ids_have_no_gap_and_times_never_run_backwards(market: Market) -> None:
    trades = market.trades.between(START_MS, START_MS + HOUR_MS)
    assert np.unique(np.diff(trades.id)).tolist() == [1]
    assert np.diff(trades.time_ms).min() >= 0


def test_price_does_not_jump_between_passes(market: Market) -> None:
    price = market.trades.between(START_MS, START_MS + HOUR_MS).price
    assert np.abs(np.diff(np.log(price))).max() < 0.002


def test_price_does_not_drift_away_within_a_week(market: Market) -> None:
    week_later = market.trades.between(
        START_MS + 7 * 24 * HOUR_MS, START_MS + 7 * 24 * HOUR_MS + MINUTE_MS
    ).price
    assert abs(week_later[0] / market.trades.between(START_MS, START_MS + MINUTE_MS).price[0] - 1) < 0.01


def test_a_rate_keeps_ids_and_candles_right(recordings: Recordings) -> None:
    market = World(recordings, START_MS, rate=20).binance
    from_ms, until_ms = market.tape_start_ms, START_MS + HOUR_MS
    trades = market.trades.between(from_ms, until_ms)
    assert 15 < len(trades) / ((until_ms - from_ms) / 1000) < 25
    assert np.unique(np.diff(trades.id)).tolist() == [1]
    assert np.array_equal(market.candles(MINUTE_MS, from_ms, until_ms, until_ms), fold_trades(trades))
    assert np.abs(np.diff(np.log(trades.price))).max() < 0.002


def test_aggregated_trades_cover_every_trade_once(market: Market) -> None:
    grouped = market.aggregated.between(START_MS, START_MS + HOUR_MS)
    assert np.array_equal(grouped.first_id[1:], grouped.last_id[:-1] + 1)
    singles = market.trades.numbered(int(grouped.first_id[0]), int(grouped.last_id[-1]) + 1)
    assert singles.size.sum() == pytest.approx(grouped.size.sum())


def test_a_mirror_that_starts_again_has_the_same_market(recordings: Recordings, world: World) -> None:
    again = World(recordings, START_MS)
    first, second = (each.binance.trades.between(START_MS, START_MS + HOUR_MS) for each in (world, again))
    assert all(np.array_equal(*columns) for columns in zip(first, second, strict=True))


def test_ids_of_a_later_mirror_are_those_of_the_same_moment(recordings: Recordings, world: World) -> None:
    later = World(recordings, START_MS + 5 * HOUR_MS)
    at_ms = START_MS + 6 * HOUR_MS
    assert later.binance.trades.first_at(at_ms) == world.binance.trades.first_at(at_ms)


@pytest.mark.parametrize("minutes", [5, 15, 60, 240, 1440])
def test_longer_candles_are_those_of_the_minutes(world: World, minutes: int) -> None:
    interval_ms = minutes * MINUTE_MS
    rows = world.binance.candles(interval_ms, START_MS - 5 * 24 * HOUR_MS, START_MS, START_MS)
    whole = rows[1]
    parts = world.binance.candles(MINUTE_MS, whole["open_ms"], whole["open_ms"] + interval_ms, START_MS)
    assert len(parts) == minutes
    assert whole["volume"] == pytest.approx(parts["volume"].sum())
    assert (whole["open"], whole["close"]) == (parts["open"][0], parts["close"][-1])


def test_hours_reach_years_back_without_a_seam(world: World) -> None:
    rows = world.binance.candles(HOUR_MS, 0, START_MS, START_MS)
    recent = rows[-24 * 365 :]
    assert np.unique(np.diff(recent["open_ms"])).tolist() == [HOUR_MS]
    assert len(rows) > 60_000


def test_a_quote_has_its_bid_below_its_ask(market: Market) -> None:
    quotes = market.quotes.between(START_MS, START_MS + 20 * MINUTE_MS)
    assert (quotes.bid < quotes.ask).all()
    assert np.diff(quotes.update_id).min() > 0

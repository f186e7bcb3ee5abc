"""Laws of the simulated market: same seed, same market; a candle is its ticks; no edge, no pattern."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.sources.simulated.market import SimulatedMarket
from producers.sources.simulated.news import NewsWire
from producers.sources.simulated.parameters import MarketParameters
from producers.sources.simulated.states import HOUR_MS, MINUTES, MarketStates
from producers.sources.simulated.trades import MINUTE_MS

ORIGIN_MS = 490_000 * HOUR_MS
FEW = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**63 - 1)


def market(seed=7, **parameters):
    return SimulatedMarket(MarketParameters(seed=seed, **parameters), origin_ms=ORIGIN_MS, stream="s")


@FEW
@given(seed=seeds, minute=st.integers(0, 3 * MINUTES - 1))
def test_the_candle_of_a_minute_is_the_aggregate_of_its_ticks(seed, minute):
    start_ms = ORIGIN_MS + minute * MINUTE_MS
    ticks = list(market(seed).ticks(start_ms, start_ms + MINUTE_MS))
    (candle,) = market(seed).candles(start_ms, start_ms + MINUTE_MS)

    prices, volume = [tick.price for tick in ticks], 0.0
    for tick in ticks:
        volume += tick.size
    assert (candle.open, candle.high, candle.low, candle.close) == (
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
    )
    assert (candle.volume, candle.n_trades) == (volume, len(ticks))


@FEW
@given(seed=seeds, first=st.integers(0, 5), then=st.integers(0, 5))
def test_the_same_seed_is_the_same_market_whatever_was_asked_for_before(seed, first, then):
    asked_before, fresh = market(seed), market(seed)
    list(asked_before.candles(ORIGIN_MS + first * HOUR_MS, ORIGIN_MS + (first + 1) * HOUR_MS))

    start_ms = ORIGIN_MS + then * HOUR_MS
    assert list(asked_before.ticks(start_ms, start_ms + HOUR_MS)) == list(
        fresh.ticks(start_ms, start_ms + HOUR_MS)
    )


@FEW
@given(seed=seeds, cut_ms=st.integers(1, 2 * HOUR_MS - 1))
def test_ticks_from_a_cut_on_are_the_ticks_of_the_whole_behind_it(seed, cut_ms):
    whole = list(market(seed).ticks(ORIGIN_MS, ORIGIN_MS + 2 * HOUR_MS))
    behind = list(market(seed).ticks(ORIGIN_MS + cut_ms, ORIGIN_MS + 2 * HOUR_MS))

    assert behind == [tick for tick in whole if tick.event_time_ms >= ORIGIN_MS + cut_ms]


@FEW
@given(seed=seeds)
def test_times_never_go_back_and_trade_ids_grow(seed):
    ticks = list(market(seed).ticks(ORIGIN_MS, ORIGIN_MS + 2 * HOUR_MS))

    times, ids = [t.event_time_ms for t in ticks], [t.trade_id for t in ticks]
    assert times == sorted(times)
    assert ids == sorted(set(ids))
    assert all(t.price > 0 and t.size > 0 and t.known_time_ms == t.event_time_ms for t in ticks)


def test_another_seed_is_another_market():
    one, other = (list(market(seed).candles(ORIGIN_MS, ORIGIN_MS + HOUR_MS)) for seed in (1, 2))

    assert [candle.close for candle in one] != [candle.close for candle in other]


def quarter_scores(edge, *, drift_hours=None, n_hours=24 * 100, seed=3):
    """Signs of successive quarter-hours' returns: +1 where the next goes the same way, else -1."""
    states = MarketStates(MarketParameters(seed=seed, edge=edge, drift_hours=drift_hours), ORIGIN_MS)
    first = ORIGIN_MS // HOUR_MS
    close = np.concatenate([states.hour(first + i).close for i in range(n_hours)])
    returns = np.diff(np.log(close[14::15]))
    return np.sign(returns[1:]) * np.sign(returns[:-1])


def test_the_planted_edge_is_there_as_strong_as_stated():
    score = quarter_scores(0.25)

    share = (score < 0).mean()
    expected = 0.5 + math.asin(0.25) / math.pi
    assert share == pytest.approx(expected, abs=4 * 0.5 / math.sqrt(len(score)))


def test_without_an_edge_the_next_quarter_hour_is_a_coin():
    score = quarter_scores(0.0)

    assert abs(score.mean()) < 4 / math.sqrt(len(score))


def test_the_planted_drift_turns_reversal_into_momentum_and_doubles_volatility():
    score = quarter_scores(0.4, drift_hours=1200.0)
    half = len(score) // 2

    assert score[:half].mean() < -0.1
    assert score[half:].mean() > 0.1
    calm, wild = (
        MarketStates(MarketParameters(drift_hours=drift), ORIGIN_MS).hour(ORIGIN_MS // HOUR_MS + 2)
        for drift in (None, 2.0)
    )
    assert wild.volatility == pytest.approx(2 * calm.volatility)


@FEW
@given(seed=seeds, hour=st.integers(0, 20))
def test_the_news_of_an_hour_are_the_same_whatever_was_asked_for_before(seed, hour):
    def wire():
        return NewsWire(MarketStates(MarketParameters(seed=seed), ORIGIN_MS), seed=seed)

    asked_before = wire()
    first = ORIGIN_MS // HOUR_MS
    list(map(asked_before.hour, range(first, first + 10)))

    items = asked_before.hour(first + hour)
    assert items == wire().hour(first + hour)
    assert all(item.source == "simulated" for item in items)


def test_linked_news_are_darker_while_the_market_is_turbulent():
    states = MarketStates(MarketParameters(seed=5), ORIGIN_MS)
    first = ORIGIN_MS // HOUR_MS
    falling: dict[bool, list[bool]] = {True: [], False: []}
    for hour in range(first, first + 1000):
        turbulent = bool((states.hour(hour).regime == 2).all())
        falling[turbulent] += [item.tone == "falling" for item in NewsWire(states, seed=5).hour(hour)]

    assert np.mean(falling[True]) > np.mean(falling[False]) + 0.2

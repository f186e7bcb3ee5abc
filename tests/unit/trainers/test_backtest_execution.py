"""Execution on paper: lag, costs, gaps and ruin, by numbers worked out by hand."""

import numpy as np
import pytest

from tests.fakes.backtests import MINUTE_MS, prices_of
from trainers.backtesting.execution import Costs, Fills, break_even_bps, fills, simulate
from trainers.datasets.prices import LONGEST_SILENCE_MS

MINUTES = np.arange(1, 6, dtype=np.int64) * MINUTE_MS


def fills_of(*pairs):
    rows, weights = zip(*pairs, strict=True)
    return Fills(rows=np.array(rows, dtype=np.int64), weights=np.array(weights, dtype=np.float64))


def pairs_of(found):
    return list(zip(found.rows.tolist(), found.weights.tolist(), strict=True))


def test_a_decision_is_traded_at_the_close_a_lag_later():
    # decided   1 2 3 4 5
    # traded      1 2 3 4|5 closes all
    found = fills(MINUTES, np.array([1.0, -1.0, 1.0, 0.0, 1.0]), prices_of([1] * 5), lag_ms=MINUTE_MS)
    assert pairs_of(found) == [(1, 1.0), (2, -1.0), (3, 1.0), (4, 0.0)]


def test_without_lag_it_is_traded_at_its_own_close_and_an_unchanged_target_is_no_trade():
    found = fills(MINUTES[:4], np.array([1.0, 1.0, -1.0, -1.0]), prices_of([1] * 5), lag_ms=0)
    assert pairs_of(found) == [(0, 1.0), (2, -1.0), (4, 0.0)]


def test_where_the_close_at_the_lag_is_missing_the_next_one_is_traded_and_of_two_decisions_the_later():
    # prices 1 . . 4 5: decisions at 1 and 2 both trade at 4
    prices = prices_of([1, 1, 1], end_ms=np.array([1, 4, 5]) * MINUTE_MS)
    found = fills(MINUTES[:2], np.array([1.0, -1.0]), prices, lag_ms=MINUTE_MS)
    assert pairs_of(found) == [(1, -1.0), (2, 0.0)]


def test_nothing_is_held_across_a_silence_longer_than_a_day():
    # 1 2 | more than a day | a b: the decision at 2 could only be traded behind it
    behind = 2 * MINUTE_MS + LONGEST_SILENCE_MS + MINUTE_MS
    prices = prices_of([1, 2, 50, 60], end_ms=[MINUTE_MS, 2 * MINUTE_MS, behind, behind + MINUTE_MS])
    decided = np.array([MINUTE_MS, 2 * MINUTE_MS, behind])
    found = fills(decided, np.array([1.0, 1.0, 1.0]), prices, lag_ms=0)
    assert pairs_of(found) == [(0, 1.0), (1, 0.0), (2, 1.0), (3, 0.0)]
    assert simulate(prices, found, cost_bps=0).equity.tolist() == pytest.approx([1, 2, 2, 2.4])


def test_being_long_and_short_without_costs_is_what_the_prices_did():
    path = simulate(prices_of([100, 110, 99, 99]), fills_of((0, 1.0), (1, -1.0), (3, 0.0)), cost_bps=0)
    assert path.equity.tolist() == pytest.approx([1, 1.1, 1.1 * 1.1, 1.1 * 1.1])


def test_costs_are_paid_on_the_value_traded_each_way():
    path = simulate(prices_of([100, 100]), fills_of((0, 1.0), (1, 0.0)), cost_bps=100)
    # E' = 1 - 0.01 E' on the way in, E' (1 - 0.01) on the way out
    assert path.equity.tolist() == pytest.approx([1 / 1.01, 0.99 / 1.01])
    assert path.traded.tolist() == pytest.approx([1 / 1.01, 1])


def test_turning_from_long_to_short_trades_twice_the_equity():
    path = simulate(prices_of([100, 100, 100]), fills_of((0, 1.0), (1, -1.0), (2, 0.0)), cost_bps=0)
    assert path.traded.tolist() == pytest.approx([1, 2, 1])


def test_what_is_ruined_stays_ruined():
    path = simulate(prices_of([100, 250, 100, 100]), fills_of((0, -1.0), (2, 1.0), (3, 0.0)), cost_bps=10)
    assert path.equity.tolist()[1] == 0
    ruined = simulate(prices_of([100, 250, 100]), fills_of((0, -1.0), (1, 1.0), (2, 0.0)), cost_bps=10)
    assert ruined.equity.tolist()[1:] == [0, 0]


def test_without_a_trade_equity_is_one():
    path = simulate(prices_of([1, 2]), Fills(rows=np.empty(0, np.int64), weights=np.empty(0)), cost_bps=5)
    assert path.equity.tolist() == [1, 1]
    assert break_even_bps(prices_of([1, 2]), Fills(rows=np.empty(0, np.int64), weights=np.empty(0))) is None


def test_at_the_break_even_cost_nothing_is_won():
    prices, trades = prices_of([100, 101, 100, 99]), fills_of((0, 1.0), (1, -1.0), (3, 0.0))
    cost = break_even_bps(prices, trades)
    assert cost is not None
    assert simulate(prices, trades, cost_bps=cost).equity[-1] == pytest.approx(1, abs=1e-6)


def test_a_losing_strategy_breaks_even_at_no_cost_at_all():
    assert break_even_bps(prices_of([100, 90]), fills_of((0, 1.0), (1, 0.0))) == 0


@pytest.mark.parametrize("name", ["fee_bps", "half_spread_bps", "slippage_bps"])
def test_a_negative_cost_is_refused_by_its_name(name):
    with pytest.raises(ValueError, match=name):
        Costs(**{name: -1})

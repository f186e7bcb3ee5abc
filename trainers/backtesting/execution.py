"""Execution: from positions to equity, with costs and lag, exactly and without a loop.

Between two trades the number of units is constant, so equity is linear in the price; at a trade
the new position is what is left of equity after its costs. With weight ``w`` before, drifted to
``d`` by the price, cost ``c`` per unit traded and target ``w'``, equity is multiplied by
``(1 + s c d) / (1 + s c w')`` where ``s`` is the trade's sign: the solution of
``E' = E - c |w' E' - d E|``.

Conventions:

1. What is decided at T is traded at the first close at or after T + lag.
2. A trade happens when the target changes, and at no other time: held units drift.
3. At the end of a stretch of data everything is sold, its costs included; a decision that could
   only be traded after that end is not traded.
4. Equity that is lost stays lost: it does not go below zero, and does not rise again from zero.
5. Neither funding, borrowing, minimum lots nor market impact beyond the slippage are counted.
"""

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from trainers.datasets.prices import PricePath
from trainers.evaluation.edges import TAKER_FEE_BPS


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """The costs of trading one unit of value, in basis points of it, for each way."""

    fee_bps: float = TAKER_FEE_BPS
    half_spread_bps: float = 0.5
    slippage_bps: float = 1.0

    def __post_init__(self) -> None:
        """Refuse impossible costs.

        Raises:
            ValueError: If a cost is negative or above 1,000 basis points.
        """
        for name in ("fee_bps", "half_spread_bps", "slippage_bps"):
            if not 0 <= getattr(self, name) <= 1000:
                message = f"{name} must be in [0, 1000] basis points, was {getattr(self, name)}"
                raise ValueError(message)

    @property
    def total_bps(self) -> float:
        """The sum of all costs."""
        return self.fee_bps + self.half_spread_bps + self.slippage_bps


class Fills(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Trades: the row of the prices from which each position is held.

    Attributes:
        rows: Shape (m,), int64, strictly increasing.
        weights: Shape (m,): multiples of equity just after the trade.
    """

    rows: NDArray[np.int64]
    weights: NDArray[np.float64]


class EquityPath(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """The equity that begins at 1 and follows from trades.

    Attributes:
        equity: Shape (n,), at each row of the prices, after the trades made there.
        traded: Shape (m,), by fill: the value traded as a multiple of equity.
        gained: Shape (m,), by fill: what was earned until the next one before costs, as a multiple of equity.
    """

    equity: NDArray[np.float64]
    traded: NDArray[np.float64]
    gained: NDArray[np.float64]


def fills(
    decided_ms: NDArray[np.int64], weights: NDArray[np.float64], prices: PricePath, *, lag_ms: int
) -> Fills:
    """The rows at which positions change, and the new positions.

    Args:
        decided_ms: Shape (k,), increasing.
        weights: Shape (k,).
        prices: The closes at which trades are made; not empty.
        lag_ms: From the decision to the earliest trade, >= 0.
    """
    ends = prices.stretch_ends()
    rows = prices.rows_at_or_after(decided_ms + lag_ms)
    # The stretch that a decision was made in: the one whose last close is not before it.
    own_end = np.append(ends, len(prices))[np.searchsorted(prices.end_ms[ends], decided_ms, side="left")]
    is_tradable = (rows < len(prices)) & (rows < own_end)
    at = np.concatenate([rows[is_tradable], ends])
    target = np.concatenate([weights[is_tradable], np.zeros(len(ends))])
    order = np.argsort(at, kind="stable")
    at, target = at[order], target[order]
    is_last = np.append(at[1:] != at[:-1], [True])
    at, target = at[is_last], target[is_last]
    changes = target != np.concatenate([[0.0], target[:-1]])
    return Fills(rows=at[changes], weights=target[changes])


def simulate(prices: PricePath, trades: Fills, *, cost_bps: float) -> EquityPath:
    """The equity that follows from trades, beginning at 1.

    Args:
        prices: The closes at which trades are made; not empty.
        trades: The trades, as :func:`fills` gives them.
        cost_bps: The cost per unit of value traded, in basis points.
    """
    if len(trades.rows) == 0:
        return EquityPath(equity=np.ones(len(prices)), traded=np.empty(0), gained=np.empty(0))
    account = _account(prices.close, trades, cost_bps)
    equity = _marked(prices.close, trades.rows, trades.weights, account.after)
    return EquityPath(equity=equity, traded=account.traded, gained=account.gained)


class _Account(NamedTuple):
    """For each fill: the equity just after it, the value traded in it, and the earnings until the next fill."""

    after: NDArray[np.float64]
    traded: NDArray[np.float64]
    gained: NDArray[np.float64]


def _account(close: NDArray[np.float64], trades: Fills, cost_bps: float) -> _Account:
    rows, weights = trades.rows, trades.weights
    ratio = np.append(close[rows[1:]], close[-1]) / close[rows]
    gained = weights * (ratio - 1)
    growth = 1 + gained
    is_ruined = growth <= 0
    safe = np.where(is_ruined, 1.0, growth)
    drifted = np.concatenate([[0.0], (weights * ratio / safe)[:-1]])
    sign = np.sign(weights - drifted)
    cost = cost_bps / 1e4
    kept = (1 + sign * cost * drifted) / (1 + sign * cost * weights)
    traded = np.abs(weights * kept - drifted)
    after = np.cumprod(kept * np.concatenate([[1.0], np.where(is_ruined, 0.0, growth)[:-1]]))
    return _Account(after, traded, gained)


def _marked(
    close: NDArray[np.float64],
    rows: NDArray[np.int64],
    weights: NDArray[np.float64],
    after: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The equity at every row: 1 before the first trade, then linear in the price."""
    n_rows = np.diff(rows, append=len(close))
    equity = np.ones(len(close))
    moved = close[rows[0] :] / np.repeat(close[rows], n_rows) - 1
    equity[rows[0] :] = np.repeat(after, n_rows) * np.maximum(1 + np.repeat(weights, n_rows) * moved, 0.0)
    return equity


def break_even_bps(prices: PricePath, trades: Fills, *, most_bps: float = 1000.0) -> float | None:
    """The cost per unit traded at which nothing is won or lost; None if nothing was traded.

    Args:
        prices: The closes that the trades were made at.
        trades: The fills of the backtest.
        most_bps: The highest cost that is tried, in basis points.

    Returns:
        0 if even trading without costs lost; ``most_bps`` if trading at that cost would still earn.
    """
    if len(trades.rows) == 0:
        return None
    low, high = 0.0, most_bps

    def final(cost_bps: float) -> float:
        # The last fill sells everything, so equity does not change after it.
        return float(_account(prices.close, trades, cost_bps).after[-1])

    if final(low) <= 1:
        return 0.0
    if final(high) >= 1:
        return most_bps
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if final(middle) > 1 else (low, middle)
    return (low + high) / 2

"""The figures of an equity curve: return, volatility, Sharpe ratio and drawdown.

Returns are daily, by UTC days, as in most of the literature. A year has 365 of them, since the market
never closes.
"""

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.artifacts import Metric
from schemas.time import Interval
from trainers.evaluation.intervals import bootstrap_sums, percentile_interval

DAYS_PER_YEAR = 365
_DAY_MS = Interval.ONE_DAY.milliseconds
#: With fewer days than this no yearly figure is given.
LEAST_DAYS = 10


class MoneyFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of an equity curve.

    Attributes:
        total_return: Of the whole span, 0.1 for ten percent.
        annual_return: Compounded to a year; None below ten days.
        volatility: The deviation of daily returns, per year; None below ten days.
        sharpe: Mean over deviation of daily returns, per year, without a riskless rate; None below
            ten days or without any movement.
        largest_drawdown: The largest loss from a peak, as a positive share.
        longest_drawdown_days: The longest time from a peak to its recovery, or to the end.
    """

    total_return: float
    annual_return: float | None
    volatility: float | None
    sharpe: Metric | None
    largest_drawdown: float
    longest_drawdown_days: float


class DailyEquity(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """An equity curve by UTC days that have prices.

    Attributes:
        day_ms: Shape (d,), int64: the end of each day.
        equity: Shape (d,): the last equity of the day.
        returns: Shape (d,): the return on the equity of the day before; the first is on an equity of ``start``.
    """

    day_ms: NDArray[np.int64]
    equity: NDArray[np.float64]
    returns: NDArray[np.float64]


def daily(end_ms: NDArray[np.int64], equity: NDArray[np.float64], *, start: float = 1.0) -> DailyEquity:
    """An equity curve by days; a close at midnight belongs to the day that it ends.

    Args:
        end_ms: Shape (n,), increasing, n > 0.
        equity: Shape (n,), >= 0.
        start: The equity before the first row.
    """
    day = -(-end_ms // _DAY_MS)
    last = np.append(np.flatnonzero(np.diff(day)), len(day) - 1)
    before = np.concatenate([[start], equity[last][:-1]])
    returns = np.where(before > 0, equity[last] / np.where(before > 0, before, 1.0) - 1, 0.0)
    return DailyEquity(day_ms=day[last] * _DAY_MS, equity=equity[last], returns=returns)


def drawdown(equity: NDArray[np.float64], *, start: float = 1.0) -> NDArray[np.float64]:
    """The loss from the highest equity so far, as a positive share.

    Args:
        equity: Shape (n,).
        start: The equity before the first row, which counts as a peak.
    """
    peak = np.maximum.accumulate(np.maximum(equity, start))
    lost: NDArray[np.float64] = 1 - equity / peak
    return lost


def money(
    end_ms: NDArray[np.int64],
    equity: NDArray[np.float64],
    *,
    start: float = 1.0,
    generator: np.random.Generator,
) -> MoneyFigures:
    """The figures of an equity curve.

    Args:
        end_ms: Shape (n,), increasing, n > 0.
        equity: Shape (n,).
        start: The equity before the first row.
        generator: The source of randomness for the interval of the Sharpe ratio.
    """
    days = daily(end_ms, equity, start=start)
    growth = float(equity[-1]) / start
    n = len(days.returns)
    is_long = n >= LEAST_DAYS
    return MoneyFigures(
        total_return=growth - 1,
        annual_return=growth ** (DAYS_PER_YEAR / n) - 1 if is_long else None,
        volatility=float(days.returns.std()) * math.sqrt(DAYS_PER_YEAR) if is_long else None,
        sharpe=sharpe(days.returns, generator=generator) if is_long else None,
        largest_drawdown=float(drawdown(equity, start=start).max()),
        longest_drawdown_days=_longest_days(end_ms, equity, start),
    )


def sharpe(returns: NDArray[np.float64], *, generator: np.random.Generator) -> Metric | None:
    """The annual Sharpe ratio of daily returns with its 95 % interval; None if equity never moved.

    Args:
        returns: Shape (d,), d > 0.
        generator: The source of randomness of the bootstrap, which has blocks of a week or fewer days.
    """
    table = np.column_stack([returns, returns**2])
    value = _ratio(table.sum(axis=0)[None, :], len(returns))[0]
    if np.isnan(value):
        return None
    block = max(1, min(7, len(returns) // 20))
    resampled = bootstrap_sums(table, mean_block_rows=block, generator=generator)
    low, high = percentile_interval(_ratio(resampled, len(returns))) or (None, None)
    return Metric(value=float(value), low=low, high=high, n=len(returns))


def _ratio(sums: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    mean = sums[:, 0] / n
    variance = sums[:, 1] / n - mean**2
    moves = variance > 1e-18
    return np.where(
        moves, mean / np.sqrt(np.where(moves, variance, 1.0)) * math.sqrt(DAYS_PER_YEAR), math.nan
    )


def _longest_days(end_ms: NDArray[np.int64], equity: NDArray[np.float64], start: float) -> float:
    peak = np.maximum.accumulate(np.maximum(equity, start))
    at_peak = np.flatnonzero(equity >= peak)
    marks = np.concatenate([end_ms[:1], end_ms[at_peak], end_ms[-1:]])
    return float(np.diff(marks).max()) / _DAY_MS

"""Finds prices that no market makes: wicks far from the body of their bar, single wrong prices, and other scales.

Every bound is robust, so that no single row moves it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.columns import Columns

Times = NDArray[np.int64]
Prices = NDArray[np.float64]
Mask = NDArray[np.bool_]

_FEWEST_ROWS = 10
#: A close and the next open may differ by this factor at most, however long the hole between them is ...
_SMALLEST_JUMP = np.log(2.0)
#: ... and by so many robust standard deviations of a bar's return, times the root of the bars between.
_MOST_DEVIATIONS = 60.0
#: A price may lie so many of these deviations from another one of its bar, and always by a factor of two.
_MOST_WITHIN_A_BAR = 10.0
_MAD_OF_NORMAL = 0.6745
#: A jump that so many rows explain is a mistake of these rows; a longer one is another scale.
_FEW = 5


class PriceJumps(NamedTuple):
    """Where prices jump by more than a market moves.

    Attributes:
        wrong: Shape (n,): rows, at most a few in succession, whose prices are not near those of the rows around them.
        other: Shape (n,): which of the other rows are of another scale than the longest stretch.
        jumps: The rows at which a stretch begins, and the factors by which the price changes there.
    """

    wrong: Mask
    other: Mask
    jumps: tuple[tuple[int, float], ...]


class _Table(NamedTuple):
    """Rows by time, the logarithms of their prices, and the length of a bar."""

    times: Times
    opens: Prices
    closes: Prices
    step_ms: int

    def __len__(self) -> int:
        return len(self.times)

    def of(self, rows: NDArray[np.intp]) -> "_Table":
        """Some of the rows."""
        return _Table(self.times[rows], self.opens[rows], self.closes[rows], self.step_ms)

    def jumps(self, before: NDArray[np.intp], after: NDArray[np.intp], deviation: float) -> Mask:
        """Whether the price from the close of one row to the open of a later row jumps by more than a market moves."""
        between = np.maximum((self.times[after] - self.times[before]) // self.step_ms, 1) - 1
        band = np.maximum(_SMALLEST_JUMP, _MOST_DEVIATIONS * deviation * np.sqrt(between))
        result: Mask = np.abs(self.opens[after] - self.closes[before]) > band
        return result


def far_wicks(columns: Columns) -> tuple[Mask, Mask]:
    """Return which highs and which lows lie farther from the open and the close of their bar than a market moves.

    Args:
        columns: Positive prices, each of shape (n,).
    """
    opens, closes = columns["open"], columns["close"]
    most = np.exp(_most_within(_deviation(np.log(opens), np.log(closes))))
    high: Mask = columns["high"] > most * np.maximum(opens, closes)
    low: Mask = columns["low"] * most < np.minimum(opens, closes)
    return high, low


def price_jumps(columns: Columns, *, step_ms: int) -> PriceJumps:
    """Return which rows have wrong prices, and which lie on another price scale than most rows.

    A market moves inside bars. From a close to the next open it moves by a small part of a bar's range, also in
    a crash; a redenominated symbol or a misplaced decimal point jumps there.

    Args:
        columns: Increasing times, positive opens and closes, each of shape (n,).
        step_ms: The length of a bar.
    """
    n = len(columns["timestamp"])
    wrong, other = np.zeros(n, dtype=np.bool_), np.zeros(n, dtype=np.bool_)
    if n < _FEWEST_ROWS:
        return PriceJumps(wrong, other, ())
    opens, closes = np.log(columns["open"]), np.log(columns["close"])
    table = _Table(columns["timestamp"], opens, closes, step_ms)
    deviation = _deviation(opens, closes)
    wrong = _one_price_wrong(table, deviation)
    if not len(_jumps(table, deviation)):
        return PriceJumps(wrong, other, ())
    left = np.flatnonzero(~wrong)
    wrong[left[_few_rows_wrong(table.of(left), deviation)]] = True
    left = np.flatnonzero(~wrong)
    found = table.of(left)
    at = _jumps(found, deviation)
    if not len(at):
        return PriceJumps(wrong, other, ())
    size = found.opens[at] - found.closes[at - 1]
    other[left] = _other_scale(at, size, len(left))
    return PriceJumps(
        wrong, other, tuple((int(left[i]), float(np.exp(by))) for i, by in zip(at, size, strict=True))
    )


def _deviation(opens: Prices, closes: Prices) -> float:
    """The robust standard deviation of a bar's return; 0 for too few bars to tell it."""
    if len(opens) < _FEWEST_ROWS:
        return 0.0
    return float(np.median(np.abs(closes - opens))) / _MAD_OF_NORMAL


def _most_within(deviation: float) -> float:
    """How far two prices of one bar may lie apart where no other row bears them out."""
    return max(float(_SMALLEST_JUMP), _MOST_WITHIN_A_BAR * deviation)


def _jumps(table: _Table, deviation: float) -> NDArray[np.intp]:
    """The rows whose open is not near the close before."""
    rows = np.flatnonzero(np.abs(table.opens[1:] - table.closes[:-1]) > _SMALLEST_JUMP) + 1
    return rows[table.jumps(rows - 1, rows, deviation)]


def _one_price_wrong(table: _Table, deviation: float) -> Mask:
    """The rows whose open or close is not near the other one, and not near the row on its side either.

    In a crash the next bar opens where the last one closed; beside a wrong price it does not.
    """
    within = np.abs(table.closes - table.opens)
    has_jump = np.zeros(len(table), dtype=np.bool_)
    at = _jumps(table, deviation)
    has_jump[at] = has_jump[at - 1] = True
    result: Mask = (within > _SMALLEST_JUMP) & has_jump
    # The first open and the last close have no row on their side.
    result[[0, -1]] |= within[[0, -1]] > _most_within(deviation)
    return result


def _few_rows_wrong(table: _Table, deviation: float) -> Mask:
    """A few rows in succession without which the price does not jump."""
    wrong = np.zeros(len(table), dtype=np.bool_)
    at = _jumps(table, deviation)
    for k in range(1, _FEW + 1):
        is_before, is_after = (
            _explains(table, at, at - 1 - k, deviation),
            _explains(table, at, at + k, deviation),
        )
        for j in range(k):
            wrong[at[is_before & ~is_after] - 1 - j] = True
            wrong[at[is_after & ~is_before] + j] = True
        # Where rows on either side explain a jump, nobody knows which are wrong: the scale of most rows decides.
        at = at[~is_before & ~is_after]
    # At an end of the file only the rows on one side tell.
    for i in at[at <= _FEW]:
        wrong[:i] = True
    for i in at[at >= len(table) - _FEW]:
        wrong[i:] = True
    return wrong


def _explains(table: _Table, at: NDArray[np.intp], other: NDArray[np.intp], deviation: float) -> Mask:
    """Whether the price does not jump if the rows between a jump and another row are left out.

    Args:
        table: The rows.
        at: The rows at which the price jumps.
        other: For each jump the row that it is compared with, before or after it; it may not exist.
        deviation: Of a bar's return.
    """
    exists = (other >= 0) & (other < len(table))
    there = np.clip(other, 0, len(table) - 1)
    before = np.where(there < at, there, at - 1)
    after = np.where(there < at, at, there)
    result: Mask = exists & ~table.jumps(before, after, deviation)
    return result


def _other_scale(at: NDArray[np.intp], size: Prices, n: int) -> Mask:
    """The rows whose scale is not that of most rows: jumps add up, so that there and back leaves the scale."""
    level = np.zeros(n)
    level[at] = size
    level = np.cumsum(level)
    near = np.round(level / _SMALLEST_JUMP).astype(np.int64)
    values, counts = np.unique(near, return_counts=True)
    result: Mask = np.abs(near - values[counts.argmax()]) > 1
    return result

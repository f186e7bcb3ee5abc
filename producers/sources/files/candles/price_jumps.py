"""Finds prices that no market makes: single wrong prices, and other scales.

Every bound is robust, so that no single row moves it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.sources.files.candles.price_paths import (
    FEWEST_ROWS,
    SURE_JUMP,
    Mask,
    PricePath,
    Prices,
    deviation_of,
    most_within_a_bar,
)
from producers.sources.files.candles.scale_steps import lasting_steps, smallest_step
from schemas.frames import Columns

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
    if n < FEWEST_ROWS:
        return PriceJumps(wrong, other, ())
    opens, closes = np.log(columns["open"]), np.log(columns["close"])
    table = PricePath(columns["timestamp"], opens, closes, step_ms)
    deviation = deviation_of(opens, closes)
    wrong = _one_price_wrong(table, deviation)
    if len(_jumps(table, deviation)):
        left = np.flatnonzero(~wrong)
        rest = table.of(left)
        wrong[left[_without_true_rows(rest, _few_rows_wrong(rest, deviation), deviation)]] = True
    left = np.flatnonzero(~wrong)
    found = table.of(left)
    smallest = smallest_step(found, deviation)
    at = np.union1d(_jumps(found, deviation), lasting_steps(found, smallest, deviation))
    if not len(at):
        return PriceJumps(wrong, other, ())
    size = found.opens[at] - found.closes[at - 1]
    other[left] = _other_scale(at, size, len(left), smallest)
    return PriceJumps(
        wrong, other, tuple((int(left[i]), float(np.exp(by))) for i, by in zip(at, size, strict=True))
    )


def _jumps(table: PricePath, deviation: float) -> NDArray[np.intp]:
    """The rows whose open is not near the close before."""
    rows = np.flatnonzero(np.abs(table.opens[1:] - table.closes[:-1]) > SURE_JUMP) + 1
    return rows[table.jumps(rows - 1, rows, deviation)]


def _one_price_wrong(table: PricePath, deviation: float) -> Mask:
    """The rows whose open or close is not near the other one, and not near the row on its side either.

    In a crash the next bar opens where the last one closed; beside a wrong price it does not.
    """
    within = np.abs(table.closes - table.opens)
    has_jump = np.zeros(len(table), dtype=np.bool_)
    at = _jumps(table, deviation)
    has_jump[at] = has_jump[at - 1] = True
    result: Mask = (within > SURE_JUMP) & has_jump
    # The first open and the last close have no row on their side.
    result[[0, -1]] |= within[[0, -1]] > most_within_a_bar(deviation)
    return result


def _few_rows_wrong(table: PricePath, deviation: float) -> Mask:
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


def _without_true_rows(table: PricePath, wrong: Mask, deviation: float) -> Mask:
    """Take back the rows that continue the price of the rows around the wrong ones: true rows between wrong ones."""
    good, kept = np.flatnonzero(~wrong), wrong.copy()
    rows = np.flatnonzero(wrong)
    place = np.searchsorted(good, rows)
    is_between = (place > 0) & (place < len(good))
    rows, place = rows[is_between], place[is_between]
    if len(rows):
        fits = ~table.jumps(good[place - 1], rows, deviation) & ~table.jumps(rows, good[place], deviation)
        kept[rows[fits]] = False
    return kept


def _explains(table: PricePath, at: NDArray[np.intp], other: NDArray[np.intp], deviation: float) -> Mask:
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


def _other_scale(at: NDArray[np.intp], size: Prices, n: int, smallest: float) -> Mask:
    """The rows whose scale is not that of most rows: jumps add up, so that there and back leaves the scale."""
    level = np.zeros(n)
    level[at] = size
    level = np.cumsum(level)
    near = np.round(3 * level / smallest).astype(np.int64)
    values, counts = np.unique(near, return_counts=True)
    usual = np.median(level[near == values[counts.argmax()]])
    result: Mask = np.abs(level - usual) > smallest / 2
    return result

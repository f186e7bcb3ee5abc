"""Comparing a stored data set with the same data set computed again from the bars: every value, bit for bit.

A column that can be computed again needs no statistic: a single value that differs is reported, so a leak
of any strength is found. Labels are compared too, since a shifted label is as bad as a shifted feature.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainers.datasets.decisions import DecisionSet


class Difference(NamedTuple):
    """A column whose stored values are not those that the bars give.

    Attributes:
        n_rows: How many of its values differ in any bit.
        largest: The largest relative difference; 1 if one of the two values is undefined.
        at_ms: The decision time of the largest difference.
    """

    column: str
    n_rows: int
    largest: float
    at_ms: int


class Recomputed(NamedTuple):
    """The result of computing a data set again.

    Attributes:
        differences: One entry for each column that differs.
        unknown: Columns that the bars do not give.
        n_compared: The number of rows that both sets have.
        n_unmatched: The number of stored rows at times at which the bars give no row.
        n_left_out: The number of rows that the bars give between the first and the last stored row, and that are not stored.
        given: The columns computed again, at the rows that both sets have, shape (n, k).
        rows: The numbers of these rows in the stored set.
    """

    differences: list[Difference]
    unknown: list[str]
    n_compared: int
    n_unmatched: int
    n_left_out: int
    given: NDArray[np.float32]
    rows: NDArray[np.int64]


def recomputed(stored: DecisionSet, made: DecisionSet) -> Recomputed:
    """Compare a stored data set with one that was computed again.

    Args:
        stored: The data set that is judged.
        made: The data set computed from the bars, with the same interval and horizon.
    """
    times, here, there = np.intersect1d(
        stored.as_of_ms, made.as_of_ms, assume_unique=True, return_indices=True
    )
    differences = [
        found
        for name, own, other in _pairs(stored, made)
        if (found := _difference(name, own[here], other[there], times)) is not None
    ]
    known = [name for name in stored.names if name in made.names]
    within = (made.as_of_ms >= stored.as_of_ms[0]) & (made.as_of_ms <= stored.as_of_ms[-1])
    return Recomputed(
        differences=differences,
        unknown=[name for name in stored.names if name not in made.names],
        n_compared=len(times),
        n_unmatched=len(stored) - len(times),
        n_left_out=int(within.sum()) - len(times),
        given=made.rows[there][:, [made.names.index(name) for name in known]],
        rows=here.astype(np.int64),
    )


def _pairs(
    stored: DecisionSet, made: DecisionSet
) -> Iterator[tuple[str, NDArray[np.floating], NDArray[np.floating]]]:
    """Every column that both sets have, with its name for people."""
    for column, name in enumerate(stored.names):
        if name in made.names:
            yield name, stored.rows[:, column], made.rows[:, made.names.index(name)]
    for multiple in sorted(stored.forward_returns.keys() & made.forward_returns.keys()):
        label = f"the return over {multiple} horizons" if multiple > 1 else "the return over the horizon"
        yield label, stored.forward_returns[multiple].log_return, made.forward_returns[multiple].log_return
    for lag in sorted(stored.late.keys() & made.late.keys()):
        yield (
            f"the return entered {lag // 1000} s late",
            stored.late[lag].log_return,
            made.late[lag].log_return,
        )
    yield "trailing_log_return", stored.trailing_log_return, made.trailing_log_return


def _difference(
    name: str, own: NDArray[np.floating], other: NDArray[np.floating], times: NDArray[np.int64]
) -> Difference | None:
    is_missing = np.isnan(own) != np.isnan(other)
    both = ~np.isnan(own) & ~np.isnan(other)
    differs = is_missing | (both & (own != other))
    if not differs.any():
        return None
    one, two = own.astype(np.float64), other.astype(np.float64)
    with np.errstate(invalid="ignore"):
        scale = np.maximum(np.maximum(np.abs(one), np.abs(two)), 1e-12)
        apart = np.where(is_missing, 1.0, np.where(both, np.abs(one - two) / scale, 0.0))
    worst = int(apart.argmax())
    return Difference(name, int(differs.sum()), float(apart[worst]), int(times[worst]))
